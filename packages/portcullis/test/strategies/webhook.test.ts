import type { AuthErrorCode, StandardSchemaV1, Strategy } from 'portcullis'
import { allowQuery, fromAuthorization } from 'portcullis/strategies/from'
import { verifyWebhook, type WebhookOptions, webhook } from 'portcullis/strategies/webhook'
import { fakeClock, handshakeOf, strategyContract } from 'portcullis/testing'
import { describe, expect, it, test } from 'vitest'
import { answering, backend, duration, failure, rawBackend, SECRET } from './webhook-fixtures.ts'

const TOKEN = 'token-of-a-user-0123456789'
const NOW = fakeClock().now() / 1000
const PERMIT = { permit: true, subject: '42' }
const withToken = (token = TOKEN) => handshakeOf({ headers: { authorization: `Bearer ${token}` } })

type Options = WebhookOptions<unknown, 'webhook'>
const at = (origin: string, options: Partial<Options> = {}) =>
  webhook({
    url: `${origin}/authenticate?key=hidden-query`,
    secret: SECRET,
    issuer: 'app',
    clock: fakeClock(),
    ...options,
  })
const HIDDEN = [TOKEN, 'hidden-query', SECRET, SECRET.slice(6)]
const ask = (strategy: Strategy, handshake = withToken()) => strategy.authenticate(handshake, null)
const refused = (strategy: Strategy, expected: readonly [AuthErrorCode, string?]) =>
  failure(ask(strategy), expected, HIDDEN)

describe('the webhook strategy keeps the contract of strategies', () => {
  const secret = 'another-token-0123456789'
  const judging = () =>
    backend((_request, response, body) => {
      const { credential } = JSON.parse(body.toString())
      response.end(JSON.stringify(credential === TOKEN ? PERMIT : { permit: false }))
    })
  const request = (token: string) => () => ({ handshake: withToken(token), connect: null })
  const cases = strategyContract({
    strategy: async () => at((await judging()).origin),
    good: request(TOKEN),
    bad: [
      { name: 'a token that the back end refuses', request: request(secret), code: 'AUTH_CREDENTIAL_INVALID' },
      { name: 'a token that is too long', request: request('x'.repeat(9000)), code: 'AUTH_CREDENTIAL_INVALID' },
    ],
    unavailable: async () => ({
      strategy: at((await answering('down', {}, 500)).origin),
      ...request(TOKEN)(),
    }),
    secrets: [TOKEN, secret, SECRET],
  })
  for (const { name, run } of cases) test(name, run)
})

describe('a credential that the back end permits', () => {
  it('gives the identity, a lease and names to revoke it by', async () => {
    const answer = {
      ...PERMIT,
      claims: { org: 'acme' },
      issuedAt: NOW - 60,
      expiresAt: NOW + 600,
      session: 'session-7',
      tokenId: 'token-7',
    }
    expect(await ask(at((await answering(answer)).origin))).toEqual({
      identity: { scheme: 'webhook', issuer: 'app', subject: '42', claims: { org: 'acme' } },
      lease: { id: 'token-7', issuedAt: NOW - 60, expiresAt: NOW + 600 },
      revocableBy: [{ tokenId: 'token-7' }, { session: 'session-7' }],
    })
  })

  it('has no claims, an unknown date and leaseSeconds when the answer says no more', async () => {
    const { origin } = await answering(PERMIT)
    const answer = await ask(at(origin, { leaseSeconds: 60 }))
    expect(answer?.identity.claims).toEqual({})
    expect(answer?.lease).toEqual({ id: expect.stringMatching(/^[\w-]{43}$/), issuedAt: 0, expiresAt: NOW + 60 })
    expect(answer?.revocableBy).toEqual([{ tokenId: answer?.lease.id }])
    expect((await ask(at(origin), withToken('another')))?.lease.id).not.toBe(answer?.lease.id)
  })

  it('holds no longer than maxLifetimeSeconds after its login', async () => {
    const { origin } = await answering({ ...PERMIT, issuedAt: NOW - 50 })
    expect((await ask(at(origin, { maxLifetimeSeconds: 60 })))?.lease.expiresAt).toBe(NOW + 10)
    await refused(at(origin, { maxLifetimeSeconds: 50 }), ['AUTH_EXPIRED', 'answer'])
    const undated = await answering(PERMIT)
    expect((await ask(at(undated.origin, { maxLifetimeSeconds: 60 })))?.lease.expiresAt).toBe(NOW + 60)
  })

  it('is dated no later than now, and refused when its date is more than a minute ahead', async () => {
    expect((await ask(at((await answering({ ...PERMIT, issuedAt: NOW + 60 })).origin)))?.lease.issuedAt).toBe(NOW)
    await refused(at((await answering({ ...PERMIT, issuedAt: NOW + 61 })).origin), [
      'AUTH_UNAVAILABLE',
      'answer_malformed',
    ])
  })

  it('K10: is refused as expired when the answer has ended', async () => {
    await refused(at((await answering({ ...PERMIT, expiresAt: NOW })).origin), ['AUTH_EXPIRED', 'answer'])
  })

  it('W11: has the subject of each answer: two answers for one credential are two identities', async () => {
    let subject = 0
    const { origin } = await backend((_request, response) => {
      subject += 1
      response.end(JSON.stringify({ ...PERMIT, subject: String(subject) }))
    })
    const strategy = at(origin)
    const [first, second] = [await ask(strategy), await ask(strategy)]
    expect([first?.identity.subject, second?.identity.subject]).toEqual(['1', '2'])
    expect(first?.lease.id).toBe(second?.lease.id)
  })
})

describe('claims', () => {
  const schema = (validate: StandardSchemaV1<unknown, string>['~standard']['validate']) => ({
    '~standard': { version: 1 as const, vendor: 'test', validate },
  })

  it('are what the schema makes of them', async () => {
    const { origin } = await answering({ ...PERMIT, claims: { org: 'acme' } })
    const claims = schema((value) => ({ value: `org:${(value as { org: string }).org}` }))
    expect((await ask(at(origin, { claims })))?.identity.claims).toBe('org:acme')
  })

  it('W01: that the schema refuses are AUTH_UNAVAILABLE, and quoted nowhere', async () => {
    const { origin } = await answering({ ...PERMIT, claims: { org: TOKEN } })
    const claims = schema((value) => ({ issues: [{ message: JSON.stringify(value) }] }))
    await refused(at(origin, { claims }), ['AUTH_UNAVAILABLE', 'answer_malformed'])
  })

  it('are AUTH_ERROR when the schema throws', async () => {
    const claims = schema(() => {
      throw new Error('broken schema')
    })
    await refused(at((await answering(PERMIT)).origin, { claims }), ['AUTH_ERROR', 'claims_schema_threw'])
  })
})

describe('an answer that refuses', () => {
  const answers: readonly [status: number, answer: unknown, code: AuthErrorCode][] = [
    [200, { permit: false }, 'AUTH_CREDENTIAL_INVALID'],
    [200, { permit: false, code: 'AUTH_CREDENTIAL_INVALID' }, 'AUTH_CREDENTIAL_INVALID'],
    [200, { permit: false, code: 'AUTH_EXPIRED' }, 'AUTH_EXPIRED'],
    [200, { permit: false, code: 'AUTH_REVOKED' }, 'AUTH_REVOKED'],
    [200, { permit: false, code: 'AUTH_FORBIDDEN' }, 'AUTH_FORBIDDEN'],
    [401, PERMIT, 'AUTH_CREDENTIAL_INVALID'],
    [403, PERMIT, 'AUTH_FORBIDDEN'],
  ]
  for (const [status, answer, code] of answers) {
    it(`W01: ${status} ${JSON.stringify(answer)} is ${code}`, async () => {
      await refused(at((await answering(answer, {}, status)).origin), [code, 'refused_by_back_end'])
    })
  }
})

describe('W01: nothing but an explicit permit admits', () => {
  it('W01: every status but 200, 401 and 403 is AUTH_UNAVAILABLE, with a permit in the body or not', async () => {
    const answer = { status: 0 }
    const { origin } = await backend((_request, response) => {
      response.writeHead(answer.status, { location: 'http://127.0.0.1:1/' })
      response.end(JSON.stringify(PERMIT))
    })
    for (let status = 201; status < 600; status += 1) {
      if (status === 401 || status === 403) continue
      answer.status = status
      // A new strategy each time: the breaker of one would open.
      await refused(at(origin), ['AUTH_UNAVAILABLE', 'status'])
    }
  })

  const answers: readonly (readonly [name: string, answer: unknown])[] = [
    ['nothing', ''],
    ['an empty object', {}],
    ['null', 'null'],
    ['true', 'true'],
    ['an array', [PERMIT]],
    ['HTML', '<html>permit: true</html>'],
    ['JSON that breaks off', '{"permit":true,"subject":"42"'],
    ['JSON and more', '{"permit":true,"subject":"42"} '.repeat(2)],
    ['a byte order mark', '\uFEFF{"permit":true,"subject":"42"}'],
    ['a member twice', '{"permit":false,"permit":true,"subject":"42"}'],
    ['deep nesting', `{"permit":true,"subject":"42","claims":{"a":${'['.repeat(20)}${']'.repeat(20)}}}`],
    ['permit only in the prototype', '{"__proto__":{"permit":true},"subject":"42"}'],
    ['permit as text', { ...PERMIT, permit: 'true' }],
    ['permit as a number', { ...PERMIT, permit: 1 }],
    ['permit as an object', { ...PERMIT, permit: {} }],
    ['Permit', { Permit: true, subject: '42' }],
    ['no subject', { permit: true }],
    ['an empty subject', { ...PERMIT, subject: '' }],
    ['a number as subject', { ...PERMIT, subject: 42 }],
    ['a subject with a line break', { ...PERMIT, subject: 'a\nb' }],
    ['half a character in the subject', '{"permit":true,"subject":"\\ud800"}'],
    ['a subject of 257 characters', { ...PERMIT, subject: 'a'.repeat(257) }],
    ['claims as text', { ...PERMIT, claims: 'admin' }],
    ['claims as an array', { ...PERMIT, claims: [] }],
    ['claims null', { ...PERMIT, claims: null }],
    ['expiresAt as text', { ...PERMIT, expiresAt: '2030-01-01' }],
    ['expiresAt null', { ...PERMIT, expiresAt: null }],
    ['expiresAt too large for a number', '{"permit":true,"subject":"42","expiresAt":1e999}'],
    ['expiresAt negative', { ...PERMIT, expiresAt: -1 }],
    ['issuedAt as text', { ...PERMIT, issuedAt: '0' }],
    ['session as a number', { ...PERMIT, session: 7 }],
    ['an empty tokenId', { ...PERMIT, tokenId: '' }],
    ['a misspelt limit', { ...PERMIT, expires_at: NOW + 1 }],
    ['a permit with a code', { ...PERMIT, code: 'AUTH_EXPIRED' }],
    ['a refusal with an unknown code', { permit: false, code: 'AUTH_UNAVAILABLE' }],
    ['a refusal with a code of no kind', { permit: false, code: 7 }],
    ['a refusal with a subject', { ...PERMIT, permit: false }],
    ['null with a subject', { ...PERMIT, permit: null }],
    ['null for a credential', { permit: null }],
  ]
  for (const [name, answer] of answers) {
    it(`W01: ${name} is AUTH_UNAVAILABLE`, async () => {
      await refused(at((await answering(answer)).origin), ['AUTH_UNAVAILABLE', 'answer_malformed'])
    })
  }

  it('W01: five unusable answers open the breaker', async () => {
    const { origin, requests } = await answering({})
    const strategy = at(origin)
    for (let i = 0; i < 5; i += 1) await refused(strategy, ['AUTH_UNAVAILABLE', 'answer_malformed'])
    await refused(strategy, ['AUTH_UNAVAILABLE', 'breaker_open'])
    expect([strategy.state().breaker, requests.length]).toEqual(['open', 5])
  })

  it('W01: a truncated answer is AUTH_UNAVAILABLE', async () => {
    const { origin } = await rawBackend((socket) =>
      socket.end(`HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n${JSON.stringify(PERMIT)}`),
    )
    await refused(at(origin), ['AUTH_UNAVAILABLE', 'truncated'])
  })

  it('W03: a redirect to a back end that permits is AUTH_UNAVAILABLE, and it is not asked', async () => {
    const canary = await answering(PERMIT)
    const { origin } = await answering('', { location: canary.origin }, 307)
    await refused(at(origin), ['AUTH_UNAVAILABLE', 'status'])
    expect(canary.connections()).toBe(0)
  })

  it('W12: a permit above 64 KiB is AUTH_UNAVAILABLE', async () => {
    const { origin } = await answering({ ...PERMIT, claims: { a: 'x'.repeat(65_536) } })
    await refused(at(origin), ['AUTH_UNAVAILABLE', 'too_large'])
  })
})

describe('F7, X11: a back end that fails', () => {
  it('F7, W02: that hangs is AUTH_UNAVAILABLE after a second', async () => {
    const { origin, idle } = await rawBackend(() => {})
    const took = await duration(refused(at(origin), ['AUTH_UNAVAILABLE', 'timeout']))
    expect(took).toBeGreaterThan(950)
    expect(took).toBeLessThan(1900)
    await idle()
  })

  it('F7: that answers 5xx, or is not there, is AUTH_UNAVAILABLE at once', async () => {
    const { origin } = await answering('oops', {}, 502)
    expect(await duration(refused(at(origin), ['AUTH_UNAVAILABLE', 'status']))).toBeLessThan(900)
    const gone = at('http://127.0.0.1:1')
    expect(await duration(refused(gone, ['AUTH_UNAVAILABLE', 'connect']))).toBeLessThan(900)
  })
})

describe('what is asked', () => {
  it('is a signed POST with credential, address and namespace', async () => {
    const { origin, requests } = await answering(PERMIT)
    const handshake = handshakeOf({
      address: '203.0.113.7',
      peer: '10.0.0.1',
      secure: true,
      headers: { 'user-agent': 'x', cookie: 'a=b' },
    })
    await at(origin).authenticate(handshake, { namespace: '/chat', auth: { token: TOKEN, other: 'no' } })
    const [{ request, body } = { request: null, body: '' }] = requests
    expect(request?.method).toBe('POST')
    expect(request?.headers['content-type']).toBe('application/json')
    expect(JSON.parse(body.toString())).toEqual({
      type: 'portcullis.authenticate',
      credential: TOKEN,
      cookies: {},
      headers: {},
      address: '203.0.113.7',
      secure: true,
      namespace: '/chat',
    })
    expect(verifyWebhook(SECRET, request?.headers ?? {}, body, { now: () => NOW * 1000 })).not.toBeNull()
  })

  it('has the namespace null for the handshake, and reads where from says', async () => {
    const { origin, requests } = await answering(PERMIT)
    const strategy = at(origin, { from: [allowQuery('key'), fromAuthorization('Token')] })
    expect(await ask(strategy)).toBeNull()
    expect(await ask(strategy, handshakeOf({ query: { key: TOKEN } }))).not.toBeNull()
    const { credential, namespace } = JSON.parse(String(requests[0]?.body))
    expect([credential, namespace, requests.length]).toEqual([TOKEN, null, 1])
  })

  it('is nothing without a credential', async () => {
    const { origin, connections } = await answering(PERMIT)
    const strategy = at(origin, { forward: { headers: ['user-agent'], cookies: ['sid'] } })
    for (const headers of [{}, { 'user-agent': 'x' }, { cookie: 'other=1' }, { authorization: `Bearer ${TOKEN}` }]) {
      expect(await ask(strategy, handshakeOf({ headers }))).toBeNull()
    }
    expect(
      await strategy.authenticate(handshakeOf({ headers: { cookie: 'sid=1' } }), { namespace: '/', auth: {} }),
    ).toBeNull()
    expect(connections()).toBe(0)
  })

  it('W05: forwards the headers and cookies of the allow-list, in the body, and no other', async () => {
    const { origin, requests } = await answering(PERMIT)
    const strategy = at(origin, {
      forward: { headers: ['User-Agent', 'x-tenant', 'x-private'], cookies: ['sid', 'absent'] },
    })
    const headers = {
      cookie: 'sid=s%3A1; theme=dark; sid=planted',
      'user-agent': 'browser',
      'x-private': 'for the proxy',
      connection: 'keep-alive, X-Private',
      'x-forwarded-for': '10.0.0.1',
      'x-forwarded-user': 'admin',
      'x-other': 'no',
    }
    await ask(strategy, handshakeOf({ headers }))
    const [{ request, body } = { request: null, body: '' }] = requests
    const { headers: forwarded, cookies, credential } = JSON.parse(body.toString())
    expect([forwarded, cookies, credential]).toEqual([{ 'user-agent': 'browser' }, { sid: 's:1' }, null])
    expect(Object.keys(request?.headers ?? {}).sort()).toEqual([
      'accept-encoding',
      'connection',
      'content-length',
      'content-type',
      'host',
      'webhook-id',
      'webhook-signature',
      'webhook-timestamp',
    ])
    for (const part of ['theme', 'admin', '10.0.0.1', 'proxy', 'planted']) expect(body.toString()).not.toContain(part)
  })

  it('W05: names forwarded cookies among its sources, as ambient', async () => {
    const { from } = at('http://localhost', { forward: { cookies: ['sid'] } })
    expect(from.map(({ in: place, name, ambient }) => [place, name, ambient])).toEqual([['cookie', 'sid', true]])
  })

  it('sends no cookie along with a credential from the CONNECT packet', async () => {
    const { origin, requests } = await answering(PERMIT)
    const strategy = webhook({
      url: origin,
      secret: SECRET,
      issuer: 'app',
      forward: { cookies: ['sid'] },
      from: at(origin).from,
    })
    const handshake = handshakeOf({ headers: { cookie: 'sid=1' } })
    await strategy.authenticate(handshake, { namespace: '/', auth: { token: TOKEN } })
    await strategy.authenticate(handshake, null)
    expect(requests.map(({ body }) => JSON.parse(body.toString()).cookies)).toEqual([{}, { sid: '1' }])
  })

  it('may be answered null for cookies alone: the next strategy is asked', async () => {
    const { origin } = await answering({ permit: null })
    const strategy = at(origin, { forward: { cookies: ['sid'] } })
    expect(await ask(strategy, handshakeOf({ headers: { cookie: 'sid=1' } }))).toBeNull()
    const unclear = at((await answering({ permit: null, subject: '42' })).origin, { forward: { cookies: ['sid'] } })
    const asked = ask(unclear, handshakeOf({ headers: { cookie: 'sid=1' } }))
    await failure(asked, ['AUTH_UNAVAILABLE', 'answer_malformed'])
  })
})

describe('W09: a connection that was closed meanwhile', () => {
  it('W09: is replaced once, and the request signed anew', async () => {
    const ids: string[] = []
    const { origin } = await rawBackend((socket, text) => {
      ids.push(/webhook-id: (\S+)/.exec(text)?.[1] ?? '')
      if (ids.length === 2) return socket.resetAndDestroy()
      const body = JSON.stringify(PERMIT)
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`)
    })
    const strategy = at(origin)
    await ask(strategy)
    expect((await ask(strategy))?.identity.subject).toBe('42')
    expect(new Set(ids).size).toBe(3)
  })
})

describe('options', () => {
  const base = { url: 'https://app.example/hook', secret: SECRET, issuer: 'app' }
  const wrong: readonly [option: string, options: object][] = [
    ['url', { url: undefined }],
    ['url', { url: '/hook' }],
    ['url', { url: 'http://app.example/hook' }],
    ['url', { url: 'http://10.0.0.1/hook' }],
    ['url', { url: 'ftp://localhost/' }],
    ['url', { url: 'https://user:hidden-password@app.example/' }],
    ['secret', { secret: undefined }],
    ['secret', { secret: '' }],
    ['secret', { secret: 'hidden-password hidden-password hidden-password' }],
    ['secret', { secret: `whsec_${Buffer.from('hidden-password').toString('base64')}` }],
    ['secret', { secret: new Uint8Array(31).map((_, i) => i) }],
    ['secret', { secret: new Uint8Array(32) }],
    ['secret', { secret: [] }],
    ['secret', { secret: [SECRET, 'hidden-password'] }],
    ['issuer', { issuer: '' }],
    ['issuer', { issuer: undefined }],
    ['scheme', { scheme: '' }],
    ['from', { from: [] }],
    ['forward', { forward: 'cookie' }],
    ['cookie', { forward: { cookie: ['sid'] } }],
    ['forward.cookies', { forward: { cookies: 'sid' } }],
    ['forward.cookies', { forward: { cookies: [''] } }],
    ['forward.headers', { forward: { headers: [7] } }],
    ['claims', { claims: {} }],
    ['timeoutMs', { timeoutMs: 0 }],
    ['timeoutMs', { timeoutMs: Number.NaN }],
    ['maxBodyBytes', { maxBodyBytes: 0 }],
    ['maxConcurrent', { maxConcurrent: 0 }],
    ['maxConcurrent', { maxConcurrent: 1.5 }],
    ['maxQueued', { maxQueued: -1 }],
    ['maxCacheSeconds', { maxCacheSeconds: -1 }],
    ['maxCacheSeconds', { maxCacheSeconds: 301 }],
    ['leaseSeconds', { leaseSeconds: 0 }],
    ['maxLifetimeSeconds', { maxLifetimeSeconds: Number.NaN }],
    ['ca', { ca: 'hidden-password' }],
    ['ca', { ca: '-----BEGIN CERTIFICATE-----\nhidden-password\n-----END CERTIFICATE-----' }],
    ['ca', { ca: [] }],
    ['allowPrivateAddresses', { allowPrivateAddresses: 'no' }],
    ['dangerouslyAllowHttp', { dangerouslyAllowHttp: 1 }],
    ['clock', { clock: {} }],
    ['rejectUnauthorized', { rejectUnauthorized: false }],
    ['key', { key: () => 'same' }],
    ['cacheKey', { cacheKey: () => 'same' }],
  ]
  for (const [option, options] of wrong) {
    const shown = JSON.stringify(options, (_, value: unknown) => (value === undefined ? 'undefined' : value))
    it(`${shown.slice(0, 70)} is a TypeError that quotes "${option}" and not its value`, () => {
      const start = () => webhook({ ...base, ...options } as unknown as Options)
      expect(start).toThrow(TypeError)
      expect(start).toThrow(`"${option}"`)
      expect(start).not.toThrow('hidden-password')
    })
  }

  it('W10, K12: rejectUnauthorized and a key of the cache are no options', () => {
    for (const name of ['rejectUnauthorized', 'cacheKey']) {
      expect(() => webhook({ ...base, [name]: false } as Options)).toThrow(`"${name}" is not an option of webhook()`)
    }
  })

  it('W05: headers of the connection, of proxies and with credentials cannot be forwarded', () => {
    const names =
      'connection keep-alive Proxy-Authorization proxy-connection te trailer transfer-encoding upgrade authorization cookie ' +
      'content-length forwarded via X-Forwarded-For x-forwarded-user x_forwarded_host x-forwarded x-real-ip X_Real_IP ' +
      'x-client-ip true-client-ip cf-connecting-ip webhook-id'
    for (const name of names.split(' ')) {
      const start = () => webhook({ ...base, forward: { headers: ['accept', name] } })
      expect(start, name).toThrow(`"forward.headers" must not hold "${name.toLowerCase()}"`)
    }
    expect(() => webhook({ ...base, forward: { headers: ['a b'] } })).toThrow(
      '"forward.headers" must hold names of headers',
    )
    expect(() => webhook({ ...base, forward: { headers: ['origin', 'user-agent', 'x-tenant'] } })).not.toThrow()
  })

  it('of a polluted prototype configure nothing', async () => {
    const polluted: Record<string, unknown> = Object.prototype as never
    try {
      polluted.dangerouslyAllowHttp = true
      polluted.headers = ['x-private']
      polluted['x-tenant'] = 'polluted'
      expect(() => webhook({ ...base, url: 'http://app.example/' })).toThrow('"url"')
      const { origin, requests } = await answering(PERMIT)
      const strategy = at(origin, { forward: { cookies: ['sid'] } })
      await ask(strategy, handshakeOf({ headers: { cookie: 'sid=1', 'x-private': 'x' } }))
      const forwarding = at(origin, { forward: { cookies: ['sid'], headers: ['x-tenant'] } })
      await ask(forwarding, handshakeOf({ headers: { cookie: 'sid=1' } }))
      expect(requests.map(({ body }) => String(body).includes('"headers":{}'))).toEqual([true, true])
    } finally {
      delete polluted.dangerouslyAllowHttp
      delete polluted.headers
      delete polluted['x-tenant']
    }
  })

  it('may allow http to any host, by a name that says so', () => {
    expect(() => webhook({ ...base, url: 'http://php-backend:8080/', dangerouslyAllowHttp: true })).not.toThrow()
  })
})
