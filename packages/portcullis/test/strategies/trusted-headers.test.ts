import { trustedHeaders } from 'portcullis/strategies/trusted-headers'
import { fakeClock, handshakeOf, strategyContract } from 'portcullis/testing'
import { describe, expect, test } from 'vitest'
import { next, ORIGIN, outcome, start } from '../harness.ts'

const PROXY = '10.0.0.5'
const OPTIONS = { proxies: [PROXY, '10.1.0.0/16', 'fd00::/8'], subject: 'X-Forwarded-User' }
const from = (headers: Record<string, string | readonly string[]>, peer = PROXY) => handshakeOf({ headers, peer })
const refusal = async (answer: Promise<unknown>) =>
  answer.then(
    () => 'accepted',
    (error: { code: string; reason: string }) => `${error.code} ${error.reason}`,
  )

describe('the trusted-headers strategy keeps the contract of strategies', () => {
  const cases = strategyContract({
    strategy: () => trustedHeaders({ ...OPTIONS, claims: { email: 'x-forwarded-email' } }),
    good: () => ({ handshake: from({ 'x-forwarded-user': 'alice', 'x-forwarded-email': 'a@b.io' }), connect: null }),
    bad: [
      {
        name: 'two subjects',
        request: () => ({ handshake: from({ 'x-forwarded-user': 'mallory-1, alice-1' }), connect: null }),
      },
      {
        name: 'a control character',
        request: () => ({ handshake: from({ 'x-forwarded-user': 'alice\u0007bell' }), connect: null }),
      },
    ],
  })
  for (const { name, run } of cases) test(name, run)
})

describe('headers of a named proxy', () => {
  test('give identity, claims and a lease', async () => {
    const clock = fakeClock()
    const now = clock.now() / 1000
    const strategy = trustedHeaders({
      ...OPTIONS,
      claims: { email: 'X-Forwarded-Email', groups: 'X-Forwarded-Groups' },
      issuedAt: 'X-Auth-Time',
      issuer: 'https://sso.example',
      clock,
    })
    const loggedInAt = Math.floor(now) - 100
    const headers = {
      'x-forwarded-user': 'alice',
      'x-forwarded-email': 'alice@acme.example',
      'x-auth-time': `${loggedInAt}`,
    }
    expect(await strategy.authenticate(from(headers), null)).toEqual({
      identity: {
        scheme: 'trusted-headers',
        issuer: 'https://sso.example',
        subject: 'alice',
        claims: { email: 'alice@acme.example' },
      },
      lease: { id: expect.stringMatching(/^[\w-]{22}$/), issuedAt: loggedInAt, expiresAt: now + 3600 },
    })
  })

  test('count from each of its addresses and ranges', async () => {
    const strategy = trustedHeaders(OPTIONS)
    for (const peer of [PROXY, '10.1.255.1', 'fd12::1']) {
      expect(await strategy.authenticate(from({ 'x-forwarded-user': 'alice' }, peer), null)).not.toBeNull()
    }
  })

  test('Z08, S20: are no credential from any other address, whatever X-Forwarded-For says', async () => {
    const strategy = trustedHeaders(OPTIONS)
    for (const peer of ['10.0.0.6', '192.0.2.1', '::1', '', 'localhost', '10.0.0.5, 10.0.0.5']) {
      const headers = {
        'x-forwarded-user': 'alice',
        'x-forwarded-for': PROXY,
        'x-real-ip': PROXY,
        forwarded: `for=${PROXY}`,
      }
      const handshake = handshakeOf({ headers, peer, address: PROXY })
      expect(await strategy.authenticate(handshake, null)).toBeNull()
      expect(strategy.from.map((source) => source.read(handshake, null))).toEqual([null])
    }
  })

  test('without a subject are nobody, and so is an empty one', async () => {
    const strategy = trustedHeaders({ ...OPTIONS, claims: { email: 'x-forwarded-email' } })
    expect(await strategy.authenticate(from({ 'x-forwarded-email': 'alice@acme.example' }), null)).toBeNull()
    expect(await strategy.authenticate(from({ 'x-forwarded-user': '' }), null)).toBeNull()
  })

  test.each([
    ['two subjects that Node joined', { 'x-forwarded-user': 'mallory, alice' }, 'subject'],
    ['two subjects as a list', { 'x-forwarded-user': ['mallory', 'alice'] }, 'header_repeated'],
    ['a subject of 257 characters', { 'x-forwarded-user': 'a'.repeat(257) }, 'subject'],
    ['a header of 9 KB', { 'x-forwarded-user': 'a'.repeat(9000) }, 'too_long'],
    ['bytes that are no UTF-8', { 'x-forwarded-user': 'al\xffice' }, 'not_utf8'],
    ['a line break written as UTF-8', { 'x-forwarded-user': 'alice\u0085' }, 'not_utf8'],
    ['a control character', { 'x-forwarded-user': 'alice\u001b[2J' }, 'unprintable'],
    ['a claim with a control character', { 'x-forwarded-user': 'alice', 'x-email': 'a\u0000' }, 'unprintable'],
    ['no date', { 'x-forwarded-user': 'alice', 'x-auth-time': '' }, 'issued_at'],
    ['a date in milliseconds', { 'x-forwarded-user': 'alice', 'x-auth-time': '1800000000000' }, 'issued_at'],
    ['a negative date', { 'x-forwarded-user': 'alice', 'x-auth-time': '-1' }, 'issued_at'],
  ])('with %s are refused', async (_name, headers, reason) => {
    const dated = 'x-auth-time' in headers ? { issuedAt: 'x-auth-time' } : {}
    const strategy = trustedHeaders({ ...OPTIONS, claims: { email: 'x-email' }, ...dated })
    expect(await refusal(strategy.authenticate(from(headers), null))).toBe(`AUTH_CREDENTIAL_INVALID ${reason}`)
  })

  test('name anybody of up to 256 characters, each with a lease of its own', async () => {
    const answers = await Promise.all(
      ['a'.repeat(256), 'b'.repeat(256)].map((user) =>
        trustedHeaders(OPTIONS).authenticate(from({ 'x-forwarded-user': user }), null),
      ),
    )
    expect(answers.map((answer) => answer?.identity.subject.length)).toEqual([256, 256])
    expect(answers[0]?.lease.id).not.toBe(answers[1]?.lease.id)
  })

  test('are read as UTF-8', async () => {
    const raw = Buffer.from('žofie').toString('latin1')
    const answer = await trustedHeaders(OPTIONS).authenticate(from({ 'x-forwarded-user': raw }), null)
    expect(answer?.identity.subject).toBe('žofie')
  })

  test('of a login without a date count as issued at 0, and of one too old have expired', async () => {
    const clock = fakeClock()
    const undated = await trustedHeaders({ ...OPTIONS, clock, leaseSeconds: 60 }).authenticate(
      from({ 'x-forwarded-user': 'alice' }),
      null,
    )
    expect(undated?.lease).toMatchObject({ issuedAt: 0, expiresAt: clock.now() / 1000 + 60 })
    const strategy = trustedHeaders({ ...OPTIONS, issuedAt: 'x-auth-time', maxLifetimeSeconds: 100, clock })
    const at = (secondsAgo: number) =>
      strategy.authenticate(
        from({ 'x-forwarded-user': 'alice', 'x-auth-time': `${Math.floor(clock.now() / 1000) - secondsAgo}` }),
        null,
      )
    expect((await at(40))?.lease.expiresAt).toBe(Math.floor(clock.now() / 1000) + 60)
    expect(await refusal(at(101))).toBe('AUTH_EXPIRED max_lifetime')
    expect(await refusal(at(100))).toBe('AUTH_EXPIRED max_lifetime')
    expect((await at(-30))?.lease.issuedAt).toBe(clock.now() / 1000)
  })

  test('J26: with a claim named __proto__ pollute nothing', async () => {
    const claims = JSON.parse('{"__proto__":"x-a","role":"x-b"}') as Record<string, string>
    const answer = await trustedHeaders({ ...OPTIONS, claims }).authenticate(
      from({ 'x-forwarded-user': 'alice', 'x-a': 'admin' }),
      null,
    )
    expect(Object.getPrototypeOf(answer?.identity.claims)).toBe(Object.prototype)
    expect(answer?.identity.claims).not.toHaveProperty('admin')
  })

  test.each([
    ['proxies', { proxies: [] }],
    ['proxies', { proxies: ['proxy.example'] }],
    ['proxies', { proxies: ['0.0.0.0/0'] }],
    ['proxies', { proxies: ['::/0'] }],
    ['proxies', { proxies: '10.0.0.5' }],
    ['subject', { subject: '' }],
    ['subject', { subject: 'x user' }],
    ['claims.email', { claims: { email: 'x:email' } }],
    ['issuedAt', { issuedAt: '' }],
    ['ambient', { ambient: 'no' }],
    ['leaseSeconds', { leaseSeconds: 0 }],
    ['maxLifetimeSeconds', { maxLifetimeSeconds: Number.NaN }],
    ['issuer', { issuer: '' }],
    ['proxy', { proxy: ['10.0.0.5'] }],
  ])('Z10: a wrong "%s" is a TypeError that quotes it', (option, wrong) => {
    expect(() => trustedHeaders({ ...OPTIONS, ...wrong } as never)).toThrow(`"${option}"`)
  })
})

describe('on a real server', () => {
  const opened = async (proxies: string[], more: object = {}) => {
    const strategy = trustedHeaders({ proxies, subject: 'x-forwarded-user', ...more })
    const server = await start({ strategies: [strategy as never], trustedProxies: ['127.0.0.1'] })
    const chat = server.auth.protect(server.io.of('/chat'), { events: {} })
    chat.on('connection', (socket) => socket.emit('you are', socket.data.identity.subject))
    return server
  }

  test('the peer counts, also where X-Forwarded-For is believed for the address', async () => {
    const { client, audit } = await opened(['127.0.0.1'])
    const headers = { origin: ORIGIN, 'x-forwarded-user': 'alice', 'x-forwarded-for': '203.0.113.9' }
    expect(await next(client('/chat', { extraHeaders: headers }), 'you are')).toEqual(['alice'])
    expect(audit[0]?.address).toBe('203.0.113.9')
  })

  test('around the proxy the same headers admit nobody', async () => {
    const { upgrade } = await opened(['10.0.0.5'])
    const answer = await upgrade('/socket.io/?EIO=4&transport=websocket', {
      origin: ORIGIN,
      'x-forwarded-user': 'alice',
      'x-forwarded-for': '10.0.0.5',
    })
    expect([answer.status, JSON.parse(answer.body).code]).toEqual([401, 'AUTH_CREDENTIAL_MISSING'])
  })

  test('O03: what the proxy knows by a cookie counts only with a listed Origin', async () => {
    const user = { 'x-forwarded-user': 'alice' }
    const { client, upgrade } = await opened(['127.0.0.1'])
    const answer = await upgrade('/socket.io/?EIO=4&transport=websocket', user)
    expect([answer.status, JSON.parse(answer.body).code]).toEqual([403, 'AUTH_ORIGIN_REFUSED'])
    expect(await outcome(client('/chat', { extraHeaders: { ...user, origin: ORIGIN } }))).toBeNull()
    const tokens = await opened(['127.0.0.1'], { ambient: false })
    expect(await outcome(tokens.client('/chat', { extraHeaders: user }))).toBeNull()
  })
})
