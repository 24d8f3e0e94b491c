import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { gate } from '../../harness.ts'
import {
  application,
  broadcastingAuth,
  CLIENTS,
  cookieOf,
  everything,
  heard,
  inRoom,
  run,
  settled,
  subscribed,
  until,
} from './site.ts'

/** Nothing that a client sends may become one of these. */
const uncaught: unknown[] = []
const note = (error: unknown) => uncaught.push(error)
beforeAll(() => {
  process.on('unhandledRejection', note)
})
afterAll(() => {
  process.off('unhandledRejection', note)
  expect(uncaught).toEqual([])
})

const rooms = ({ io }: { io: { of(name: string): { adapter: { rooms: Map<string, unknown> } } } }) =>
  [...io.of('/').adapter.rooms.keys()].filter((room) => room.startsWith('laravel-echo#') && !room.includes('#mark-'))

const circular = Buffer.from('binary')
const HOSTILE: readonly unknown[] = [
  undefined,
  null,
  0,
  true,
  '',
  '{"channel":"x"',
  [],
  [{ channel: 'x' }],
  {},
  { channel: null },
  { channel: 7 },
  { channel: {} },
  { channel: ['private-orders.1'] },
  { channel: { toString: 'private-orders.1' } },
  { channel: '' },
  { channel: 'x'.repeat(201) },
  { channel: `private-${'x'.repeat(100_000)}` },
  { channel: 'a\nb' },
  { channel: 'a\0b' },
  { channel: '\u0085' },
  { channel: '\ud800' },
  { channel: circular },
  { constructor: { channel: 'x' } },
]

describe.each(CLIENTS)('hole 29: whatever socket.io-client %i sends', (_generation, connect) => {
  it('nothing is joined, left or said, and the server goes on', async () => {
    const app = await application()
    const running = await run(app)
    const page = await running.page({}, connect)
    for (const event of ['subscribe', 'unsubscribe', 'client event']) {
      page.emit(event)
      page.emit(event, () => {})
      for (const argument of HOSTILE) {
        page.emit(event, argument)
        page.emit(event, argument, 'more', () => {})
      }
    }
    page.emit('unsubscribe', { channel: 'presence-never-joined' })
    await settled(running, page)
    expect(rooms(running)).toEqual([])
    expect(app.asked).toEqual([])
  })

  it('auth that is no object of headers is refused with 400, and nobody is asked', async () => {
    const app = await application()
    const running = await run(app)
    const page = await running.page({}, connect)
    for (const headers of [
      7,
      'x',
      [['Authorization', 'Bearer 1']],
      { Authorization: 7 },
      { Authorization: 'a\r\nHost: evil' },
    ]) {
      const error = heard(page, 'subscription_error')
      page.emit('subscribe', { channel: 'private-orders.1', auth: { headers } })
      expect(await error).toEqual(['private-orders.1', 400])
    }
    const twice = heard(page, 'subscription_error')
    page.emit('subscribe', {
      channel: 'private-orders.1',
      auth: { headers: { Authorization: 'Bearer 1', authorization: 'Bearer 2' } },
    })
    expect(await twice).toEqual(['private-orders.1', 400])
    expect(app.asked).toEqual([])
  })
})

describe('names of channels', () => {
  it.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'private-__proto__'])(
    '%s is a name like another',
    async (name) => {
      const app = await application()
      const running = await run(app, { clients: [{ appId: 'a', key: 'k'.repeat(16) }] })
      const page = await running.page()
      await subscribed(running, page, name)
      const answer = await fetch(`${running.url}/apps/a/channels`, {
        headers: { Authorization: `Bearer ${'k'.repeat(16)}` },
      })
      expect(await answer.text()).toBe(`{"channels":{"${name}":{"subscription_count":1,"occupied":true}}}`)
      page.emit('unsubscribe', { channel: name })
      await until(() => inRoom(running, name) === 0)
    },
  )

  it('the id of another socket, and rooms of the application, are channels of their own', async () => {
    const running = await run(await application())
    const [victim, attacker] = [await running.page(), await running.page()]
    running.io
      .of('/')
      .sockets.get(victim.id ?? '')
      ?.join('admins')
    await subscribed(running, attacker, victim.id ?? '')
    await subscribed(running, attacker, 'admins')
    const log = everything(attacker)
    running.io.to(victim.id ?? '').emit('secret', 1)
    running.io.to('admins').emit('secret', 2)
    await settled(running, attacker)
    expect(log.filter(([event]) => event === 'secret')).toEqual([])
  })

  it('a name that contains private- is asked for, as Laravel under another key prefix would write it', async () => {
    const app = await application()
    app.answer = () => ({ status: 403, body: {} })
    const running = await run(app)
    const page = await running.page()
    page.emit('subscribe', { channel: 'database_private-orders.1' })
    expect(await heard(page, 'subscription_error')).toEqual(['database_private-orders.1', 403])
  })
})

describe('hole 32: headers', () => {
  it('only those that say who it is reach the application, and never Host, X-Forwarded-For or Cookie', async () => {
    const app = await application()
    const running = await run(app, { forwardHeaders: ['X-Tenant'] })
    const page = await running.page()
    page.emit('subscribe', {
      channel: 'private-orders.1',
      auth: {
        headers: {
          Host: 'evil.example',
          Cookie: 'laravel_session=2',
          'X-Forwarded-For': '10.0.0.1',
          'X-Forwarded-Host': 'evil.example',
          'Content-Type': 'text/plain',
          'Content-Length': '9999',
          'Transfer-Encoding': 'chunked',
          'X-Requested-With': 'nothing',
          'X-HTTP-Method-Override': 'DELETE',
          Authorization: 'Bearer 1',
          'X-CSRF-TOKEN': 'csrf',
          'X-XSRF-TOKEN': null,
          'Accept-Language': 'de',
          'X-Tenant': 'acme',
          'X-Other': 'no',
        },
      },
    })
    await until(() => inRoom(running, 'private-orders.1') === 1)
    const [asked] = app.asked
    expect(asked?.form).toEqual({ channel_name: 'private-orders.1' })
    expect(asked?.method).toBe('POST')
    expect(asked?.url).toBe('/broadcasting/auth')
    expect(asked?.headers).toEqual({
      authorization: 'Bearer 1',
      'x-csrf-token': 'csrf',
      'accept-language': 'de',
      'x-tenant': 'acme',
      cookie: 'laravel_session=1',
      'x-requested-with': 'XMLHttpRequest',
      'content-type': 'application/x-www-form-urlencoded',
      'content-length': '29',
      connection: 'keep-alive',
      host: new URL(app.url).host,
    })
  })
})

describe('hole 33: where the application is', () => {
  it('is the same whatever the Referer says', async () => {
    const [app, evil] = [await application(), await application()]
    const running = await run(app)
    const page = await running.page({ extraHeaders: { Cookie: 'laravel_session=1', Referer: `${evil.url}/page` } })
    await subscribed(running, page, 'private-orders.1')
    expect(app.asked).toHaveLength(1)
    expect(evil.asked).toHaveLength(0)
  })

  it('a redirect is no permission, and is not followed', async () => {
    const [app, evil] = [await application(), await application()]
    app.answer = () => ({ status: 302, body: true, headers: { Location: `${evil.url}/broadcasting/auth` } })
    const running = await run(app)
    const page = await running.page()
    page.emit('subscribe', { channel: 'private-orders.1' })
    expect(await heard(page, 'subscription_error')).toEqual(['private-orders.1', 302])
    expect(evil.asked).toHaveLength(0)
  })
})

describe('pages of strangers', () => {
  const from = (origin: string) => ({ extraHeaders: { Cookie: 'laravel_session=1', Origin: origin } })

  it('have no use of a cookie', async () => {
    const app = await application()
    const running = await run(app)
    const page = await running.page(from('https://evil.example'))
    page.emit('subscribe', { channel: 'private-orders.1' })
    expect(await heard(page, 'subscription_error')).toEqual(['private-orders.1', 403])
    expect(app.asked).toHaveLength(0)
    expect(running.audit.at(-1)).toMatchObject({ stage: 'join', code: 'AUTH_ORIGIN_REFUSED', reason: 'foreign_page' })
  })

  it('may bring a token, with which no cookie is sent', async () => {
    const app = await application()
    const running = await run(app)
    const page = await running.page(from('https://spa.example'))
    page.emit('subscribe', { channel: 'private-orders.1', auth: { headers: { Authorization: 'Bearer 1' } } })
    await until(() => inRoom(running, 'private-orders.1') === 1)
    expect(app.asked[0]?.headers.cookie).toBeUndefined()
  })

  it('are none where origins, or cors.origin, names them', async () => {
    const app = await application()
    const listed = await run(app, { origins: ['https://app.example'] })
    await subscribed(listed, await listed.page(from('https://app.example')), 'private-orders.1')
    const cors = await run(app, {}, { cors: { origin: 'https://app.example' } })
    await subscribed(cors, await cors.page(from('https://app.example')), 'private-orders.1')
    expect(app.asked).toHaveLength(2)
  })
})

describe('hole 34: whispers', () => {
  const whispered = async (payload: unknown, options: object = {}) => {
    const running = await run(await application(), options)
    const [sender, receiver] = [await running.page(), await running.page()]
    for (const page of [sender, receiver]) await subscribed(running, page, 'private-chat')
    const log = everything(receiver)
    sender.emit('client event', payload)
    await settled(running, sender, receiver)
    return log.filter(([event]) => !String(event).startsWith('Mark'))
  }
  const said = (more: object) => ({ channel: 'private-chat', event: 'client-x', data: 1, ...more })

  it('arrive as an object, and as the JSON of one', async () => {
    expect(await whispered(said({}))).toEqual([['client-x', 'private-chat', 1]])
    expect(await whispered(JSON.stringify(said({})))).toEqual([['client-x', 'private-chat', 1]])
    expect(await whispered(said({ data: undefined }))).toEqual([['client-x', 'private-chat', null]])
  })

  it.each([
    ['a name that only contains client-', said({ event: 'App\\Events\\Paid.client-x' })],
    ['a name with a control character', said({ event: 'client-\n' })],
    ['a long name', said({ event: `client-${'x'.repeat(200)}` })],
    ['a name that is no string', said({ event: ['client-x'] })],
    ['a public channel', said({ channel: 'chat' })],
    ['a channel that is an array', said({ channel: ['private-chat'] })],
    ['much data', said({ data: 'x'.repeat(20_000) })],
    ['much JSON', JSON.stringify(said({ data: 'x'.repeat(20_000) }))],
    ['deep data', `{"channel":"private-chat","event":"client-x","data":${'['.repeat(20_000)}`],
  ])('with %s reach nobody', async (_what, payload) => {
    expect(await whispered(payload)).toEqual([])
  })

  it('beyond so many each second reach nobody', async () => {
    const running = await run(await application(), { whispersPerSecond: 1 })
    const [sender, receiver] = [await running.page(), await running.page()]
    for (const page of [sender, receiver]) await subscribed(running, page, 'private-chat')
    const log = everything(receiver)
    for (let count = 0; count < 50; count += 1) sender.emit('client event', said({ data: count }))
    await settled(running, sender, receiver)
    expect(log.filter(([event]) => event === 'client-x').length).toBeLessThan(5)
    expect(running.audit.some(({ code, stage }) => stage === 'event' && code === 'AUTH_RATE_LIMITED')).toBe(true)
  })

  it('are refused before the application has answered, and after it was left', async () => {
    const app = await application()
    const running = await run(app)
    const receiver = await running.page()
    await subscribed(running, receiver, 'private-chat')
    const log = everything(receiver)
    const { promise, open } = gate()
    app.answer = async (asked) => {
      await promise
      return broadcastingAuth(asked)
    }
    const sender = await running.page()
    sender.emit('subscribe', { channel: 'private-chat', auth: { headers: { 'X-CSRF-TOKEN': 'x' } } })
    sender.emit('client event', said({}))
    await settled(running, sender)
    open()
    await until(() => inRoom(running, 'private-chat') === 2)
    sender.emit('unsubscribe', { channel: 'private-chat' })
    sender.emit('client event', said({}))
    await settled(running, sender, receiver)
    expect(log.filter(([event]) => event === 'client-x')).toEqual([])
  })
})

describe('hole 35: what comes too late', () => {
  it('a socket that is gone joins nothing', async () => {
    const app = await application()
    const { promise, open } = gate()
    app.answer = async (asked) => {
      await promise
      return broadcastingAuth(asked)
    }
    const running = await run(app)
    const page = await running.page()
    page.emit('subscribe', { channel: 'presence-room' })
    await until(() => app.asked.length === 1)
    page.disconnect()
    await until(() => running.io.of('/').sockets.size === 0)
    open()
    app.answer = broadcastingAuth
    const other = await running.page(cookieOf(2))
    const here = heard(other, 'presence:subscribed')
    other.emit('subscribe', { channel: 'presence-room' })
    expect(await here).toEqual(['presence-room', [{ user_id: 2, user_info: { name: 'user 2' } }]])
  })

  it('the last of subscribe, unsubscribe, subscribe counts', async () => {
    const running = await run(await application())
    const page = await running.page()
    for (let round = 0; round < 5; round += 1) {
      page.emit('subscribe', { channel: 'private-orders.1' })
      page.emit('unsubscribe', { channel: 'private-orders.1' })
    }
    page.emit('subscribe', { channel: 'private-orders.1' })
    await until(() => inRoom(running, 'private-orders.1') === 1)
    await delay(20)
    expect(inRoom(running, 'private-orders.1')).toBe(1)
  })
})

describe('limits', () => {
  it('a socket has so many channels and no more', async () => {
    const running = await run(await application(), { maxChannels: 3, subscribesPerSecond: 100 })
    const page = await running.page()
    for (const name of ['a', 'b', 'private-c']) await subscribed(running, page, name)
    page.emit('subscribe', { channel: 'd' })
    expect(await heard(page, 'subscription_error')).toEqual(['d', 429])
    page.emit('unsubscribe', { channel: 'a' })
    page.emit('subscribe', { channel: 'd' })
    await until(() => inRoom(running, 'd') === 1)
  })

  it('a socket asks so often and no more', async () => {
    const app = await application()
    app.answer = () => ({ status: 403, body: {} })
    const running = await run(app, { maxChannels: 5, subscribesPerSecond: 1 })
    const page = await running.page()
    const log = everything(page)
    for (let count = 0; count < 50; count += 1) page.emit('subscribe', { channel: `private-${count}` })
    await until(() => log.length >= 50)
    expect(app.asked.length).toBeLessThan(10)
    expect(log.some(([, , status]) => status === 429)).toBe(true)
  })

  it('the same question is asked once while it is open', async () => {
    const app = await application()
    const { promise, open } = gate()
    app.answer = async (asked) => {
      await promise
      return broadcastingAuth(asked)
    }
    const running = await run(app)
    const pages = [await running.page(), await running.page(), await running.page()]
    for (const page of pages) {
      page.emit('subscribe', { channel: 'private-orders.1' })
      page.emit('subscribe', { channel: 'private-orders.1' })
    }
    await until(() => app.asked.length === 1)
    await settled(running, ...pages)
    open()
    await until(() => inRoom(running, 'private-orders.1') === 3)
    expect(app.asked).toHaveLength(1)
  })
})
