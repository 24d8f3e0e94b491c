/** What others answer about a token or a visitor: an introspection endpoint, a back end, a proxy. */

import { describe, expect, it } from 'vitest'
import { AuthError } from '../../src/errors.ts'
import { checkAnswer, type ExpectedToken, expiryOf } from '../../src/strategies/introspection-answer.ts'
import { type TrustedHeadersOptions, trustedHeaders } from '../../src/strategies/trusted-headers.ts'
import { verdictIn, verdictOf } from '../../src/strategies/webhook-answer.ts'
import { handshakeOf } from '../../src/testing/handshake.ts'
import { settled, verdict } from './refusal.ts'

const NOW = 1_800_000_000
const INVALID = 'AUTH_CREDENTIAL_INVALID'

describe('checkAnswer', () => {
  const terms: ExpectedToken = {
    issuer: 'https://a.example',
    audience: 'api',
    scopes: [],
    allowClients: false,
    requireIssuer: false,
    leewaySeconds: 5,
  }
  const sound = { active: true, aud: 'api', sub: 'alice' }
  const check = (answer: Record<string, unknown>, expected: Partial<ExpectedToken> = {}) =>
    verdict(() => checkAnswer({ ...sound, ...answer }, { ...terms, ...expected }, NOW))

  it('gives what becomes identity and lease', () => {
    expect(check({})).toEqual({
      subject: 'alice',
      clientId: undefined,
      scope: '',
      tokenId: undefined,
      issuedAt: undefined,
      expiresAt: undefined,
    })
    const whole = { client_id: 'c', scope: 'a b', jti: 'j', iat: NOW - 1, exp: NOW + 1, iss: 'https://a.example' }
    expect(check(whole)).toEqual({
      subject: 'alice',
      clientId: 'c',
      scope: 'a b',
      tokenId: 'j',
      issuedAt: NOW - 1,
      expiresAt: NOW + 1,
    })
  })

  it.each(['iss', 'client_id', 'jti', 'scope', 'iat', 'nbf', 'exp', 'token_type', 'token_use', 'typ', 'cnf', 'azp'])(
    'takes %s that is null for absent',
    (member) => expect(check({ [member]: null })).toMatchObject({ subject: 'alice' }),
  )

  it.each<[string, Record<string, unknown>]>([
    ['issuer', { iss: 'https://b.example' }],
    ['issuer', { iss: ['https://a.example'] }],
    ['audience', { aud: 'web' }],
    ['audience', { aud: undefined }],
    ['audience', { aud: null }],
    ['client_id', { client_id: '' }],
    ['client_id', { client_id: 5 }],
    ['subject', { sub: 5 }],
    ['subject', { sub: 'a\n' }],
    ['no_user', { sub: undefined }],
    ['no_user', { sub: null }],
    ['no_user', { sub: '' }],
    ['no_user', { client_id: 'alice' }],
    ['no_user', { azp: 'alice' }],
    ['token_id', { jti: '' }],
    ['token_id', { jti: 5 }],
    ['scope', { scope: ['a'] }],
    ['issued_at', { iat: NOW + 5.001 }],
    ['issued_at', { iat: 'now' }],
    ['not_before', { nbf: NOW + 5.001 }],
    ['not_before', { nbf: 'now' }],
    ['expiry', { exp: 'never' }],
    ['token_type', { token_type: 'DPoP' }],
    ['token_type', { token_type: 5 }],
    ['token_use', { token_use: 'refresh_token' }],
    ['token_use', { typ: 'Refresh' }],
    ['token_use', { typ: 'ID' }],
    ['token_use', { token_use: 5 }],
    ['sender_constrained', { cnf: {} }],
  ])('refuses with the reason %s: %j', (reason, wrong) => expect(check(wrong)).toBe(`${INVALID} ${reason}`))

  it.each<[Record<string, unknown>]>([
    [{ iat: NOW + 5 }],
    [{ nbf: NOW + 5 }],
    [{ exp: NOW + 0.001 }],
    [{ token_type: 'Bearer' }],
    [{ token_use: 'access_token' }],
    [{ token_use: 'access' }],
    [{ typ: 'Bearer' }],
    [{ typ: 'JWT' }],
    [{ typ: 'at+jwt' }],
  ])('accepts %j', (at) => expect(check(at)).toMatchObject({ subject: 'alice' }))

  it('says AUTH_EXPIRED at the second of exp, leeway or not', () => {
    expect(check({ exp: NOW })).toBe('AUTH_EXPIRED expiry')
  })

  it('needs the issuer where it is told so', () => {
    expect(check({}, { requireIssuer: true })).toBe(`${INVALID} issuer`)
    expect(check({ iss: 'https://a.example' }, { requireIssuer: true })).toMatchObject({ subject: 'alice' })
  })

  it('takes a client for a subject where that is allowed', () => {
    const clients = { allowClients: true }
    expect(check({ sub: undefined, client_id: 'c' }, clients)).toMatchObject({ subject: 'c' })
    expect(check({ sub: '', client_id: 'c' }, clients)).toMatchObject({ subject: 'c' })
    expect(check({ client_id: 'alice' }, clients)).toMatchObject({ subject: 'alice' })
    expect(check({ sub: undefined }, clients)).toBe(`${INVALID} no_user`)
    expect(check({ sub: undefined, client_id: 'c' })).toBe(`${INVALID} no_user`)
  })

  it('needs every scope, as a whole word', () => {
    const scopes = { scopes: ['a', 'b'] }
    expect(check({ scope: 'b c a' }, scopes)).toMatchObject({ scope: 'b c a' })
    for (const scope of ['a', 'ab', 'a,b', 'A B', '', null])
      expect(check({ scope }, scopes)).toBe('AUTH_INSUFFICIENT_SCOPE scope')
    const many = Array.from({ length: 257 }, (_, i) => `s${i}`).join(' ')
    expect(check({ scope: many }, { scopes: ['s255'] })).toMatchObject({ subject: 'alice' })
    expect(check({ scope: many }, { scopes: ['s256'] })).toBe('AUTH_INSUFFICIENT_SCOPE scope')
  })

  it('tells the expiry, however the rest fares', () => {
    expect([expiryOf({ exp: 5 }), expiryOf({ exp: 'x' }), expiryOf({}), expiryOf(Object.create({ exp: 5 }))]).toEqual([
      5,
      undefined,
      undefined,
      undefined,
    ])
  })
})

describe('the answer of a back end', () => {
  const of = (status: number, body: string) => verdict(() => verdictOf({ status, body: Buffer.from(body) } as never))
  const read = (answer: Record<string, unknown>) => verdict(() => verdictIn(answer))

  it('is a permit with status 200 alone', () => {
    const body = '{"permit":true,"subject":"s"}'
    expect(of(200, body)).toEqual({ permit: true, subject: 's', claims: {} })
    for (const status of [201, 204, 302, 400, 404, 500]) expect(of(status, body)).toBe('AUTH_UNAVAILABLE status')
    expect(of(401, body)).toEqual({ permit: false, code: 'AUTH_CREDENTIAL_INVALID' })
    expect(of(403, body)).toEqual({ permit: false, code: 'AUTH_FORBIDDEN' })
  })

  it.each(['', 'true', '[]', '{"permit":true,"permit":true,"subject":"s"}'])('is none as %j', (body) =>
    expect(of(200, body)).toBe('AUTH_UNAVAILABLE answer_malformed'),
  )

  it('is kept as it was given', () => {
    const whole = { claims: { a: 1 }, expiresAt: 5.5, issuedAt: 0, session: 'se', tokenId: 't' }
    expect(read({ permit: true, subject: 's', ...whole })).toEqual({ permit: true, subject: 's', ...whole })
    expect(read({ permit: true, subject: 'x'.repeat(256) })).toMatchObject({ permit: true })
    expect(read({ permit: null })).toEqual({ permit: null })
    expect(read({ permit: false })).toEqual({ permit: false, code: 'AUTH_CREDENTIAL_INVALID' })
    for (const code of ['AUTH_CREDENTIAL_INVALID', 'AUTH_EXPIRED', 'AUTH_REVOKED', 'AUTH_FORBIDDEN'])
      expect(read({ permit: false, code })).toEqual({ permit: false, code })
  })

  it.each([
    [{}],
    [{ permit: 'true' }],
    [{ permit: 1 }],
    [Object.create({ permit: true, subject: 's' })],
    [{ permit: true }],
    [{ permit: true, subject: '' }],
    [{ permit: true, subject: 5 }],
    [{ permit: true, subject: 'x'.repeat(257) }],
    [{ permit: true, subject: 'a\n' }],
    [{ permit: true, subject: 's', claims: null }],
    [{ permit: true, subject: 's', claims: [] }],
    [{ permit: true, subject: 's', claims: 'text' }],
    [{ permit: true, subject: 's', expiresAt: '5' }],
    [{ permit: true, subject: 's', expiresAt: -1 }],
    [{ permit: true, subject: 's', expiresAt: null }],
    [{ permit: true, subject: 's', issuedAt: Number.POSITIVE_INFINITY }],
    [{ permit: true, subject: 's', session: '' }],
    [{ permit: true, subject: 's', tokenId: 5 }],
    [{ permit: true, subject: 's', expires: 5 }],
    [{ permit: true, subject: 's', code: 'AUTH_EXPIRED' }],
    [{ permit: false, code: 'AUTH_ERROR' }],
    [{ permit: false, code: 'no' }],
    [{ permit: false, subject: 's' }],
    [{ permit: false, code: 'AUTH_EXPIRED', more: 1 }],
    [{ permit: null, subject: 's' }],
  ])('is AUTH_UNAVAILABLE as %j', (answer) => expect(read(answer)).toBe('AUTH_UNAVAILABLE answer_malformed'))

  it.each<[() => unknown, string]>([
    [() => verdictOf({ status: 500 } as never), 'the back end answered with status 500'],
    [() => verdictOf({ status: 200, body: Buffer.from('x') } as never), 'usable: it is not one JSON object'],
    [() => verdictIn({ permit: 5 }), 'the answer of the back end is not usable: "permit"'],
    [() => verdictIn({ permit: true }), 'usable: "subject"'],
    [() => verdictIn({ permit: true, subject: 's', claims: 5 }), 'usable: "claims"'],
    [() => verdictIn({ permit: true, subject: 's', expiresAt: 'x' }), 'usable: "expiresAt"'],
    [() => verdictIn({ permit: true, secret: 's' }), 'usable: a member that is not known'],
    [() => verdictIn({ permit: false, code: 'x' }), 'usable: "code"'],
  ])('that is not usable is told to onError by what is wrong, and by no value of it: %o', (act, message) => {
    try {
      act()
      expect.unreachable()
    } catch (error) {
      expect(AuthError.is(error) && (error.cause as Error).message).toContain(message)
    }
  })
})

describe('trustedHeaders', () => {
  const PROXY = '10.0.0.5'
  const strategyOf = (options: Partial<TrustedHeadersOptions<string>> = {}) =>
    trustedHeaders({
      proxies: [PROXY],
      subject: 'X-User',
      claims: { email: 'x-email' },
      clock: { now: () => NOW * 1000 },
      ...options,
    })
  const told = (headers: Record<string, string | string[]>, peer = PROXY, options = {}) =>
    settled(strategyOf(options).authenticate(handshakeOf({ headers, address: '192.0.2.1', peer }), null))

  it('believes its proxies, and nobody else', async () => {
    expect(await told({ 'x-user': 'alice', 'x-email': 'a@b.c' })).toEqual({
      identity: { scheme: 'trusted-headers', issuer: 'trusted-headers', subject: 'alice', claims: { email: 'a@b.c' } },
      lease: { id: expect.stringMatching(/^[\w-]{22}$/), issuedAt: 0, expiresAt: NOW + 3600 },
    })
    expect(await told({ 'x-user': 'alice' }, '10.0.0.6')).toBe(null)
    expect(await told({ 'x-user': 'alice' }, '192.0.2.1')).toBe(null)
  })

  it('sees nobody in a header that is not there or empty, and none in the CONNECT packet', async () => {
    expect([await told({}), await told({ 'x-user': '' })]).toEqual([null, null])
    const connect = { namespace: '/', auth: {} }
    expect(await strategyOf().authenticate(handshakeOf({ headers: { 'x-user': 'a' }, peer: PROXY }), connect)).toBe(
      null,
    )
  })

  it.each<[string, Record<string, string | string[]>]>([
    ['subject', { 'x-user': 'alice,bob' }],
    ['subject', { 'x-user': 'x'.repeat(257) }],
    ['header_repeated', { 'x-user': ['alice', 'bob'] }],
    ['header_repeated', { 'x-user': 'alice', 'x-email': ['a', 'b'] }],
    ['too_long', { 'x-user': 'x'.repeat(8193) }],
    ['too_long', { 'x-user': 'alice', 'x-email': 'x'.repeat(8193) }],
    ['not_utf8', { 'x-user': '\xff' }],
    ['unprintable', { 'x-user': 'a\x7f' }],
    ['unprintable', { 'x-user': 'alice', 'x-email': 'a\tb' }],
  ])('refuses with the reason %s', async (reason, headers) => {
    expect(await told(headers)).toBe(`${INVALID} ${reason}`)
  })

  it('reads 256 characters of a subject, 8,192 bytes of a claim, and UTF-8', async () => {
    expect(await told({ 'x-user': 'x'.repeat(256), 'x-email': 'y'.repeat(8192) })).toMatchObject({
      identity: { subject: 'x'.repeat(256), claims: { email: 'y'.repeat(8192) } },
    })
    expect(await told({ 'x-user': Buffer.from('ålice').toString('latin1') })).toMatchObject({
      identity: { subject: 'ålice', claims: {} },
    })
  })

  describe('with the moment of the login', () => {
    const at = (date: string | undefined) =>
      told({ 'x-user': 'a', ...(date === undefined ? {} : { 'x-date': date }) }, PROXY, {
        issuedAt: 'x-date',
        maxLifetimeSeconds: 600,
        leaseSeconds: 60,
      })
    const lease = async (date: string) => ((await at(date)) as { lease: { issuedAt: number; expiresAt: number } }).lease

    it('ends with the lease or the longest life of a login, whichever is first', async () => {
      expect(await lease(`${NOW - 10}`)).toMatchObject({ issuedAt: NOW - 10, expiresAt: NOW + 60 })
      expect(await lease(`${NOW - 590}`)).toMatchObject({ issuedAt: NOW - 590, expiresAt: NOW + 10 })
      expect(await at(`${NOW - 600}`)).toBe('AUTH_EXPIRED max_lifetime')
      expect(await lease('0')).toMatchObject({ issuedAt: 0, expiresAt: NOW + 60 })
    })

    it('takes a minute ahead for now, and refuses more', async () => {
      expect(await lease(`${NOW + 60}`)).toMatchObject({ issuedAt: NOW, expiresAt: NOW + 60 })
      expect(await at(`${NOW + 61}`)).toBe(`${INVALID} issued_at`)
    })

    it.each([undefined, '', 'now', '-1', '1.5', '1234567890123', ' 1', '1 '])('refuses %j', async (date) => {
      expect(await at(date)).toBe(`${INVALID} issued_at`)
    })
  })

  it('names each header that it reads, as ambient unless it is told otherwise', () => {
    const sources = ({ from }: ReturnType<typeof strategyOf>) =>
      from.map(({ in: at, name, ambient }) => [at, name, ambient])
    expect(sources(strategyOf())).toEqual([
      ['header', 'x-user', true],
      ['header', 'x-email', true],
    ])
    expect(sources(strategyOf({ ambient: false }))).toEqual([
      ['header', 'x-user', false],
      ['header', 'x-email', false],
    ])
    const { scheme, issuers, maxLifetimeSeconds, from } = strategyOf({ issuer: 'i', maxLifetimeSeconds: 5 })
    expect([scheme, issuers, maxLifetimeSeconds]).toEqual(['trusted-headers', ['i'], 5])
    expect(strategyOf().maxLifetimeSeconds).toBe(86_400)
    expect(from[0]?.read(handshakeOf({ headers: { 'x-user': 'a' }, peer: '192.0.2.9' }), null)).toBe(null)
  })

  it('has one lease for one subject of one issuer', async () => {
    const idOf = async (user: string, issuer: string) =>
      ((await told({ 'x-user': user }, PROXY, { issuer })) as { lease: { id: string } }).lease.id
    expect(await idOf('a', 'i')).toBe(await idOf('a', 'i'))
    expect(new Set([await idOf('a', 'i'), await idOf('b', 'i'), await idOf('a', 'j')]).size).toBe(3)
  })

  it.each<[Partial<Record<keyof TrustedHeadersOptions, unknown>>, string]>([
    [{ proxies: [] }, '"proxies" must name at least one address'],
    [{ proxies: ['0.0.0.0/0'] }, '"proxies" must not hold every address there is: any client could then name its user'],
    [{ proxies: [PROXY, '::/00'] }, '"proxies" must not hold every address there is'],
    [{ proxies: ['proxy'] }, '"proxies": "proxy" must be an IP address or a range'],
    [{ subject: 'x user' }, '"subject" must be the name of a header'],
    [{ subject: '' }, '"subject" must be the name of a header'],
    [{ subject: 5 }, '"subject" must be the name of a header'],
    [{ subject: 'x-user:' }, '"subject" must be the name of a header'],
    [{ claims: { email: 'é' } }, '"claims.email" must be the name of a header'],
    [{ issuedAt: '' }, '"issuedAt" must be the name of a header'],
    [{ ambient: 1 }, '"ambient" must be true or false'],
    [{ issuer: '' }, '"issuer" must be a non-empty string'],
    [{ scheme: 5 }, '"scheme" must be a non-empty string'],
    [{ leaseSeconds: 0 }, '"leaseSeconds" must be a number above 0'],
    [{ maxLifetimeSeconds: -1 }, '"maxLifetimeSeconds" must be a number above 0'],
  ])('refuses %j, quoting the option', (wrong, message) => {
    expect(() => strategyOf(wrong as Partial<TrustedHeadersOptions<string>>)).toThrow(message)
  })

  it('refuses an option that is not known', () => {
    expect(() => strategyOf({ proxy: PROXY } as never)).toThrow('"proxy" is not an option of trustedHeaders()')
    expect(strategyOf({ proxies: ['10.0.0.0/8', '10.0.0.10/30', '10.0.0.0/08'] }).scheme).toBe('trusted-headers')
  })
})
