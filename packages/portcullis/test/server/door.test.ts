import { connect as tcp } from 'node:net'
import { describe, expect, it } from 'vitest'
import { gate, next, ORIGIN, onCleanup, outcome, start } from '../harness.ts'

const OPEN = '/socket.io/?EIO=4&transport=polling'
const OPEN_WS = '/socket.io/?EIO=4&transport=websocket'
const good = { authorization: 'Bearer alice-key' }

/** The same request on both transports. */
const both = ['polling', 'websocket'] as const

async function opened(options: Parameters<typeof start>[0] = {}, serverOptions: Parameters<typeof start>[1] = {}) {
  const harness = await start(options, serverOptions)
  harness.auth.protect(harness.io.of('/chat'), { events: {} })
  const ask = (transport: (typeof both)[number], headers: Record<string, string | string[]> = {}) =>
    transport === 'polling' ? harness.get(OPEN, headers) : harness.upgrade(OPEN_WS, headers)
  return { ...harness, ask }
}

describe('door', () => {
  it.each(both)('fact 7: refuses a bad bearer token on %s with 401, a JSON body and a challenge', async (transport) => {
    const { ask, io } = await opened()
    const answer = await ask(transport, { authorization: 'Bearer wrong-secret' })
    expect(answer.status).toBe(401)
    expect(answer.headers).toMatchObject({
      'content-type': 'application/json; charset=utf-8',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'www-authenticate': 'Bearer error="invalid_token"',
    })
    expect(JSON.parse(answer.body)).toEqual({
      code: 'AUTH_CREDENTIAL_INVALID',
      message: 'The credential was not accepted.',
      retry: 'refresh',
    })
    expect(io.engine.clientsCount).toBe(0)
  })

  it.each(both)('admits a good bearer token on %s', async (transport) => {
    const { ask } = await opened()
    expect((await ask(transport, good)).status).toBe(transport === 'polling' ? 200 : 101)
  })

  it.each(both)('answers 401 on %s when no strategy can find a credential later', async (transport) => {
    const { keys } = await import('../harness.ts')
    const { fromAuthorization, readOne } = await import('portcullis/strategies/from')
    const from = [fromAuthorization()]
    const header = { ...keys(new Map()), from, authenticate: async (h: never) => readOne(from, h, null) as never }
    const { ask } = await opened({ strategies: [header] })
    const answer = await ask(transport)
    expect([answer.status, JSON.parse(answer.body).code, answer.headers['www-authenticate']]).toEqual([
      401,
      'AUTH_CREDENTIAL_MISSING',
      'Bearer',
    ])
  })

  it.each(both)('answers 503 with Retry-After on %s when a strategy does not answer', async (transport) => {
    const { ask, records } = await opened({ limits: { authenticateTimeoutMs: 20 } })
    records.set('slow', { subject: 'slow', wait: new Promise(() => {}) })
    const answer = await ask(transport, { authorization: 'Bearer slow' })
    expect([answer.status, answer.headers['retry-after'], JSON.parse(answer.body).code]).toEqual([
      503,
      '1',
      'AUTH_UNAVAILABLE',
    ])
  })

  it.each(both)('answers 429 with Retry-After on %s to an address that asks too often', async (transport) => {
    const { ask } = await opened({ limits: { handshakesPerMinute: 2 } })
    await ask(transport, good)
    await ask(transport, good)
    const answer = await ask(transport, good)
    expect([answer.status, JSON.parse(answer.body).code]).toEqual([429, 'AUTH_RATE_LIMITED'])
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(50)
  })

  it('answers 429 to an address that has failed too often, good credential or not', async () => {
    const { ask } = await opened({ limits: { failuresPerMinute: 2 } })
    await ask('polling', { authorization: 'Bearer a' })
    await ask('polling', { authorization: 'Bearer b' })
    expect((await ask('polling', good)).status).toBe(429)
  })

  it('fact 7: treats an empty session id as a handshake', async () => {
    const { get } = await opened()
    expect((await get(`${OPEN}&sid=`, { authorization: 'Bearer wrong' })).status).toBe(401)
  })

  it.each([
    ['admitted', null],
    ['refused', 1],
  ])('survives a client that resets its upgrade while a strategy works and is then %s', async (_name, expiresAt) => {
    const held = gate()
    const asked = gate()
    const { records, url, ask } = await opened()
    records.set('slow', {
      subject: 'slow',
      expiresAt,
      get wait() {
        asked.open()
        return held.promise
      },
    })
    const socket = tcp(Number(new URL(url).port), '127.0.0.1')
    onCleanup(() => {
      socket.destroy()
    })
    const lines = ['Host: x', 'Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13']
    const key = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='
    socket.write(`GET ${OPEN_WS} HTTP/1.1\r\n${lines.join('\r\n')}\r\n${key}\r\nAuthorization: Bearer slow\r\n\r\n`)
    await asked.promise
    socket.resetAndDestroy()
    await next(socket, 'close')
    held.open()
    expect((await ask('polling', good)).status).toBe(200)
  })

  it('Z04: opens no connection for a polling client that left while a strategy worked', async () => {
    const held = gate()
    const asked = gate()
    const { records, url, io, ask } = await opened()
    records.set('slow', {
      subject: 'slow',
      get wait() {
        asked.open()
        return held.promise
      },
    })
    const socket = tcp(Number(new URL(url).port), '127.0.0.1')
    socket.write(`GET ${OPEN} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer slow\r\n\r\n`)
    await asked.promise
    socket.destroy()
    const connections = () => new Promise((resolve) => io.httpServer.getConnections((_error, count) => resolve(count)))
    await expect.poll(connections).toBe(0)
    held.open()
    await ask('polling', good)
    expect(io.engine.clientsCount).toBe(1)
  })

  it('Q04: refuses two Authorization headers rather than guess', async () => {
    const { ask } = await opened()
    const answer = await ask('polling', { authorization: ['Bearer alice-key', 'Bearer bob-key'] })
    expect([answer.status, JSON.parse(answer.body).code]).toEqual([401, 'AUTH_CREDENTIAL_INVALID'])
  })

  it('bounds the handshakes whose strategy has not answered with 503', async () => {
    const held = gate()
    const asked = gate()
    const { records, ask } = await opened({ limits: { maxPendingHandshakes: 1 } })
    records.set('slow', {
      subject: 'slow',
      get wait() {
        asked.open()
        return held.promise
      },
    })
    const first = ask('polling', { authorization: 'Bearer slow' })
    await asked.promise
    expect((await ask('polling', good)).status).toBe(503)
    held.open()
    expect((await first).status).toBe(200)
    expect((await ask('polling', good)).status).toBe(200)
  })

  it('refuses a revoked credential with 401 before a connection exists', async () => {
    const { ask, auth } = await opened()
    await auth.revoke({ issuer: 'https://issuer.example', subject: 'alice' })
    const answer = await ask('websocket', good)
    expect([answer.status, JSON.parse(answer.body).code]).toEqual([401, 'AUTH_REVOKED'])
  })
})

describe('origin', () => {
  const cookie = 'key=alice-key'
  it.each([
    ['exact', { origin: ORIGIN, cookie }, true],
    ['another host', { origin: 'https://evil.example', cookie }, false],
    ['O01: another port', { origin: `${ORIGIN}:444`, cookie }, false],
    ['O01: another scheme', { origin: 'http://app.example', cookie }, false],
    ['O01: as a suffix', { origin: `${ORIGIN}.evil.example`, cookie }, false],
    ['O01: as userinfo', { origin: 'https://app.example@evil.example', cookie }, false],
    ['O01: with a trailing dot', { origin: `${ORIGIN}.`, cookie }, false],
    ['O01: in upper case', { origin: ORIGIN.toUpperCase(), cookie }, false],
    ['O02: evil, with a good cookie', { origin: 'https://evil.example', cookie }, false],
    ['O02: evil, with a good token', { origin: 'https://evil.example', ...good }, false],
    ['O03: none, with a cookie', { cookie }, false],
    ['O03: none, with a token', good, true],
    ['O04: null', { origin: 'null', cookie }, false],
    ['O05: twice', { origin: [ORIGIN, ORIGIN], cookie }, false],
    ['O10: evil like its Host', { origin: 'https://evil.example', host: 'evil.example', cookie }, false],
    ['none, from the own page', { 'sec-fetch-site': 'same-origin', cookie }, true],
    ['none, with a listed Referer that nobody allowed', { referer: `${ORIGIN}/page?x=1`, cookie }, false],
    ['none, with a token and an evil Referer', { referer: 'https://evil.example/', ...good }, true],
    ['none, from another site', { 'sec-fetch-site': 'cross-site', cookie }, false],
  ] as const)('%s, on both transports', async (_name, headers, admitted) => {
    const { ask, io } = await opened()
    for (const transport of both) {
      const answer = await ask(transport, headers as never)
      if (admitted) expect(answer.status).toBe(transport === 'polling' ? 200 : 101)
      else expect([answer.status, JSON.parse(answer.body).code]).toEqual([403, 'AUTH_ORIGIN_REFUSED'])
    }
    if (!admitted) expect(io.engine.clientsCount).toBe(0)
  })

  it.each([
    ['none, with a listed Referer', { referer: `${ORIGIN}/page?x=1`, cookie }, true],
    ['none, with an evil Referer', { referer: 'https://evil.example/https://app.example', cookie }, false],
    ['none, with an evil Referer and a token', { referer: 'https://evil.example/', ...good }, false],
    ['none, with a Referer that is no URL', { referer: 'app.example', ...good }, false],
    ['none, with neither, and a token', good, true],
    ['evil, with a listed Referer', { origin: 'https://evil.example', referer: `${ORIGIN}/`, cookie }, false],
  ] as const)('with allowReferer: %s, on both transports', async (_name, headers, admitted) => {
    const { ask } = await opened({ allowReferer: true })
    for (const transport of both) {
      const answer = await ask(transport, headers)
      if (admitted) expect(answer.status).toBe(transport === 'polling' ? 200 : 101)
      else expect([answer.status, JSON.parse(answer.body).code]).toEqual([403, 'AUTH_ORIGIN_REFUSED'])
    }
  })

  it.each([
    ['the own page', { host: 'app.test:8080', origin: 'http://app.test:8080', cookie }, true],
    ['the own page, the port left out', { host: 'app.test', origin: 'http://app.test', cookie }, true],
    ['the own page, the default port written', { host: 'app.test:80', origin: 'http://app.test', cookie }, true],
    ['the own page, its host in capitals', { host: 'APP.test', origin: 'http://app.test', cookie }, true],
    ['another port', { host: 'app.test:8080', origin: 'http://app.test:8081', cookie }, false],
    ['another scheme', { host: 'app.test', origin: 'https://app.test', cookie }, false],
    ['another host', { host: 'app.test', origin: 'http://evil.test', cookie }, false],
    [
      'O06: a forwarded host from nobody trusted',
      { host: 'app.test', 'x-forwarded-host': 'evil.test', origin: 'http://evil.test', cookie },
      false,
    ],
    ['O06: userinfo in Host', { host: 'app.test@evil.test', origin: 'http://app.test', cookie }, false],
    ['O06: a path in Host', { host: 'evil.test/app.test', origin: 'http://app.test', cookie }, false],
    ['null', { host: 'app.test', origin: 'null', cookie }, false],
  ] as const)('same-host: %s, on both transports', async (_name, headers, admitted) => {
    const { ask } = await opened({ origins: 'same-host' })
    for (const transport of both) {
      const answer = await ask(transport, headers)
      if (admitted) expect(answer.status).toBe(transport === 'polling' ? 200 : 101)
      else expect([answer.status, JSON.parse(answer.body).code]).toEqual([403, 'AUTH_ORIGIN_REFUSED'])
    }
  })

  it('same-host: takes host and scheme from a trusted proxy, the last it added', async () => {
    const { ask } = await opened({ origins: 'same-host', trustedProxies: ['127.0.0.1'] })
    const forwarded = { 'x-forwarded-host': 'evil.test, app.test', 'x-forwarded-proto': 'https', cookie }
    expect((await ask('polling', { ...forwarded, origin: 'https://app.test' })).status).toBe(200)
    expect((await ask('polling', { ...forwarded, origin: 'https://evil.test' })).status).toBe(403)
    expect((await ask('polling', { ...forwarded, origin: 'http://app.test' })).status).toBe(403)
  })

  it('a function decides by the origin, and only true is yes', async () => {
    const asked: unknown[] = []
    const answers: Record<string, unknown> = {
      'https://a.test': true,
      'https://b.test': 'yes',
      'https://c.test': Promise.resolve(true),
    }
    const origins = ((origin: string, request: unknown) => {
      asked.push(origin, request)
      if (origin === 'https://throws.test') throw new Error('no such tenant')
      return answers[origin]
    }) as never
    const { ask, errors } = await opened({ origins })
    expect((await ask('websocket', { origin: 'https://a.test', host: 'Api.test', cookie })).status).toBe(101)
    expect(asked).toEqual(['https://a.test', { host: 'api.test', secure: false }])
    for (const origin of ['https://b.test', 'https://c.test', 'https://d.test', 'null']) {
      expect((await ask('websocket', { origin, cookie })).status).toBe(403)
    }
    const answer = await ask('websocket', { origin: 'https://throws.test', cookie })
    expect([answer.status, JSON.parse(answer.body).code]).toEqual([500, 'AUTH_ERROR'])
    expect(answer.body).not.toContain('tenant')
    expect(errors).toHaveLength(1)
    expect(asked).not.toContain('null')
  })

  it('S20: with requireSecure, refuses a request without TLS, and believes X-Forwarded-Proto of trusted proxies only', async () => {
    const forwarded = { ...good, 'x-forwarded-proto': 'https' }
    const { ask } = await opened({ requireSecure: true })
    for (const transport of both) {
      const answer = await ask(transport, forwarded)
      expect([answer.status, JSON.parse(answer.body).code]).toEqual([403, 'AUTH_FORBIDDEN'])
    }
    const behind = await opened({ requireSecure: true, trustedProxies: ['127.0.0.1'] })
    expect((await behind.ask('polling', forwarded)).status).toBe(200)
    expect((await behind.ask('polling', good)).status).toBe(403)
  })

  it('O01: reads no credential of a request whose origin is refused', async () => {
    const { keys } = await import('../harness.ts')
    let asked = 0
    const strategy = {
      ...keys(new Map()),
      authenticate: async () => {
        asked += 1
        return null
      },
    }
    const { ask } = await opened({ strategies: [strategy] })
    await ask('websocket', { origin: 'https://evil.example', cookie })
    expect(asked).toBe(0)
  })

  it('fact 11, O07: refuses an upgrade from another origin than the list, though polling was opened from a listed one', async () => {
    const { get, upgrade } = await opened()
    const { sid } = JSON.parse((await get(OPEN, { origin: ORIGIN, ...good })).body.slice(1))
    expect((await upgrade(`${OPEN_WS}&sid=${sid}`, { origin: 'https://evil.example', ...good })).status).toBe(403)
    expect((await upgrade(`${OPEN_WS}&sid=${sid}`, { origin: ORIGIN, ...good })).status).toBe(101)
  })

  it('O11: refuses a cross-site cookie with a listed Origin under strictFetchMetadata', async () => {
    const headers = { origin: ORIGIN, cookie, 'sec-fetch-site': 'cross-site' }
    expect((await (await opened()).ask('polling', headers)).status).toBe(200)
    expect((await (await opened({ strictFetchMetadata: true })).ask('polling', headers)).status).toBe(403)
  })

  it.each([
    ['O08: "*" beside a cookie strategy', ['*']],
    ['a path', ['https://app.example/']],
    ['no scheme', ['app.example']],
    ['a regular expression', [/app/ as never]],
    ['a single origin', 'https://app.example' as never],
    ['nothing', null as never],
  ])('%s is a TypeError that quotes "origins"', async (_name, origins) => {
    await expect(opened({ origins })).rejects.toThrow(/"origins"/)
  })

  it.each(['allowReferer', 'requireSecure', 'strictFetchMetadata'])(
    'Z10: "%s" must be true or false',
    async (option) => {
      await expect(opened({ [option]: 'yes' })).rejects.toThrow(`"${option}" must be true or false`)
    },
  )

  it('O12: a server with WebTransport is refused at start-up', async () => {
    await expect(opened({}, { transports: ['polling', 'websocket', 'webtransport'] })).rejects.toThrow(/"transports"/)
  })
})

describe('Z03: who follows a polling session', () => {
  it.each([
    ['another token', { authorization: 'Bearer bob-key' }],
    ['no token', {}],
  ])('with %s is refused on GET, POST and upgrade', async (_name, headers) => {
    const { get, upgrade } = await opened()
    const { sid } = JSON.parse((await get(OPEN, good)).body.slice(1))
    expect((await get(`${OPEN}&sid=${sid}`, headers)).status).toBe(403)
    expect((await get(`${OPEN}&sid=${sid}`, headers, 'POST')).status).toBe(403)
    expect((await upgrade(`${OPEN_WS}&sid=${sid}`, headers)).status).toBe(403)
  })

  it('with the same cookie goes on, whatever other cookies came since', async () => {
    const { get, upgrade } = await opened()
    const { sid } = JSON.parse((await get(OPEN, { origin: ORIGIN, cookie: 'key=alice-key' })).body.slice(1))
    const answer = await upgrade(`${OPEN_WS}&sid=${sid}`, { origin: ORIGIN, cookie: 'theme=dark; key=alice-key' })
    expect(answer.status).toBe(101)
  })
})

describe('handshake', () => {
  it('has the eight fields of Socket.IO 0.9 and the peer, frozen, and is one object for every namespace and socket', async () => {
    const { io, auth, client } = await start()
    const seen: unknown[] = []
    const remember = ({ handshake }: { handshake: unknown }) => {
      seen.push(handshake)
      return { effect: 'permit', expiresAt: null } as const
    }
    auth.protect(io.of('/a'), { connect: remember, events: {} })
    const b = auth.protect(io.of('/b'), { connect: remember, events: {} })
    b.on('connection', (socket) => seen.push(auth.handshakeOf(socket)))
    const first = client('/a', { auth: { token: 'alice-key' }, query: { room: '7' }, extraHeaders: { origin: ORIGIN } })
    await outcome(first)
    await outcome(first.io.socket('/b', { auth: { token: 'alice-key' } }))
    await expect.poll(() => seen.length).toBe(3)
    expect(new Set(seen).size).toBe(1)
    const [handshake] = seen as [Record<string, unknown>]
    expect(Object.keys(handshake).sort()).toEqual([
      'address',
      'headers',
      'issued',
      'peer',
      'query',
      'secure',
      'time',
      'url',
      'xdomain',
    ])
    expect(handshake).toMatchObject({
      xdomain: true,
      secure: false,
      query: { room: '7' },
      address: { address: '127.0.0.1' },
    })
    expect(Object.values(handshake).every((value) => Object.isFrozen(value))).toBe(true)
    expect(Object.isFrozen(handshake)).toBe(true)
  })

  it('Z08: believes X-Forwarded-For and -Proto only from a trusted proxy, and only as far as trust reaches', async () => {
    const headers = { ...good, 'x-forwarded-for': '203.0.113.9, 198.51.100.7, 10.0.0.2', 'x-forwarded-proto': 'https' }
    const untrusted = await opened()
    await untrusted.ask('polling', headers)
    expect(untrusted.audit[0]?.address).toBe('127.0.0.1')
    const trusted = await opened({ trustedProxies: ['127.0.0.1', '10.0.0.0/8'] })
    await trusted.ask('polling', headers)
    expect(trusted.audit[0]?.address).toBe('198.51.100.7')
  })
})
