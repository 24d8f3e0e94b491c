/** The registered claims of a verified JWT (RFC 7519 section 4.1), and its type. */

import { AuthError } from '../errors.ts'
import { isDate, isName, namesAudience } from './registered-claims.ts'
import { type JsonObject, own } from './strict-json.ts'
import { refuse } from './strict-jws.ts'

/** What a token must say, and how far clocks and lifetimes may go. */
export interface ExpectedClaims {
  readonly issuer: string
  readonly audience: string
  readonly profile: JwtProfile | undefined
  readonly leewaySeconds: number
  readonly maxLifetimeSeconds: number
}

/** A set of rules for tokens of one use. `at+jwt`: access tokens by RFC 9068. */
export type JwtProfile = 'at+jwt'

/** The registered claims that become identity and lease. Times are epoch seconds. */
export interface RegisteredClaims {
  readonly subject: string
  readonly tokenId: string | undefined
  readonly issuedAt: number | undefined
  readonly expiresAt: number
}

/** Accepted when `typ` is not configured. `at+jwt` is RFC 9068 section 2.1. */
const USUAL_TYPES = new Set(['jwt', 'at+jwt'])

/**
 * Checks `typ` of the header. Without `expected` it may be absent, `JWT` or `at+jwt`; with it, it must be there and equal.
 * Compared without case and without `application/`.
 *
 * @throws AuthError AUTH_CREDENTIAL_INVALID, reason `typ`
 * @see RFC 7515 section 4.1.9, RFC 8725 section 3.11
 */
export function checkType(header: JsonObject, expected: string | undefined): void {
  const typ = own(header, 'typ')
  if (typ === undefined && expected === undefined) return
  if (typeof typ !== 'string') refuse('typ')
  const given = mediaType(typ)
  if (expected === undefined ? !USUAL_TYPES.has(given) : given !== mediaType(expected)) refuse('typ')
}

/**
 * Checks `iss`, `aud`, `sub`, `jti`, `exp`, `iat` and `nbf`. `iss`, `aud`, `sub` and `exp` must be there, with the profile
 * `at+jwt` also `iat`, `jti` and `client_id`. A token is accepted while `nbf - leeway <= now < exp + leeway`; its lifetime is
 * counted from `iat`, or from now where it has none. A token with `cnf` is refused: it is bound to a key that nobody checks
 * here, and who stole it could present it (RFC 9449 section 7.1, RFC 8705 section 3).
 *
 * @throws AuthError AUTH_EXPIRED when expiry is all that is wrong; AUTH_CREDENTIAL_INVALID otherwise
 * @see RFC 7519 section 4.1, RFC 8725 sections 3.8 and 3.9, RFC 9068 section 2.2
 */
export function checkClaims(payload: JsonObject, expected: ExpectedClaims, nowSeconds: number): RegisteredClaims {
  const { issuer, audience, profile, leewaySeconds, maxLifetimeSeconds } = expected
  if (own(payload, 'iss') !== issuer) refuse('issuer')
  if (!namesAudience(own(payload, 'aud'), audience)) refuse('audience')
  const subject = own(payload, 'sub')
  if (!isName(subject)) refuse('subject')
  const tokenId = own(payload, 'jti')
  if ((tokenId !== undefined || profile === 'at+jwt') && !isName(tokenId)) refuse('token_id')
  if (profile === 'at+jwt' && !isName(own(payload, 'client_id'))) refuse('client_id')
  if (own(payload, 'cnf') !== undefined) refuse('confirmation')

  const expiresAt = own(payload, 'exp')
  if (!isDate(expiresAt)) refuse('expiry')
  const issuedAt = own(payload, 'iat')
  if (issuedAt === undefined && profile === 'at+jwt') refuse('issued_at')
  if (issuedAt !== undefined && (!isDate(issuedAt) || issuedAt > nowSeconds + leewaySeconds)) refuse('issued_at')
  const notBefore = own(payload, 'nbf')
  if (notBefore !== undefined && (!isDate(notBefore) || notBefore > nowSeconds + leewaySeconds)) refuse('not_before')
  // With `iat` at most the leeway ahead, this bounds how long the token can live from now on as well.
  if (expiresAt - (issuedAt ?? nowSeconds) > maxLifetimeSeconds) refuse('lifetime')
  if (nowSeconds >= expiresAt + leewaySeconds) throw new AuthError('AUTH_EXPIRED', { reason: 'expiry' })
  // Only now: a token of the past that never lived is reported as what its holder can mend.
  if (issuedAt !== undefined && expiresAt <= issuedAt) refuse('lifetime')
  return { subject, tokenId, issuedAt, expiresAt }
}

function mediaType(value: string): string {
  return value.toLowerCase().replace(/^application\//, '')
}
