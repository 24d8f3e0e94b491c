/** Tokens of one use are not tokens of another: the profile of RFC 9068, and tokens that are bound to a key. */

import { jwt } from 'portcullis/strategies/jwt'
import { handshakeOf } from 'portcullis/testing'
import { describe, expect, it } from 'vitest'
import { accepted, claimsWith, NOW, refused, secret, sign, strategyWith } from './jwt-fixtures.ts'

const AT = { typ: 'at+jwt' }
const accessToken = (changes: Record<string, unknown> = {}) =>
  claimsWith({ jti: 'token-1', client_id: 'web', ...changes })

describe('the profile at+jwt', () => {
  const strategy = strategyWith({ profile: 'at+jwt' })

  it('J24: accepts an access token of RFC 9068', async () => {
    for (const typ of ['at+jwt', 'AT+JWT', 'application/at+jwt']) {
      expect(await accepted(strategy, await sign(accessToken(), { typ }))).toMatchObject({ lease: { id: 'token-1' } })
    }
  })

  it.each([
    undefined,
    'JWT',
    'logout+jwt',
    'dpop+jwt',
    'id+jwt',
    'at',
    'at+jwt; x',
    'application/application/at+jwt',
    '',
  ])('J24: refuses typ %j, though every claim is there', async (typ) =>
    refused(strategy, await sign(accessToken(), typ === undefined ? {} : { typ }), 'typ'),
  )

  it('J24: refuses an ID token, which the default accepts', async () => {
    const idToken = await sign(claimsWith({ nonce: 'n', auth_time: NOW - 10, at_hash: 'h' }), { typ: 'JWT' })
    await refused(strategy, idToken, 'typ')
    await accepted(strategyWith(), idToken)
  })

  it.each([
    ['iss', 'issuer'],
    ['aud', 'audience'],
    ['exp', 'expiry'],
    ['sub', 'subject'],
    ['iat', 'issued_at'],
    ['jti', 'token_id'],
    ['client_id', 'client_id'],
  ])('J24: refuses a token without %s', async (claim, reason) => {
    await refused(strategy, await sign(accessToken({ [claim]: undefined }), AT), reason)
    await refused(strategy, await sign(accessToken({ [claim]: null }), AT), reason)
  })

  it.each(['', 1, {}, ['web'], 'a\nb', 'x'.repeat(257)])('J24: refuses client_id %j', async (id) => {
    await refused(strategy, await sign(accessToken({ client_id: id }), AT), 'client_id')
    // Without the profile it is a claim like any other.
    await accepted(strategyWith(), await sign(accessToken({ client_id: id }), AT))
  })

  it('is refused at construction beside typ, and when it is another', () => {
    for (const options of [
      { profile: 'at+jwt', typ: 'at+jwt' },
      { profile: 'JWT' },
      { profile: null },
      { profile: '' },
    ]) {
      const make = () => strategyWith(options as never)
      expect(make).toThrow(TypeError)
      expect(make).toThrow('"profile"')
    }
  })

  it('says nothing about which subjects are users: that is for claims', async () => {
    const token = await sign(accessToken({ sub: 'web' }), AT)
    expect(await accepted(strategy, token)).toMatchObject({ identity: { subject: 'web' } })
  })
})

describe('a token that is bound to a key', () => {
  const dpop = { jkt: '0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I' }
  const bound: [string, unknown][] = [
    ['by DPoP', dpop],
    ['by mutual TLS', { 'x5t#S256': 'bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2' }],
    ['by a JWK', { jwk: { kty: 'EC' } }],
    ['by something unknown', { other: 1 }],
    ['by nothing', {}],
    ['by null', null],
    ['by a text', 'key'],
  ]
  const profiles: [string, Parameters<typeof strategyWith>[0]][] = [
    ['by default', {}],
    ['with typ', { typ: 'at+jwt' }],
    ['with the profile', { profile: 'at+jwt' }],
    [
      'with a schema',
      { claims: { '~standard': { version: 1, vendor: 'test', validate: (value: unknown) => ({ value }) } } as never },
    ],
  ]
  for (const [which, options] of profiles) {
    it.each(bound)(`I14: %s, is no bearer token ${which}`, async (_how, cnf) => {
      await refused(strategyWith(options), await sign(accessToken({ cnf }), AT), 'confirmation')
      await accepted(strategyWith(options), await sign(accessToken(), AT))
    })
  }

  it('I14: is no bearer token of one of several issuers', async () => {
    const issuers = { 'https://login.example': { keys: secret } }
    const strategy = jwt({ issuers, audience: 'chat', clock: { now: () => NOW * 1000 } })
    await refused(strategy, await sign(accessToken({ cnf: dpop }), AT), 'confirmation')
  })

  it('I14: is refused as such also when it has expired', async () => {
    await refused(strategyWith(), await sign(accessToken({ cnf: dpop, exp: NOW - 60 }), AT), 'confirmation')
  })

  it('I14: under the scheme DPoP is no credential for this strategy', async () => {
    const authorization = `DPoP ${await sign(accessToken({ cnf: dpop }), AT)}`
    expect(await strategyWith().authenticate(handshakeOf({ headers: { authorization } }), null)).toBeNull()
  })
})
