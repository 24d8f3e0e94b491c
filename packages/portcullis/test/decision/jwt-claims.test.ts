import { describe, expect, it } from 'vitest'
import { checkClaims, checkType, type ExpectedClaims } from '../../src/strategies/jwt-claims.ts'
import { verdict } from './refusal.ts'

const NOW = 1_800_000_000
const expected: ExpectedClaims = {
  issuer: 'https://a.example',
  audience: 'api',
  profile: undefined,
  leewaySeconds: 5,
  maxLifetimeSeconds: 600,
}
const sound = { iss: 'https://a.example', aud: 'api', sub: 'alice', iat: NOW - 10, exp: NOW + 100 }
const access = { ...sound, jti: 'j', client_id: 'c' }

/** The claims, or the code and reason of the refusal. What is undefined is not there. */
function check(claims: Record<string, unknown>, terms: Partial<ExpectedClaims> = {}) {
  const payload = Object.fromEntries(Object.entries(claims).filter(([, value]) => value !== undefined))
  return verdict(() => checkClaims(payload, { ...expected, ...terms }, NOW))
}

describe('checkClaims', () => {
  it('gives subject, token id and times', () => {
    expect(check(sound)).toEqual({ subject: 'alice', tokenId: undefined, issuedAt: NOW - 10, expiresAt: NOW + 100 })
    expect(check({ ...sound, jti: 'j', iat: undefined })).toMatchObject({ tokenId: 'j', issuedAt: undefined })
  })

  it.each<[string, Record<string, unknown>]>([
    ['issuer', { iss: 'https://b.example' }],
    ['issuer', { iss: undefined }],
    ['issuer', { iss: ['https://a.example'] }],
    ['audience', { aud: 'web' }],
    ['audience', { aud: undefined }],
    ['audience', { aud: ['api', 1] }],
    ['subject', { sub: undefined }],
    ['subject', { sub: '' }],
    ['subject', { sub: 5 }],
    ['token_id', { jti: '' }],
    ['token_id', { jti: 5 }],
    ['token_id', { jti: null }],
    ['confirmation', { cnf: {} }],
    ['confirmation', { cnf: null }],
    ['expiry', { exp: undefined }],
    ['expiry', { exp: '2030' }],
    ['expiry', { exp: -1 }],
    ['issued_at', { iat: 'now' }],
    ['issued_at', { iat: null }],
    ['issued_at', { iat: NOW + 5.001 }],
    ['not_before', { nbf: 'now' }],
    ['not_before', { nbf: null }],
    ['not_before', { nbf: NOW + 5.001 }],
    ['lifetime', { iat: NOW, exp: NOW + 600.001 }],
    ['lifetime', { iat: undefined, exp: NOW + 600.001 }],
    ['lifetime', { iat: NOW + 1, exp: NOW + 1 }],
    ['lifetime', { iat: NOW + 1, exp: NOW + 0.5 }],
  ])('refuses with the reason %s: %j', (reason, wrong) => {
    expect(check({ ...sound, ...wrong })).toBe(`AUTH_CREDENTIAL_INVALID ${reason}`)
  })

  it.each<[Record<string, unknown>]>([
    [{ iat: NOW + 5 }],
    [{ nbf: NOW + 5 }],
    [{ nbf: 0 }],
    [{ iat: NOW, exp: NOW + 600 }],
    [{ iat: undefined, exp: NOW + 600 }],
    [{ exp: NOW - 4.999 }],
    [{ iat: NOW, exp: NOW + 0.001 }],
    [{ client_id: 5 }],
  ])('accepts at the very border: %j', (at) => expect(check({ ...sound, ...at })).toMatchObject({ subject: 'alice' }))

  it('says AUTH_EXPIRED when expiry is all that is wrong, from exp + leeway on', () => {
    expect(check({ ...sound, exp: NOW - 5 })).toBe('AUTH_EXPIRED expiry')
    expect(check({ ...sound, exp: NOW - 5, iat: NOW - 5 })).toBe('AUTH_EXPIRED expiry')
    expect(check({ ...sound, exp: NOW - 5, aud: 'web' })).toBe('AUTH_CREDENTIAL_INVALID audience')
  })

  it('asks a token with the profile at+jwt for iat, jti and client_id as well', () => {
    expect(check(access, { profile: 'at+jwt' })).toMatchObject({ tokenId: 'j' })
    for (const [claim, reason] of [
      ['jti', 'token_id'],
      ['client_id', 'client_id'],
      ['iat', 'issued_at'],
    ] as const)
      expect(check({ ...access, [claim]: undefined }, { profile: 'at+jwt' })).toBe(`AUTH_CREDENTIAL_INVALID ${reason}`)
    expect(check({ ...access, client_id: '' }, { profile: 'at+jwt' })).toBe('AUTH_CREDENTIAL_INVALID client_id')
  })

  it('takes no claim from a prototype', () => {
    expect(verdict(() => checkClaims(Object.create(sound), expected, NOW))).toBe('AUTH_CREDENTIAL_INVALID issuer')
  })
})

describe('checkType', () => {
  it.each<[unknown, string | undefined]>([
    [undefined, undefined],
    ['JWT', undefined],
    ['jwt', undefined],
    ['at+jwt', undefined],
    ['application/at+JWT', undefined],
    ['Logout+JWT', 'logout+jwt'],
    ['application/logout+jwt', 'logout+jwt'],
    ['logout+jwt', 'application/Logout+jwt'],
  ])('accepts %j where %j is expected', (typ, wanted) => {
    expect(verdict(() => checkType(typ === undefined ? {} : { typ }, wanted))).toBe(undefined)
  })

  it.each<[unknown, string | undefined]>([
    ['logout+jwt', undefined],
    ['', undefined],
    [5, undefined],
    [null, undefined],
    [undefined, 'logout+jwt'],
    ['JWT', 'logout+jwt'],
    ['logout+application/jwt', 'logout+jwt'],
    ['text/application/jwt', undefined],
    ['application/application/jwt', undefined],
  ])('refuses %j where %j is expected', (typ, wanted) => {
    expect(verdict(() => checkType(typ === undefined ? {} : { typ }, wanted))).toBe('AUTH_CREDENTIAL_INVALID typ')
  })
})
