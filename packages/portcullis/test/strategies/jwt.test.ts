import { createHash } from 'node:crypto'
import { fromCookie } from 'portcullis/strategies/from'
import { jwt } from 'portcullis/strategies/jwt'
import { handshakeOf, strategyContract } from 'portcullis/testing'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import {
  AUDIENCE,
  accepted,
  claimsWith,
  clock,
  connectWith,
  ec,
  ed25519,
  expectRefusal,
  HS256_HEADER,
  ISSUER,
  NOW,
  refused,
  rsa,
  secret,
  sign,
  signRaw,
  strategyWith,
} from './jwt-fixtures.ts'

describe('a good token', () => {
  it('gives identity and lease', async () => {
    const token = await sign(claimsWith({ jti: 'token-1', org: 'acme' }))
    expect(await accepted(strategyWith(), token)).toEqual({
      identity: {
        scheme: 'jwt',
        issuer: ISSUER,
        subject: 'user-42',
        claims: claimsWith({ jti: 'token-1', org: 'acme' }),
      },
      lease: { id: 'token-1', issuedAt: NOW - 10, expiresAt: NOW + 605 },
      revocableBy: [{ tokenId: 'token-1' }],
    })
  })

  it('without jti is named by the SHA-256 of what was signed', async () => {
    const token = await sign(claimsWith())
    const [header = '', payload = ''] = token.split('.').map((part) => Buffer.from(part, 'base64url').toString())
    const id = createHash('sha256').update(`${header}.${payload}`).digest('base64url')
    expect(await accepted(strategyWith(), token)).toMatchObject({ lease: { id }, revocableBy: [{ tokenId: id }] })
  })

  it('without iat counts as issued at 0, so that every revocation covers it', async () => {
    const token = await sign(claimsWith({ iat: undefined }))
    expect(await accepted(strategyWith(), token)).toMatchObject({ lease: { issuedAt: 0 } })
  })

  it.each([
    ['RS256', rsa],
    ['ES256', ec],
    ['EdDSA', ed25519],
  ])('is accepted with %s by default for its kind of key', async (alg, pair) => {
    await accepted(strategyWith({ keys: pair.publicKey }), await sign(claimsWith(), { alg }, pair.privateKey))
  })

  it('gives the scheme that is configured', async () => {
    const strategy = strategyWith({ scheme: 'partner' })
    expect(strategy.scheme).toBe('partner')
    expect(await accepted(strategy, await sign(claimsWith()))).toMatchObject({ identity: { scheme: 'partner' } })
  })

  it('may name several audiences', async () => {
    await accepted(strategyWith(), await sign(claimsWith({ aud: ['other', AUDIENCE] })))
  })

  it('may be presented by two requests at once', async () => {
    const token = await sign(claimsWith())
    const strategy = strategyWith()
    await Promise.all(Array.from({ length: 20 }, () => accepted(strategy, token)))
  })

  it('says that no accepted token is older than maxLifetimeSeconds and the leeway', () => {
    expect(strategyWith().maxLifetimeSeconds).toBe(86_405)
    expect(strategyWith({ maxLifetimeSeconds: 60, leewaySeconds: 0 }).maxLifetimeSeconds).toBe(60)
  })
})

describe('where the token is read', () => {
  it('answers null when there is none', async () => {
    const strategy = strategyWith()
    expect(await strategy.authenticate(handshakeOf(), null)).toBeNull()
    expect(await strategy.authenticate(handshakeOf(), { namespace: '/', auth: {} })).toBeNull()
    expect(await strategy.authenticate(handshakeOf({ headers: { authorization: 'Basic dTpw' } }), null)).toBeNull()
  })

  it('looks only at the CONNECT packet when there is one', async () => {
    const token = await sign(claimsWith())
    const handshake = handshakeOf({ headers: { authorization: `Bearer ${token}` } })
    expect(await strategyWith().authenticate(handshake, { namespace: '/', auth: {} })).toBeNull()
  })

  it('reads no cookie and no query unless told to', async () => {
    const token = await sign(claimsWith())
    const handshake = handshakeOf({ headers: { cookie: `token=${token}` }, query: { token } })
    expect(await strategyWith().authenticate(handshake, null)).toBeNull()
    expect(await strategyWith({ from: [fromCookie('token')] }).authenticate(handshake, null)).not.toBeNull()
  })

  it.each([[1], [{}], [['a']], [true]])('refuses auth.token = %j', async (token) => {
    const [result] = await Promise.allSettled([strategyWith().authenticate(handshakeOf(), connectWith(token))])
    expectRefusal(result, '')
  })

  it('J11: refuses an empty bearer token and a token within a token', async () => {
    await refused(strategyWith(), '', 'shape')
    await refused(strategyWith(), `Bearer ${await sign(claimsWith())}`, 'shape')
  })
})

describe('registered claims', () => {
  it.each([
    ['exp in the past', { exp: NOW - 6 }],
    ['exp plus leeway now', { exp: NOW - 5 }],
    ['exp long ago', { iat: 1000, exp: 2000 }],
    ['exp in the past, before iat', { iat: NOW, exp: NOW - 60 }],
  ])('J20: rejects a token with %s with AUTH_EXPIRED', async (_what, changes) => {
    await refused(strategyWith(), await sign(claimsWith(changes)), 'expiry', 'AUTH_EXPIRED')
  })

  it.each([-4.999, -4, 0, 1])('J20: accepts exp %d s from now, with 5 s of leeway', async (seconds) => {
    const exp = NOW + seconds
    expect(await accepted(strategyWith(), await sign(claimsWith({ exp })))).toMatchObject({
      lease: { expiresAt: exp + 5 },
    })
  })

  it('J20: refuses at exp without leeway', async () => {
    await refused(strategyWith({ leewaySeconds: 0 }), await sign(claimsWith({ exp: NOW })), 'expiry', 'AUTH_EXPIRED')
    await accepted(strategyWith({ leewaySeconds: 0 }), await sign(claimsWith({ exp: NOW + 1 })))
  })

  it.each([-1, 0, 4, 5])('J20: accepts nbf %d s from now', async (seconds) => {
    await accepted(strategyWith(), await sign(claimsWith({ nbf: NOW + seconds })))
  })

  it.each([NOW + 5.001, NOW + 6, '1', null, [], {}, true, -1])('J20: refuses nbf %j', async (nbf) => {
    await refused(strategyWith(), await sign(claimsWith({ nbf })), 'not_before')
  })

  it('is refused as expired only when everything else is right', async () => {
    const exp = NOW - 60
    const strategy = strategyWith()
    await refused(strategy, await sign(claimsWith({ exp, iss: 'https://other.example' })), 'issuer')
    await refused(strategy, await sign(claimsWith({ exp, aud: 'other' })), 'audience')
    await refused(strategy, await sign(claimsWith({ exp, sub: '' })), 'subject')
    await refused(strategy, await sign(claimsWith({ exp }), {}, Buffer.alloc(32, 'another secret')), 'signature')
    await refused(strategy, await sign(claimsWith({ exp }), { typ: 'logout+jwt' }), 'typ')
  })

  it.each(['"1"', 'null', '-1', '1e400', '-1e400', '[1]', '{}', 'true', '""'])('J19: refuses exp %s', async (exp) => {
    const { exp: _, ...rest } = claimsWith()
    await refused(strategyWith(), signRaw(HS256_HEADER, `${JSON.stringify(rest).slice(0, -1)},"exp":${exp}}`), 'expiry')
  })

  it('J19: refuses a token without exp', async () => {
    await refused(strategyWith(), await sign(claimsWith({ exp: undefined })), 'expiry')
  })

  it.each([
    ['milliseconds', NOW * 1000],
    ['the year 9999', 253_402_300_799],
    ['one second more than 24 h after iat', NOW - 10 + 86_401],
    ['iat itself', NOW - 10],
    ['a second before iat', NOW - 11],
  ])('J19: refuses exp at %s', async (_what, exp) => {
    await refused(strategyWith({ leewaySeconds: 60 }), await sign(claimsWith({ exp })), 'lifetime')
  })

  it('J19: counts the lifetime from iat, or from now without one', async () => {
    const strategy = strategyWith({ maxLifetimeSeconds: 3600 })
    await accepted(strategy, await sign(claimsWith({ iat: NOW, exp: NOW + 3600 })))
    await accepted(strategy, await sign(claimsWith({ iat: NOW + 5, exp: NOW + 3605 })))
    await accepted(strategy, await sign(claimsWith({ iat: undefined, exp: NOW + 3600 })))
    await refused(strategy, await sign(claimsWith({ iat: undefined, exp: NOW + 3601 })), 'lifetime')
    await refused(strategy, await sign(claimsWith({ iat: NOW - 3000, exp: NOW + 601 })), 'lifetime')
  })

  it.each([NOW + 3600, NOW + 6, '1', null, [], true, -1])('J21: refuses iat %j', async (iat) => {
    await refused(strategyWith(), await sign(claimsWith({ iat, exp: NOW + 7200 })), 'issued_at')
  })

  it.each([
    'https://other.example',
    `${ISSUER}/`,
    `${ISSUER}.evil.example`,
    'https://login.exampl',
    'HTTPS://LOGIN.EXAMPLE',
    [ISSUER],
    '',
    null,
    undefined,
    { 0: ISSUER },
  ])('J22: refuses iss %j', async (iss) => {
    await refused(strategyWith(), await sign(claimsWith({ iss })), 'issuer')
  })

  it.each([
    'other',
    'chat2',
    'cha',
    'CHAT',
    { chat: true },
    [],
    [['chat']],
    ['other'],
    ['chat', 1],
    null,
    '',
    undefined,
  ])('J23: refuses aud %j', async (aud) => {
    await refused(strategyWith(), await sign(claimsWith({ aud })), 'audience')
  })

  it.each([
    1,
    {},
    [],
    ['user-42'],
    '',
    null,
    undefined,
    'a\0b',
    'a\nb',
    'a\u007fb',
    'a\u0085b',
    '\ud800',
    'x'.repeat(257),
  ])('J25: refuses sub %j', async (sub) => {
    await refused(strategyWith(), await sign(claimsWith({ sub })), 'subject')
  })

  it('J25: keeps a sub of 256 characters, and letters of any script, as they are', async () => {
    for (const sub of ['x'.repeat(256), 'Zoë 😀|auth0', ' ']) {
      expect(await accepted(strategyWith(), await sign(claimsWith({ sub })))).toMatchObject({
        identity: { subject: sub },
      })
    }
  })

  it('J25: keeps the same sub of two issuers apart', async () => {
    const other = strategyWith({ issuer: 'https://other.example' })
    const token = await sign(claimsWith({ iss: 'https://other.example' }))
    expect(await accepted(other, token)).toMatchObject({ identity: { issuer: 'https://other.example' } })
    await refused(strategyWith(), token, 'issuer')
  })

  it.each(['', 1, null, {}, 'a\nb', 'x'.repeat(257)])('refuses jti %j', async (jti) => {
    await refused(strategyWith(), await sign(claimsWith({ jti })), 'token_id')
  })
})

describe('typ', () => {
  it.each([undefined, 'JWT', 'jwt', 'at+jwt', 'AT+JWT', 'application/at+jwt'])('may be %j by default', async (typ) => {
    await accepted(strategyWith(), await sign(claimsWith(), { typ }))
  })

  it.each(['logout+jwt', 'dpop+jwt', 'secevent+jwt', '', 'JWTX', 'application/x/jwt'])(
    'J24: may not be %j by default',
    async (typ) => {
      await refused(strategyWith(), await sign(claimsWith(), { typ }), 'typ')
    },
  )

  it.each(['1', 'null', '["JWT"]', '{}'])('J24: may not be %s', async (typ) => {
    const token = signRaw(`{"alg":"HS256","typ":${typ}}`, JSON.stringify(claimsWith()))
    await refused(strategyWith(), token, 'typ')
  })

  it('J24: when configured, must be there and equal', async () => {
    for (const configured of ['at+jwt', 'application/AT+JWT']) {
      const strategy = strategyWith({ typ: configured })
      for (const typ of ['at+jwt', 'AT+jwt', 'application/at+jwt']) {
        await accepted(strategy, await sign(claimsWith(), { typ }))
      }
      for (const typ of [undefined, 'JWT', 'logout+jwt', 'dpop+jwt']) {
        await refused(strategy, await sign(claimsWith(), { typ }), 'typ')
      }
    }
  })
})

describe('claims', () => {
  const claims = z.object({ org: z.string(), scope: z.string().transform((scope) => scope.split(' ')) })

  it('become what the schema puts out', async () => {
    const strategy = strategyWith({ claims })
    const { identity } = await accepted(strategy, await sign(claimsWith({ org: 'acme', scope: 'a b', extra: 1 })))
    expect(identity.claims).toEqual({ org: 'acme', scope: ['a', 'b'] })
  })

  it('that do not fit are refused without their values', async () => {
    const org = { private: 'claim-value-that-stays-here' }
    await refused(strategyWith({ claims }), await sign(claimsWith({ org, scope: 'a' })), 'claims')
  })

  it('are checked after the expiry', async () => {
    await refused(strategyWith({ claims }), await sign(claimsWith({ exp: NOW - 60 })), 'expiry', 'AUTH_EXPIRED')
  })

  it('may be checked asynchronously', async () => {
    const strategy = strategyWith({ claims: z.object({ org: z.string() }).refine(async ({ org }) => org === 'acme') })
    await accepted(strategy, await sign(claimsWith({ org: 'acme' })))
    await refused(strategy, await sign(claimsWith({ org: 'other' })), 'claims')
  })

  it('are answered AUTH_ERROR when the schema throws', async () => {
    const broken = {
      '~standard': {
        version: 1,
        vendor: 'test',
        validate(): never {
          throw new Error('broken schema')
        },
      },
    } as const
    await refused(strategyWith({ claims: broken }), await sign(claimsWith()), 'claims_schema_threw', 'AUTH_ERROR')
  })

  it('J26: pollute nothing', async () => {
    const text = JSON.stringify(claimsWith({ scope: '__proto__ constructor', nested: {} })).replace(
      '{}',
      '{"__proto__":{"role":"admin"},"ok":1}',
    )
    const polluting = `{"__proto__":{"role":"admin","iss":"x"},"constructor":{"prototype":{"role":"admin"}},${text.slice(1)}`
    const { identity } = await accepted(strategyWith(), signRaw(HS256_HEADER, polluting))
    const given = identity.claims as Record<string, unknown>
    expect(given.role).toBeUndefined()
    expect(given.scope).toBe('__proto__ constructor')
    expect(given.nested).toEqual({ ok: 1 })
    expect(Object.assign({}, given).role).toBeUndefined()
    expect(({} as Record<string, unknown>).role).toBeUndefined()
    expect(Object.getPrototypeOf(given)).toBe(Object.prototype)
  })

  it('J26: none come from __proto__', async () => {
    const { sub, ...rest } = claimsWith()
    const text = `{"__proto__":{"sub":"user-42"},${JSON.stringify(rest).slice(1)}`
    await refused(strategyWith(), signRaw(HS256_HEADER, text), 'subject')
    expect(sub).toBe('user-42')
  })
})

describe('the jwt strategy keeps the contract of strategies', async () => {
  const token = await sign(claimsWith({ jti: 'token-1' }))
  const request = (authorization: string) => () => ({
    handshake: handshakeOf({ headers: { authorization } }),
    connect: null,
  })
  const cases = strategyContract({
    strategy: () => jwt({ issuer: ISSUER, audience: AUDIENCE, keys: secret, clock }),
    good: request(`Bearer ${token}`),
    missing: request('Basic dXNlcjpwYXNz'),
    bad: [
      {
        name: 'a broken signature',
        request: request(`Bearer ${token.slice(0, -3)}AAA`),
        code: 'AUTH_CREDENTIAL_INVALID',
      },
      { name: 'no token', request: request('Bearer') },
      {
        name: 'an expired token',
        request: async () => request(`Bearer ${await sign(claimsWith({ exp: NOW - 60 }))}`)(),
        code: 'AUTH_EXPIRED',
      },
    ],
    unavailable: () => ({
      // Nothing listens on port 1.
      strategy: jwt({ issuer: ISSUER, audience: AUDIENCE, keys: 'http://127.0.0.1:1/jwks.json', clock }),
      ...request(`Bearer ${signRaw('{"alg":"RS256"}', '{}')}`)(),
    }),
    secrets: token.split('.'),
  })
  for (const { name, run } of cases) it(name, run)
})
