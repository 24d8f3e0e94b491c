/** A signed logout signal, verified: what a logout token and a Security Event Token have in common. */

import { createHash } from 'node:crypto'
import { AuthError } from '../errors.ts'
import { isDate, isName, namesAudience } from '../strategies/registered-claims.ts'
import { type JsonObject, own, parseStrictJson } from '../strategies/strict-json.ts'
import { type JwtReason, parseStrictJws, verifySignature } from '../strategies/strict-jws.ts'
import type { SignalSettings } from './signed-token-options.ts'

/** The words that an AUTH_CREDENTIAL_INVALID of a receiver gives as its `reason`. */
export type SignalReason =
  | JwtReason
  | 'request'
  | 'age'
  | 'events'
  | 'nonce'
  | 'session'
  | 'subject_issuer'
  | 'event_unknown'

/** A signal whose signature, issuer, audience, times and `jti` are good. Times are epoch seconds. */
export interface Signal {
  readonly issuer: string
  readonly payload: JsonObject
  readonly issuedAt: number
  readonly events: JsonObject
  /** Names what was signed: the same token again, however it is spelt, has the same. */
  readonly digest: string
}

export interface ExpectedSignal {
  /** Is this the `typ` of such a token? In lower case and without `application/`; undefined where the header has none. */
  readonly isType: (typ: string | undefined) => boolean
  readonly requiresExpiry: boolean
}

/** RFC 8417 allows several events that say one thing; more than this say nothing. */
const MAX_EVENTS = 16

/**
 * Verifies one signature, at most, and then the claims: `typ`, `iss`, `aud`, `jti`, `iat` (neither ahead nor older than
 * `maxAgeSeconds`), `exp` and `nbf` where they are there, and that `events` is an object of objects.
 *
 * @throws AuthError AUTH_CREDENTIAL_INVALID with a `SignalReason`; AUTH_UNAVAILABLE when the keys cannot be had now
 * @see RFC 8417 section 2, RFC 8725 section 3
 */
export async function verifySignal(
  token: string,
  { isType, requiresExpiry }: ExpectedSignal,
  { issuers, leewaySeconds, maxAgeSeconds, clock }: SignalSettings,
): Promise<Signal> {
  const jws = parseStrictJws(token)
  const { expected, keys } = issuers.of(jws)
  await verifySignature(token, jws, keys)

  const typ = own(jws.header, 'typ')
  if (typ !== undefined && typeof typ !== 'string') refuse('typ')
  if (!isType(typ?.toLowerCase().replace(/^application\//, ''))) refuse('typ')
  const payload = parseStrictJson(jws.payload) ?? refuse('payload')
  if (own(payload, 'iss') !== expected.issuer) refuse('issuer')
  if (!namesAudience(own(payload, 'aud'), expected.audience)) refuse('audience')
  if (!isName(own(payload, 'jti'))) refuse('token_id')

  const nowSeconds = clock.now() / 1000
  const issuedAt = own(payload, 'iat')
  if (!isDate(issuedAt) || issuedAt > nowSeconds + leewaySeconds) refuse('issued_at')
  if (issuedAt < nowSeconds - maxAgeSeconds - leewaySeconds) refuse('age')
  const expiresAt = own(payload, 'exp')
  if (expiresAt === undefined ? requiresExpiry : !isDate(expiresAt) || nowSeconds >= expiresAt + leewaySeconds) {
    refuse('expiry')
  }
  const notBefore = own(payload, 'nbf')
  if (notBefore !== undefined && (!isDate(notBefore) || notBefore > nowSeconds + leewaySeconds)) refuse('not_before')

  const events = own(payload, 'events')
  if (!isObject(events)) refuse('events')
  const members = Object.values(events)
  if (members.length === 0 || members.length > MAX_EVENTS || !members.every(isObject)) refuse('events')
  const digest = createHash('sha256').update(jws.payload).digest('base64url')
  return { issuer: expected.issuer, payload, issuedAt, events, digest }
}

/** An object of JSON, and no array. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Ends with AUTH_CREDENTIAL_INVALID. Takes a fixed word: values go nowhere. */
export function refuse(reason: SignalReason): never {
  throw new AuthError('AUTH_CREDENTIAL_INVALID', { reason })
}
