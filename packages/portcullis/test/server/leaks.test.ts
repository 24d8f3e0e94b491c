import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { inspect } from 'node:util'
import { createAdapter } from '@socket.io/redis-adapter'
import { type AuditEvent, createAuth, type Strategy } from 'portcullis'
import { accessToken } from 'portcullis/strategies/access-token'
import { allowQuery, fromAuth, fromAuthorization, fromCookie, fromProtocol, readOne } from 'portcullis/strategies/from'
import { createClient } from 'redis'
import { Server } from 'socket.io'
import { describe, expect, it, vi } from 'vitest'
import { gate, keys, next, ORIGIN, onCleanup, outcome, start, type User } from '../harness.ts'

/** The strategy `key`, which also reads the query and the subprotocol. */
function everywhere(records: Parameters<typeof keys>[0]): Strategy<User> {
  const from = [fromAuthorization(), fromAuth('token'), fromCookie('key'), allowQuery('token'), fromProtocol()]
  const known = keys(records)
  return {
    ...known,
    from,
    async authenticate(handshake, connect) {
      const key = readOne(from, handshake, connect)
      if (key === null) return null
      return known.authenticate({ ...handshake, headers: { authorization: `Bearer ${key}` } }, null)
    },
  }
}

const polling = '/socket.io/?EIO=4&transport=polling'

async function withWarnings<T>(run: (warnings: string[]) => Promise<T>): Promise<T> {
  const warnings: string[] = []
  const spy = vi.spyOn(process, 'emitWarning').mockImplementation((...args: unknown[]) => {
    warnings.push(inspect(args))
  })
  try {
    return await run(warnings)
  } finally {
    spy.mockRestore()
  }
}

describe('a credential in the query', () => {
  it('Q01: is not read unless a strategy names the parameter', async () => {
    const { get, auth, io, client } = await start()
    auth.protect(io.of('/chat'), { events: {} })
    expect(await outcome(client('/chat', { query: { token: 'alice-key' } }))).toMatchObject({
      code: 'AUTH_CREDENTIAL_MISSING',
    })
    expect((await get(`${polling}&token=wrong`)).status).toBe(200)
  })

  it('Q02: where it is read, start-up warns, and request and socket hold it no longer', async () => {
    await withWarnings(async (warnings) => {
      const records = new Map([['alice-key', { subject: 'alice' }]])
      const { auth, io, client } = await start({ strategies: [everywhere(records)] })
      expect(warnings).toHaveLength(1)
      expect(warnings[0]).toMatch(/read from the query \("token"\).*PORTCULLIS_QUERY_CREDENTIAL/s)
      const requests: string[] = []
      io.engine.on('initial_headers', (_headers, request) => requests.push(inspect([request.url, request._query])))
      const sockets: string[] = []
      auth.protect(io.of('/chat'), { events: {} }).on('connection', ({ handshake, request, data }) => {
        sockets.push(inspect([handshake, request.url, data], { depth: 8 }))
        expect(handshake.query).toMatchObject({ room: '7', EIO: '4' })
        expect(handshake.url).toContain('token=redacted')
      })
      for (const transports of [['polling'], ['websocket'], ['polling', 'websocket']]) {
        const socket = client('/chat', { query: { token: 'alice-key', room: '7' }, transports })
        expect(await outcome(socket)).toBeNull()
      }
      expect(sockets).toHaveLength(3)
      expect(requests.length).toBeGreaterThan(0)
      expect([...sockets, ...requests].join()).not.toContain('alice-key')
    })
  })

  it.each([
    ['twice', '&token=alice-key&token=bob-key'],
    ['as a list', '&token[]=alice-key&token=alice-key&token=x'],
    ['under an escaped name too', '&tok%65n=alice-key&token=alice-key'],
  ])('Q05: %s is refused with 401', async (_name, query) => {
    await withWarnings(async () => {
      const records = new Map([['alice-key', { subject: 'alice' }]])
      const { get, auth, io } = await start({ strategies: [everywhere(records)] })
      auth.protect(io.of('/chat'), { events: {} })
      const answer = await get(polling + query)
      expect([answer.status, JSON.parse(answer.body).code]).toEqual([401, 'AUTH_CREDENTIAL_INVALID'])
    })
  })

  it('Q05: under a prototype key is none, and pollutes nothing', async () => {
    await withWarnings(async () => {
      const records = new Map([['alice-key', { subject: 'alice' }]])
      const { get, auth, io } = await start({ strategies: [everywhere(records)] })
      auth.protect(io.of('/chat'), { events: {} })
      expect((await get(`${polling}&token[__proto__]=alice-key&__proto__[token]=alice-key`)).status).toBe(200)
      expect(Object.hasOwn(Object.prototype, 'token')).toBe(false)
    })
  })

  it.each(['EIO', 'transport', 'sid', 't'])('Z10: must not be called %s, which is Engine.IO’s', (parameter) => {
    expect(() => allowQuery(parameter)).toThrow('"parameter"')
  })
})

describe('a socket that was admitted', () => {
  it('Q07: holds its credential neither in handshake nor in data, and its request as it came', async () => {
    const { auth, io, client } = await start()
    const chat = auth.protect(io.of('/chat'), { events: {} })
    const seen = next(chat, 'connection') as Promise<
      [{ handshake: { headers: object }; request: { headers: object }; data: object }]
    >
    const extraHeaders = { origin: ORIGIN, cookie: 'theme=dark; key=alice-key; lang=en', 'x-app': '1' }
    await outcome(client('/chat', { extraHeaders, auth: { token: 'alice-key', device: 'phone' } }))
    const [socket] = await seen
    expect(socket.handshake).toMatchObject({
      headers: { cookie: 'theme=dark; lang=en', 'x-app': '1' },
      auth: { device: 'phone' },
    })
    expect(inspect([socket.handshake, socket.data], { depth: 8 })).not.toContain('alice-key')
    expect(socket.request.headers).toMatchObject({ cookie: extraHeaders.cookie })
    const [bearer] = [next(chat, 'connection') as typeof seen]
    await outcome(client('/chat', { extraHeaders: { authorization: 'Bearer alice-key' } }))
    expect(Object.keys((await bearer)[0].handshake.headers)).not.toContain('authorization')
  })

  it('Q08: sends no credential and no session id over the Redis adapter', async () => {
    const url = process.env.REDIS_URL ?? 'redis://127.0.0.1:6379'
    const key = `leaks-${Math.random().toString(36).slice(2)}`
    const secret = 'alice-key'
    const wire: string[] = []
    const spy = createClient({ url })
    await spy.connect()
    await spy.pSubscribe(`${key}*`, (message) => wire.push(message.toString('latin1')), true)
    onCleanup(() => spy.close())
    const nodes: { io: Server; port: number }[] = []
    for (let i = 0; i < 2; i += 1) {
      const publisher = createClient({ url })
      const subscriber = publisher.duplicate()
      await Promise.all([publisher.connect(), subscriber.connect()])
      const http = createServer().listen(0, '127.0.0.1')
      await once(http, 'listening')
      const io = new Server(http, { adapter: createAdapter(publisher, subscriber, { key }) })
      const auth = createAuth({ origins: [ORIGIN], strategies: [keys(new Map([[secret, { subject: 'alice' }]]))] })
      auth.protect(io.of('/chat'), { events: {} })
      nodes.push({ io, port: (http.address() as AddressInfo).port })
      onCleanup(async () => {
        await auth.close()
        await io.close()
        await Promise.all([publisher.close(), subscriber.close()])
      })
    }
    const [first, second] = nodes as [(typeof nodes)[0], (typeof nodes)[0]]
    const { io: connect } = await import('socket.io-client')
    const clients = [
      { auth: { token: secret } },
      { extraHeaders: { authorization: `Bearer ${secret}` } },
      { extraHeaders: { cookie: `key=${secret}`, origin: ORIGIN } },
    ].map((options) =>
      connect(`http://127.0.0.1:${first.port}/chat`, { forceNew: true, transports: ['websocket'], ...options }),
    )
    onCleanup(() => {
      for (const client of clients) client.disconnect()
    })
    expect(await Promise.all(clients.map(outcome))).toEqual([null, null, null])
    const found = await second.io.of('/chat').fetchSockets()
    expect(found.map(({ data }) => data.identity.subject)).toEqual(['alice', 'alice', 'alice'])
    second.io.of('/chat').emit('news')
    await next(clients[0] as never, 'news')
    expect(wire.length).toBeGreaterThan(1)
    expect(wire.join()).toContain('alice')
    expect(wire.join()).not.toContain(secret)
  })
})

describe('what a client sends', () => {
  it('Q06: cannot write a line of its own into the audit log, nor colour one', async () => {
    const line = '\r\n{"stage":"connect","effect":"permit","identity":{"subject":"root"}}'
    const { get, auth, io, client, audit, records } = await start()
    records.set('ansi', { subject: 'alice\u001b[2J\r\nroot' })
    auth.protect(io.of('/chat'), { events: {}, rooms: { 'r:{id}': () => ({ effect: 'permit', expiresAt: null }) } })
    await get(`${polling}&token=${encodeURIComponent(line)}`)
    await get(polling, { 'x-forwarded-for': 'root' })
    await outcome(client('/chat', { auth: { token: line } }))
    const socket = client('/chat', { auth: { token: 'ansi' } })
    await outcome(socket)
    await socket.emitWithAck(`evil${line}`)
    await socket.emitWithAck('auth:join', `r:${line}`)
    expect(audit.length).toBeGreaterThan(5)
    for (const event of audit) {
      const written = JSON.stringify(event)
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
      expect(written).not.toMatch(/[\u0000-\u001f\u007f]/)
      expect(JSON.parse(written)).toEqual(event)
    }
    expect(audit.filter(({ identity }) => identity?.subject === 'root')).toEqual([])
  })

  it('Q03: shows in no audit event, error, warning, answer or output of this library: twelve planted secrets', async () => {
    await withWarnings(async (warnings) => {
      const planted = Array.from({ length: 12 }, (_, i) => `planted-${i}-${'x'.repeat(20)}`)
      const p = (i: number) => planted[i] ?? ''
      const output: string[] = []
      const spies = [process.stdout, process.stderr].map((stream) =>
        vi.spyOn(stream, 'write').mockImplementation(((chunk: unknown) => output.push(String(chunk)) > 0) as never),
      )
      onCleanup(() => {
        for (const spy of spies) spy.mockRestore()
      })
      const refused: unknown[] = []
      const records = new Map([
        [p(0), { subject: 'alice' }],
        [p(1), { subject: 'bob', expiresAt: 1 }],
      ])
      const broken = accessToken({
        pool: { query: async ({ values }) => Promise.reject(Object.assign(new Error(`failed ${values}`), { values })) },
        from: [fromAuth('opaque')],
      })
      const audit: AuditEvent[] = []
      const reported: unknown[] = []
      const { auth, io, client, get, upgrade } = await start({
        strategies: [everywhere(records), broken as never],
        audit: (event) => audit.push(event),
        onError: (error, where) => reported.push(error, where),
        deferMs: 5_000,
      })
      const held = gate()
      auth.protect(io.of('/chat'), {
        events: {},
        rooms: {
          'slow:{id}': async () => {
            await held.promise
            throw new Error('the rule failed')
          },
        },
      })
      for (const answer of [
        await get(polling, { authorization: `Bearer ${p(2)}` }),
        await get(polling, { cookie: `key=${p(3)}`, origin: ORIGIN }),
        await get(`${polling}&token=${p(4)}`),
        await get(polling, { cookie: `key=${p(5)}`, origin: 'https://evil.example' }),
        await upgrade(polling.replace('polling', 'websocket'), { 'sec-websocket-protocol': `portcullis, ${p(6)}` }),
        await get(polling, { authorization: `Bearer ${p(1)}` }),
      ]) {
        refused.push(answer.status, answer.headers, answer.body)
      }
      refused.push(await outcome(client('/chat', { auth: { token: p(7) } })))
      refused.push(await outcome(client('/chat', { auth: { opaque: p(8) } })))
      refused.push(await outcome(client('/chat', { auth: { token: [p(9)] } })))
      const socket = client('/chat', { auth: { token: p(0) } })
      refused.push(await outcome(socket))
      const joined = socket.emitWithAck('auth:join', 'slow:1', p(10))
      held.open()
      refused.push(await joined)
      const waiting = client('/chat')
      await outcome(waiting)
      refused.push(await waiting.emitWithAck('auth:refresh', { token: p(11) }))
      const shown = inspect(
        [audit, reported, warnings, output, refused, auth, io.of('/chat').sockets.values().next().value?.data],
        {
          depth: 12,
          showHidden: true,
        },
      )
      expect(audit.length).toBeGreaterThan(10)
      expect(planted.filter((secret) => shown.includes(secret))).toEqual([])
    })
  })
})
