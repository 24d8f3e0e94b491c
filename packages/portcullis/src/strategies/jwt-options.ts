/** What `jwt()` may be told, and the check of it at start-up. */

import type { Clock } from '../core/clock.ts'
import type { CredentialSource } from '../core/handshake.ts'
import type { StandardSchemaV1 } from '../core/standard-schema.ts'
import { fromAuth, fromAuthorization } from './from.ts'
import type { ExpectedClaims } from './jwt-claims.ts'
import { remoteKeys } from './jwt-jwks.ts'
import { isJwtAlgorithm, type JwtAlgorithm } from './jwt-key-hygiene.ts'
import { type JwtKeys, type KeySource, refuseGuessableSecrets, requireOneFamily, staticKeys } from './jwt-keys.ts'

/** The payload of a token, when no schema says more. */
export type JwtClaims = Readonly<Record<string, unknown>>

/** Options of `jwt`; `issuer`, `audience` and `keys` are required. */
export interface JwtOptions<Claims = JwtClaims, Scheme extends string = string> {
  /** What `iss` must be, character for character. */
  readonly issuer: string
  /** What `aud` must be, or contain where it is an array, character for character. */
  readonly audience: string
  /**
   * The URL of the issuer's JWKS (https; http for loopback hosts only), or keys: a secret's bytes, a public KeyObject,
   * extractable CryptoKey or JWK, a JWKS, or an array of these while one key replaces another. All secrets or all public, never both.
   */
  readonly keys: JwtKeys
  /**
   * Which algorithms the keys may have. Default: each key's own `alg`, else RS256, ES256, ES384, ES512, EdDSA or HS256 by
   * its kind. A key that names no `alg` gets the first of these that its kind can do, and no other: for PS256, or for
   * HS512, say so here.
   */
  readonly algorithms?: readonly JwtAlgorithm[]
  /**
   * Parses the payload once it is verified: its output becomes `identity.claims`. Any Standard Schema (zod, valibot,
   * arktype …). Default: the payload as it is.
   */
  readonly claims?: StandardSchemaV1<unknown, Claims>
  /** What the header's `typ` must be, such as `at+jwt`. Default: absent, `JWT` or `at+jwt`. */
  readonly typ?: string
  /** Where the token is read. Default: `Authorization: Bearer`, and `auth.token` of the CONNECT packet. */
  readonly from?: readonly CredentialSource[]
  /** Default `jwt`. Two `jwt` strategies side by side may have different ones. */
  readonly scheme?: Scheme
  /** Seconds by which the issuer's clock may differ. Default 5. */
  readonly leewaySeconds?: number
  /** Seconds from `iat`, or from now where a token has none, that `exp` may be away. Default 86,400, which is 24 h. */
  readonly maxLifetimeSeconds?: number
  /** For tests. Default: the system's. Does not reach the cache of a JWKS URL. */
  readonly clock?: Pick<Clock, 'now'>
}

/** The options with their defaults, checked. */
export interface JwtSettings<Claims> {
  readonly expected: ExpectedClaims
  readonly keys: KeySource
  readonly claims: StandardSchemaV1<unknown, Claims> | undefined
  readonly typ: string | undefined
  readonly from: readonly CredentialSource[]
  readonly scheme: string
  readonly clock: Pick<Clock, 'now'>
}

const OPTIONS = new Set(
  'issuer audience keys algorithms claims typ from scheme leewaySeconds maxLifetimeSeconds clock'.split(' '),
)

/** @throws TypeError that quotes the option, never its value */
export function settingsOf<Claims>(given: JwtOptions<Claims>): JwtSettings<Claims> {
  // An option of another library, such as `ignoreExpiration`, must not look as if it worked.
  const unknown = Object.keys(given).find((name) => !OPTIONS.has(name))
  if (unknown !== undefined) throw new TypeError(`"${unknown}" is not an option of jwt()`)
  // Own options only, so that a polluted Object.prototype configures nothing.
  const options: JwtOptions<Claims> = Object.assign(Object.create(null), given)
  const { typ, claims, clock = { now: Date.now }, scheme = 'jwt' } = options
  const { from = [fromAuthorization('Bearer'), fromAuth('token')] } = options
  if (typ !== undefined) requireText('typ', typ)
  requireText('scheme', scheme)
  if (typeof clock?.now !== 'function') throw new TypeError('"clock" must have a function "now"')
  if (claims !== undefined && typeof claims?.['~standard']?.validate !== 'function') {
    throw new TypeError('"claims" must be a Standard Schema')
  }
  if (!Array.isArray(from) || from.length === 0 || from.some((source) => typeof source?.read !== 'function')) {
    throw new TypeError('"from" must be a non-empty array of credential sources')
  }
  return { expected: expectedOf(options), keys: keysOf(options), claims, typ, from: [...from], scheme, clock }
}

function expectedOf(options: JwtOptions<unknown>): ExpectedClaims {
  const { issuer, audience, leewaySeconds = 5, maxLifetimeSeconds = 86_400 } = options
  requireText('issuer', issuer)
  requireText('audience', audience)
  if (!(Number.isFinite(leewaySeconds) && leewaySeconds >= 0 && leewaySeconds <= 300)) {
    throw new TypeError('"leewaySeconds" must be a number from 0 to 300')
  }
  if (!(Number.isFinite(maxLifetimeSeconds) && maxLifetimeSeconds > 0)) {
    throw new TypeError('"maxLifetimeSeconds" must be a positive number')
  }
  return { issuer, audience, leewaySeconds, maxLifetimeSeconds }
}

function keysOf({ keys, algorithms }: JwtOptions<unknown>): KeySource {
  if (algorithms !== undefined) {
    if (!Array.isArray(algorithms) || algorithms.length === 0 || !algorithms.every(isJwtAlgorithm)) {
      throw new TypeError('"algorithms" must be a non-empty array of JWS algorithms, and "none" is none')
    }
    requireOneFamily(algorithms)
  }
  if (keys instanceof URL || typeof keys === 'string') return remoteKeys(keys, algorithms && [...algorithms])
  refuseGuessableSecrets(keys)
  return staticKeys(keys, algorithms)
}

function requireText(option: string, value: unknown): void {
  if (typeof value !== 'string' || value === '') throw new TypeError(`"${option}" must be a non-empty string`)
}
