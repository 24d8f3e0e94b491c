import { describe, expect, it } from 'vitest'
import {
  application,
  broadcastingAuth,
  cookieOf,
  everything,
  heard,
  inRoom,
  run,
  settled,
  subscribed,
  until,
} from './site.ts'

describe('a grant is a lease', () => {
  it('the application is asked again, with the same cookie and headers', async () => {
    const app = await application()
    const running = await run(app, { reauthorizeEveryMs: 50 })
    const page = await running.page()
    page.emit('subscribe', { channel: 'private-orders.1', auth: { headers: { 'X-CSRF-TOKEN': 'csrf' } } })
    await until(() => app.asked.length >= 4)
    expect(inRoom(running, 'private-orders.1')).toBe(1)
    for (const { headers } of app.asked) {
      expect(headers).toMatchObject({ cookie: 'laravel_session=1', 'x-csrf-token': 'csrf' })
    }
  })

  it.each([302, 401, 403, 404, 419])('a refusal with %i ends it, and the client hears of it', async (status) => {
    const app = await application()
    const running = await run(app, { reauthorizeEveryMs: 50 })
    const [page, other] = [await running.page(), await running.page(cookieOf(2))]
    for (const each of [page, other]) each.emit('subscribe', { channel: 'presence-room' })
    await until(() => inRoom(running, 'presence-room') === 2)
    const error = heard(page, 'subscription_error')
    const leaving = heard(other, 'presence:leaving')
    app.answer = (asked) =>
      /laravel_session=1/.test(asked.headers.cookie ?? '') ? { status, body: true } : broadcastingAuth(asked)
    expect(await error).toEqual(['presence-room', status])
    expect(await leaving).toEqual(['presence-room', { user_id: 1, user_info: { name: 'user 1' } }])
    expect(running.audit).toContainEqual(
      expect.objectContaining({ stage: 'join', effect: 'deny', room: 'presence-room', code: 'AUTH_FORBIDDEN' }),
    )
  })

  it.each([429, 500, 503])('%i keeps it for the grace, and then ends it', async (status) => {
    const app = await application()
    const running = await run(app, { reauthorizeEveryMs: 50, outageGraceMs: 300 })
    const page = await running.page()
    await subscribed(running, page, 'private-orders.1')
    const error = heard(page, 'subscription_error')
    app.answer = () => ({ status, body: {} })
    const before = performance.now()
    expect(await error).toEqual(['private-orders.1', status])
    expect(performance.now() - before).toBeGreaterThan(200)
    expect(inRoom(running, 'private-orders.1')).toBe(0)
  })

  it('an application that comes back within the grace is asked, and nothing was lost', async () => {
    const app = await application()
    const running = await run(app, { reauthorizeEveryMs: 50, outageGraceMs: 10_000 })
    const page = await running.page()
    const log = everything(page)
    await subscribed(running, page, 'private-orders.1')
    app.answer = () => ({ status: 500, body: {} })
    const count = app.asked.length
    await until(() => app.asked.length > count + 2)
    app.answer = broadcastingAuth
    const later = app.asked.length
    await until(() => app.asked.length > later + 2)
    expect(inRoom(running, 'private-orders.1')).toBe(1)
    expect(log.filter(([event]) => event === 'subscription_error')).toEqual([])
  })

  it('another user under the same cookie does not inherit it', async () => {
    const app = await application()
    const running = await run(app, { reauthorizeEveryMs: 50 })
    const page = await running.page()
    page.emit('subscribe', { channel: 'presence-room' })
    await heard(page, 'presence:subscribed')
    const error = heard(page, 'subscription_error')
    app.answer = () => ({ status: 200, body: { channel_data: { user_id: 2, user_info: {} } } })
    expect(await error).toEqual(['presence-room', 403])
  })

  it('nobody is asked about a channel that was left, or a socket that is gone', async () => {
    const app = await application()
    const running = await run(app, { reauthorizeEveryMs: 30 })
    const [left, gone] = [await running.page(), await running.page(cookieOf(2))]
    await subscribed(running, left, 'private-a')
    await subscribed(running, gone, 'private-b')
    left.emit('unsubscribe', { channel: 'private-a' })
    gone.disconnect()
    await until(() => inRoom(running, 'private-a') + inRoom(running, 'private-b') === 0)
    await subscribed(running, left, 'private-c')
    await until(() => app.asked.filter(({ form }) => form.channel_name === 'private-c').length >= 1)
    const before = app.asked.length
    await until(() => app.asked.length >= before + 5)
    expect(app.asked.slice(before).every(({ form }) => form.channel_name === 'private-c')).toBe(true)
  })
})

describe('a new subscribe to a channel that is held', () => {
  it('asks with the new headers, and a refusal ends it', async () => {
    const app = await application()
    const running = await run(app)
    const page = await running.page({ extraHeaders: {} })
    const as = (user: string) => ({
      channel: 'private-orders.1',
      auth: { headers: { Authorization: `Bearer ${user}` } },
    })
    page.emit('subscribe', as('1'))
    await until(() => inRoom(running, 'private-orders.1') === 1)
    page.emit('subscribe', as('2'))
    expect(await heard(page, 'subscription_error')).toEqual(['private-orders.1', 403])
    expect(inRoom(running, 'private-orders.1')).toBe(0)
  })

  it('says again who is in a presence channel, and nobody joins twice', async () => {
    const running = await run(await application())
    const [page, other] = [await running.page(), await running.page(cookieOf(2))]
    for (const each of [page, other]) {
      each.emit('subscribe', { channel: 'presence-room' })
      await heard(each, 'presence:subscribed')
    }
    const log = everything(other)
    page.emit('subscribe', { channel: 'presence-room' })
    const [, members] = await heard(page, 'presence:subscribed')
    expect(members).toHaveLength(2)
    await settled(running, other)
    expect(log.filter(([event]) => event === 'presence:joining')).toEqual([])
  })
})

describe('who a socket is', () => {
  it('is whom the application calls the member of a presence channel', async () => {
    const running = await run(await application())
    const page = await running.page()
    const socket = running.io.of('/').sockets.get(page.id ?? '')
    await subscribed(running, page, 'news')
    expect(socket?.data.identity).toBeUndefined()
    await subscribed(running, page, 'private-orders.1')
    expect(socket?.data.identity).toMatchObject({
      scheme: 'legacy',
      issuer: 'laravel-echo-server',
      subject: expect.stringMatching(/^credential:[\w-]{22}$/),
    })
    expect(JSON.stringify(socket?.data)).not.toContain('laravel_session')
    page.emit('subscribe', { channel: 'presence-room' })
    await heard(page, 'presence:subscribed')
    expect(socket?.data.identity).toMatchObject({ subject: '1', claims: { name: 'user 1' } })
    expect(running.audit.at(-1)).toMatchObject({
      stage: 'join',
      effect: 'permit',
      room: 'presence-room',
      rule: 'compat/laravel-echo',
      identity: { scheme: 'legacy', issuer: 'laravel-echo-server', subject: '1' },
    })
  })

  it('is nobody while the application has refused whatever was asked', async () => {
    const app = await application()
    app.answer = () => ({ status: 403, body: {} })
    const running = await run(app)
    const page = await running.page()
    for (const channel of ['private-orders.1', 'presence-room']) {
      page.emit('subscribe', { channel })
      await heard(page, 'subscription_error')
    }
    expect(running.io.of('/').sockets.get(page.id ?? '')?.data.identity).toBeUndefined()
  })

  it('stays what another library has found out', async () => {
    const app = await application()
    const running = await run(app)
    const identity = { scheme: 'key', issuer: 'i', subject: 'alice', claims: {} }
    running.io.use((socket, next) => {
      socket.data.identity = identity
      next()
    })
    const page = await running.page()
    page.emit('subscribe', { channel: 'presence-room' })
    await heard(page, 'presence:subscribed')
    expect(running.io.of('/').sockets.get(page.id ?? '')?.data.identity).toEqual(identity)
  })
})
