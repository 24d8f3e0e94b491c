/** What is remembered of a token that was verified, what is asked again each time, and that no option is read twice. */

import { CompactSign } from 'jose'
import { type JwtClaims, type JwtOptions, jwt } from 'portcullis/strategies/jwt'
import { fakeClock, handshakeOf } from 'portcullis/testing'
import { expect, it, vi } from 'vitest'
import { fromAuthorization, fromCookie } from '../../src/strategies/from.ts'
import { createVerifiedTokens, MAX_VERIFIED_TOKENS, type VerifiedToken } from '../../src/strategies/jwt-verified.ts'
import {
  AUDIENCE,
  accepted,
  claimsWith,
  ISSUER,
  NOW,
  otherRsa,
  refused,
  rsa,
  secret,
  sign,
  strategyWith,
} from './jwt-fixtures.ts'
import { jwkOf, jwksServer, otherJwk, publish } from './jwt-jwks-fixtures.ts'

const jwks = jwksServer()

it('computes the signature of a token once, and that of each other token', async () => {
  const verify = vi.spyOn(crypto.subtle, 'verify')
  const strategy = jwks.strategyAt()
  const token = await jwks.rs256('rsa-1')
  for (let i = 0; i < 3; i += 1) await accepted(strategy, token)
  // At once in the header and in the CONNECT packet, neither of which knew of the other.
  expect(verify.mock.calls.length).toBeLessThanOrEqual(2)
  verify.mockClear()
  const forged = `${token.slice(0, token.lastIndexOf('.'))}.${(await jwks.rs256('rsa-1', otherRsa)).split('.')[2]}`
  await refused(strategy, forged, 'signature')
  expect(verify).toHaveBeenCalledTimes(2)
  verify.mockRestore()
})

it('gives each caller claims of its own, however deep', async () => {
  const strategy = strategyWith({ keys: rsa.publicKey })
  const token = await sign(claimsWith({ org: { roles: ['reader'] } }), { alg: 'RS256' }, rsa.privateKey)
  const first = (await accepted(strategy, token)).identity.claims as { org: { roles: string[] } }
  first.org.roles.push('admin')
  expect((await accepted(strategy, token)).identity.claims).toMatchObject({ org: { roles: ['reader'] } })
})

it('J26: leaves a member named __proto__ out of the claims each time', async () => {
  const strategy = strategyWith({ keys: rsa.publicKey })
  const text = JSON.stringify(claimsWith()).replace('{', '{"__proto__":{"admin":true},"\\u005f_proto__x":1,')
  const token = await new CompactSign(Buffer.from(text)).setProtectedHeader({ alg: 'RS256' }).sign(rsa.privateKey)
  for (let i = 0; i < 2; i += 1) {
    const { claims } = (await accepted(strategy, token)).identity as { claims: { admin?: boolean } }
    expect([claims.admin, Object.getPrototypeOf(claims), Object.hasOwn(claims, '__proto__')]).toEqual([
      undefined,
      Object.prototype,
      false,
    ])
  }
})

it(`K13: remembers ${MAX_VERIFIED_TOKENS} tokens and forgets the oldest`, () => {
  const tokens = createVerifiedTokens()
  const key = {} as VerifiedToken['key']
  const issuer = { keys: { find: () => [key] } } as unknown as VerifiedToken['issuer']
  const verified = { payload: {}, digest: '', issuer, alg: 'HS256', kid: undefined, key }
  for (let i = 0; i <= MAX_VERIFIED_TOKENS; i += 1) tokens.keep(`token-${i}`, verified, Buffer.from('{}'))
  expect(tokens.find('token-0')).toBeNull()
  expect(tokens.find('token-1')).toEqual(verified)
  tokens.clear()
  expect(tokens.find('token-1')).toBeNull()
})

it.each([
  ['HS256', undefined, secret],
  ['RS256', rsa.publicKey, rsa.privateKey],
] as const)(
  'K10: an %s token is refused from exp and leeway on, though it was verified a moment before',
  async (alg, publicKey, key) => {
    const clock = fakeClock(NOW * 1000)
    const strategy = strategyWith({ clock, ...(publicKey && { keys: publicKey }) })
    const withIat = await sign(claimsWith({ exp: NOW + 60 }), { alg }, key)
    const withoutIat = await sign(claimsWith({ exp: NOW + 60, iat: undefined }), { alg }, key)
    await clock.advance(64_999)
    for (const token of [withIat, withoutIat]) await accepted(strategy, token)
    await clock.advance(1)
    for (const token of [withIat, withoutIat]) await refused(strategy, token, 'expiry', 'AUTH_EXPIRED')
  },
)

it('K10: a token is refused once its key is gone, though it was verified a moment before', async () => {
  const strategy = jwks.strategyAt()
  const token = await jwks.rs256('rsa-1')
  await accepted(strategy, token)
  jwks.answer = publish(otherJwk)
  strategy.purge()
  await refused(strategy, token, 'key')
})

it('K11: what one strategy accepted, another with other demands refuses', async () => {
  const token = await sign(claimsWith({ aud: ['chat', 'other'], scope: 'chat:read' }), { typ: 'JWT' })
  for (const accepting of [{}, { audience: 'other' }]) await accepted(strategyWith(accepting), token)
  await refused(strategyWith({ audience: 'third' }), token, 'audience')
  await refused(strategyWith({ issuer: 'https://other.example' }), token, 'issuer')
  await refused(strategyWith({ typ: 'at+jwt' }), token, 'typ')
  await refused(strategyWith({ keys: Buffer.from('another secret of thirty-two byte') }), token, 'signature')
  await accepted(strategyWith(), token)
})

it('K11: claims are checked by their schema for every presentation', async () => {
  let allowed = true
  const validate = (value: unknown) => (allowed ? { value: value as JwtClaims } : { issues: [{ message: 'no' }] })
  const claims = { '~standard': { version: 1 as const, vendor: 'test', validate } }
  const strategy = strategyWith({ claims, keys: rsa.publicKey })
  const token = await sign(claimsWith(), { alg: 'RS256' }, rsa.privateKey)
  await accepted(strategy, token)
  allowed = false
  await refused(strategy, token, 'claims')
})

it.each(['cache', 'cacheKey', 'cacheTtlSeconds', 'cacheKeyBuilder'])('K12: "%s" is no option', (option) => {
  const make = () => strategyWith({ [option]: () => 'same' })
  expect(make).toThrow(TypeError)
  expect(make).toThrow(`"${option}" is not an option of jwt()`)
})

it('K15: changing what was passed as options changes none of 10,000 verifications', async () => {
  const rsaJwk = await jwkOf(rsa, 'one')
  const evilJwk = await jwkOf(otherRsa, 'one')
  const url = new URL(`${jwks.base}/good`)
  jwks.answer = (request, response) => publish(request.url === '/good' ? rsaJwk : evilJwk)(request, response)
  const bytes = Buffer.from(secret)
  const entry = { keys: [{ ...rsaJwk }], audience: AUDIENCE, algorithms: ['RS256'], typ: 'JWT' }
  const remote = { keys: url, algorithms: ['RS256'] }
  const issuers: Record<string, object> = { [ISSUER]: entry, 'https://remote.example': remote }
  const several = { issuers, audience: AUDIENCE, from: [fromAuthorization()], clock: { now: () => NOW * 1000 } }
  const single = { issuer: ISSUER, audience: AUDIENCE, keys: [bytes], from: [fromAuthorization()], leewaySeconds: 5 }
  const strategies = [
    jwt(several as never),
    jwt({ ...single, clock: { now: () => NOW * 1000 } } as JwtOptions),
  ] as const
  const header = { alg: 'RS256', kid: 'one', typ: 'JWT' }
  const good = [
    [strategies[0], await sign(claimsWith(), header, rsa.privateKey)],
    [strategies[0], await sign(claimsWith({ iss: 'https://remote.example' }), header, rsa.privateKey)],
    [strategies[1], await sign(claimsWith())],
  ] as const
  const evil = [
    [strategies[0], await sign(claimsWith(), header, otherRsa.privateKey)],
    [strategies[0], await sign(claimsWith({ iss: 'https://evil.example' }), header, otherRsa.privateKey)],
    [strategies[0], await sign(claimsWith({ iss: 'https://remote.example' }), header, otherRsa.privateKey)],
    [strategies[1], await sign(claimsWith({ aud: 'evil' }))],
    [strategies[1], await sign(claimsWith(), {}, Buffer.alloc(32))],
  ] as const
  const changes = [
    () => bytes.fill(0),
    () => entry.keys.splice(0, 1, evilJwk),
    () => Object.assign(entry, { audience: 'evil', typ: 'x', algorithms: ['PS256'] }),
    () => entry.algorithms.push('PS256'),
    () => remote.algorithms.splice(0, 1),
    () => Object.assign(remote, { keys: evilJwk }),
    () => url.pathname === '/evil' || Object.assign(url, { pathname: '/evil' }),
    () => Object.assign(issuers, { 'https://evil.example': { keys: evilJwk } }),
    () => delete issuers[ISSUER],
    () => Object.assign(several, { issuers: {}, audience: 'evil', from: [] }),
    () => several.from.splice(0, 1, fromCookie('x')),
    () => Object.assign(single, { issuer: 'evil', audience: 'evil', keys: [Buffer.alloc(32)], leewaySeconds: 300 }),
    () => single.from.splice(0, 1, fromCookie('x')),
  ]
  let admitted = 0
  let turnedAway = 0
  for (let i = 0; i < 1250; i++) {
    // Fetched again, it is the same URL and the same algorithms.
    if (i % 100 === 0) strategies[0].purge()
    const verifying = [...good, ...evil].map(([strategy, token]) =>
      strategy.authenticate(handshakeOf({ headers: { authorization: `Bearer ${token}` } }), null),
    )
    // Between the reading of the token and the verdict.
    changes[i % changes.length]?.()
    const outcomes = (await Promise.allSettled(verifying)).map(({ status }) => status)
    admitted += outcomes.slice(0, good.length).filter((outcome) => outcome === 'fulfilled').length
    turnedAway += outcomes.slice(good.length).filter((outcome) => outcome === 'rejected').length
  }
  expect([admitted, turnedAway]).toEqual([1250 * good.length, 1250 * evil.length])
})

it('K15: the strategy itself cannot be changed', () => {
  const strategy = strategyWith()
  for (const change of [
    () => Object.assign(strategy, { authenticate: async () => null }),
    () => (strategy.from as unknown[]).push(fromCookie('x')),
  ]) {
    expect(change).toThrow(TypeError)
  }
})
