import { describe, expect, it } from 'vitest'
import { application, CLIENTS, cookieOf, heard, inRoom, run, until } from './site.ts'

describe.each(CLIENTS)('laravel-echo over socket.io-client %i', (_generation, connect) => {
  it('here, joining and leaving tell user_info', async () => {
    const running = await run(await application())
    const one = await running.echoPage(connect, cookieOf(1))
    const log: unknown[] = []
    const room = one.join('room')
    room.here((users: unknown) => log.push(['here', users]))
    room.joining((user: unknown) => log.push(['joining', user]))
    room.leaving((user: unknown) => log.push(['leaving', user]))
    await until(() => log.length === 1)
    const two = await running.echoPage(connect, cookieOf(2))
    two.join('room')
    await until(() => log.length === 2)
    two.leave('room')
    await until(() => log.length === 3)
    expect(log).toEqual([
      ['here', [{ name: 'user 1' }]],
      ['joining', { name: 'user 2' }],
      ['leaving', { name: 'user 2' }],
    ])
  })

  it('leave leaves the public, the private and the presence channel', async () => {
    const running = await run(await application())
    const page = await running.echoPage(connect)
    const names = ['room', 'private-room', 'presence-room']
    page.channel('room')
    page.private('room')
    page.join('room')
    await until(() => names.every((name) => inRoom(running, name) === 1))
    page.leave('room')
    await until(() => names.every((name) => inRoom(running, name) === 0))
  })

  it('comes back to its channels after a lost connection', async () => {
    const running = await run(await application())
    const page = await running.echoPage(connect, {
      reconnection: true,
      reconnectionDelay: 10,
      reconnectionDelayMax: 20,
    })
    const here: unknown[] = []
    page.join('room').here((users: unknown) => here.push(users))
    await until(() => here.length === 1)
    for (const socket of running.io.of('/').sockets.values()) socket.conn.close()
    await until(() => here.length === 2)
    expect(inRoom(running, 'presence-room')).toBe(1)
  })

  it('works over long-polling, before any upgrade', async () => {
    const running = await run(await application())
    const page = await running.echoPage(connect, { transports: ['polling'] })
    const said = new Promise((resolve) => page.private('chat').listenForWhisper('hello', resolve))
    const other = await running.echoPage(connect, { transports: ['polling'] })
    other.private('chat')
    await until(() => inRoom(running, 'private-chat') === 2)
    other.private('chat').whisper('hello', { a: 1 })
    expect(await said).toEqual({ a: 1 })
  })

  it('sends the bearer token and the CSRF token that it was given', async () => {
    const app = await application()
    const running = await run(app)
    const page = await running.echoPage(connect, { extraHeaders: {}, bearerToken: '1', csrfToken: 'csrf' })
    page.private('orders.1')
    await until(() => inRoom(running, 'private-orders.1') === 1)
    expect(app.asked[0]?.headers).toMatchObject({ authorization: 'Bearer 1', 'x-csrf-token': 'csrf' })
    const error = heard(page.connector.socket as never, 'subscription_error')
    app.answer = () => ({ status: 403, body: {} })
    page.private('orders.2')
    expect(await error).toEqual(['private-orders.2', 403])
  })
})
