/** Verifies a token for the old APIs: by jose, with the checks and the messages of jsonwebtoken. */

import { jwtVerify } from 'jose'
import type { LegacyJwtChecks } from './legacy-jwt-checks.ts'
import { fromJose, LegacyJwtError } from './legacy-jwt-error.ts'
import { legacyKey } from './legacy-jwt-key.ts'

/** Bytes. Longer tokens are refused before anything decodes them: no HTTP header could carry one. */
const MAX_TOKEN_BYTES = 16_384

/** A token that was taken apart. */
export interface LegacyJwt {
  readonly header: Record<string, unknown>
  readonly payload: Record<string, unknown>
  readonly signature: string
}

/** A token whose signature and claims hold. */
export interface VerifiedJwt extends LegacyJwt {
  /** Epoch seconds at which it stops being accepted; null for one without an end. */
  readonly expiresAt: number | null
}

/**
 * What a token says, of which nothing is verified.
 *
 * @throws LegacyJwtError, with `undecodable` as its message where header or payload are no JSON objects
 */
export function peekLegacyJwt(token: unknown, undecodable = 'invalid token'): LegacyJwt {
  if (token === undefined || token === null || token === '') throw new LegacyJwtError('jwt must be provided')
  if (typeof token !== 'string') throw new LegacyJwtError('jwt must be a string')
  const parts = Buffer.byteLength(token) > MAX_TOKEN_BYTES ? [] : token.split('.')
  const [header, payload, signature] = parts
  if (parts.length !== 3 || header === undefined || payload === undefined || signature === undefined) {
    throw new LegacyJwtError('jwt malformed')
  }
  if (signature.trim() === '') throw new LegacyJwtError('jwt signature is required')
  return { header: decode(header, undecodable), payload: decode(payload, undecodable), signature }
}

/** @throws LegacyJwtError */
export async function verifyLegacyJwt(token: string, secret: unknown, checks: LegacyJwtChecks): Promise<VerifiedJwt> {
  const jwt = peekLegacyJwt(token)
  const key = legacyKey(secret)
  if (key === null) throw new LegacyJwtError('secret or public key must be provided')
  const algorithms = key.algorithms.filter((name) => checks.algorithms?.includes(name) ?? true)
  if (!algorithms.includes(jwt.header.alg as string)) throw new LegacyJwtError('invalid algorithm')
  try {
    await jwtVerify(token, key.key, { algorithms, clockTolerance: checks.toleranceSeconds })
  } catch (cause) {
    throw fromJose(cause)
  }
  checkNames(jwt.payload, checks)
  return { ...jwt, expiresAt: endOf(jwt.payload, checks) }
}

function decode(segment: string, undecodable: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(Buffer.from(segment, 'base64url').toString())
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  } catch {
    // Said below.
  }
  throw new LegacyJwtError(undecodable)
}

/** jose compares no patterns, and says it in other words. */
function checkNames(payload: Record<string, unknown>, checks: LegacyJwtChecks): void {
  const { audience, issuer } = checks
  if (audience !== null) {
    const named = (Array.isArray(payload.aud) ? payload.aud : [payload.aud]).filter((each) => typeof each === 'string')
    const fits = (name: string) => audience.some((each) => (typeof each === 'string' ? each === name : each.test(name)))
    if (!named.some(fits)) throw new LegacyJwtError(`jwt audience invalid. expected: ${audience.join(' or ')}`)
  }
  if (issuer !== null && !issuer.includes(payload.iss as string)) {
    throw new LegacyJwtError(`jwt issuer invalid. expected: ${issuer.join(',')}`)
  }
  for (const [claim, option] of [
    ['sub', 'subject'],
    ['jti', 'jwtid'],
    ['nonce', 'nonce'],
  ] as const) {
    const expected = checks[option]
    if (expected !== null && payload[claim] !== expected) {
      throw new LegacyJwtError(`jwt ${option} invalid. expected: ${expected}`)
    }
  }
}

/**
 * `exp`, or the end of `maxAge` where that is earlier. jose has found both to be numbers; JSON can write one past all bounds. Its
 * own limit of age is not used: it refuses what the clock of another machine, a little ahead of this one, has signed.
 */
function endOf(
  { exp, iat }: Record<string, unknown>,
  { maxAgeSeconds, toleranceSeconds }: LegacyJwtChecks,
): number | null {
  if (exp !== undefined && !Number.isFinite(exp)) throw new LegacyJwtError('invalid exp value')
  const ends = typeof exp === 'number' ? [exp] : []
  if (maxAgeSeconds !== null) {
    if (typeof iat !== 'number') throw new LegacyJwtError('iat required when maxAge is specified')
    if (!Number.isFinite(iat)) throw new LegacyJwtError('invalid iat value')
    const now = Date.now() / 1000
    const end = Math.min(iat, now) + maxAgeSeconds
    if (now >= end + toleranceSeconds) {
      throw new LegacyJwtError('maxAge exceeded', 'TokenExpiredError', new Date(end * 1000))
    }
    ends.push(end)
  }
  return ends.length === 0 ? null : Math.min(...ends) + toleranceSeconds
}
