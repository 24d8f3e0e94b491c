/** What `jwt()` may be told, and the check of it at start-up. */

import type { Clock } from '../core/clock.ts'
import type { CredentialSource } from '../core/handshake.ts'
import type { StandardSchemaV1 } from '../core/standard-schema.ts'
import { credentialSources, knownOptions, text } from '../option-checks.ts'
import { fromAuth, fromAuthorization } from './from.ts'
import type { JwtProfile } from './jwt-claims.ts'
import type { JwtAlgorithm } from './jwt-key-hygiene.ts'
import type { JwtKeys } from './jwt-keys.ts'

/** The payload of a token, when no schema says more. */
export type JwtClaims = Readonly<Record<string, unknown>>

/** What the tokens of one issuer must be like, and which keys sign them. */
interface JwtTokenOptions {
  /**
   * Which algorithms the keys may have. Default: each key's own `alg`, else RS256, ES256, ES384, ES512, EdDSA or HS256 by
   * its kind. A key that names no `alg` gets the first of these that its kind can do, and no other: for PS256, or for
   * HS512, say so here.
   */
  readonly algorithms?: readonly JwtAlgorithm[]
  /** What the header's `typ` must be. Default: absent, `JWT` or `at+jwt`. Not together with `profile`. */
  readonly typ?: string
  /**
   * `at+jwt`: access tokens by RFC 9068 and nothing else. `typ` must be `at+jwt`; `iat`, `jti` and `client_id` must be there.
   * So no ID token passes for an access token. Default: what `typ` says.
   */
  readonly profile?: JwtProfile
}

/** One entry of `issuers`. What it does not say, the option of the same name beside `issuers` says for it. */
export interface JwtIssuer extends JwtTokenOptions {
  /** As the option `keys` of one issuer. They verify tokens of this issuer and of no other. */
  readonly keys: JwtKeys
  /** What `aud` must be, or contain. Required here where it does not stand beside `issuers`. */
  readonly audience?: string
}

/** Options for one issuer and for several. */
export interface JwtCommonOptions<Claims = JwtClaims, Scheme extends string = string> extends JwtTokenOptions {
  /**
   * Parses the payload once it is verified: its output becomes `identity.claims`. Any Standard Schema (zod, valibot,
   * arktype …). Default: the payload as it is.
   */
  readonly claims?: StandardSchemaV1<unknown, Claims>
  /** Where the token is read. Default: `Authorization: Bearer`, and `auth.token` of the CONNECT packet. */
  readonly from?: readonly CredentialSource[]
  /** Default `jwt`. Two `jwt` strategies side by side may have different ones. */
  readonly scheme?: Scheme
  /** Seconds by which the issuer's clock may differ. Default 5. */
  readonly leewaySeconds?: number
  /** Seconds from `iat`, or from now where a token has none, that `exp` may be away. Default 86,400, which is 24 h. */
  readonly maxLifetimeSeconds?: number
  /**
   * For tests. Default: the system's. Tells the age of tokens and of fetched keys; how long a fetch may take it does not
   * change.
   */
  readonly clock?: Pick<Clock, 'now'>
}

/** Options of `jwt` for one issuer; `issuer`, `audience` and `keys` are required. */
export interface JwtOptions<Claims = JwtClaims, Scheme extends string = string>
  extends JwtCommonOptions<Claims, Scheme> {
  /** What `iss` must be, character for character. */
  readonly issuer: string
  /** What `aud` must be, or contain where it is an array, character for character. */
  readonly audience: string
  /**
   * The URL of the issuer's JWKS (https; http for loopback hosts only), or keys: a secret's bytes, a public KeyObject,
   * extractable CryptoKey or JWK, a JWKS, or an array of these while one key replaces another. All secrets or all public, never both.
   */
  readonly keys: JwtKeys
  readonly issuers?: never
}

/** Options of `jwt` for several issuers; `issuers` is required, and an audience for each. */
export interface JwtIssuersOptions<Claims = JwtClaims, Scheme extends string = string>
  extends JwtCommonOptions<Claims, Scheme> {
  /** By what `iss` must be, character for character. A token of any other issuer is refused, and causes no fetch. */
  readonly issuers: Readonly<Record<string, JwtIssuer>>
  /** For the issuers whose entry names none. */
  readonly audience?: string
  readonly issuer?: never
  readonly keys?: never
}

/** The options with their defaults, checked. */
export interface JwtSettings<Claims> {
  /** Who is trusted, still to be checked. */
  readonly trust: JwtOptions<Claims> | JwtIssuersOptions<Claims>
  readonly claims: StandardSchemaV1<unknown, Claims> | undefined
  readonly from: readonly CredentialSource[]
  readonly scheme: string
  readonly leewaySeconds: number
  readonly maxLifetimeSeconds: number
  readonly clock: Pick<Clock, 'now'>
}

const OPTIONS = new Set(
  'issuer issuers audience keys algorithms claims typ profile from scheme leewaySeconds maxLifetimeSeconds clock'.split(
    ' ',
  ),
)

/**
 * Checks all options but those that say whom to trust: `trustedIssuers` checks these.
 *
 * @throws TypeError that quotes the option, never its value
 */
export function settingsOf<Claims>(given: JwtOptions<Claims> | JwtIssuersOptions<Claims>): JwtSettings<Claims> {
  // An option of another library, such as `ignoreExpiration`, must not look as if it worked.
  knownOptions(given, OPTIONS, 'jwt')
  // Own options only, so that a polluted Object.prototype configures nothing.
  const options: JwtOptions<Claims> | JwtIssuersOptions<Claims> = Object.assign(Object.create(null), given)
  const { claims, clock = { now: Date.now }, scheme = 'jwt', leewaySeconds = 5, maxLifetimeSeconds = 86_400 } = options
  const { from = [fromAuthorization('Bearer'), fromAuth('token')] } = options
  if (typeof clock?.now !== 'function') throw new TypeError('"clock" must have a function "now"')
  if (claims !== undefined && typeof claims?.['~standard']?.validate !== 'function') {
    throw new TypeError('"claims" must be a Standard Schema')
  }
  if (!(Number.isFinite(leewaySeconds) && leewaySeconds >= 0 && leewaySeconds <= 300)) {
    throw new TypeError('"leewaySeconds" must be a number from 0 to 300')
  }
  if (!(Number.isFinite(maxLifetimeSeconds) && maxLifetimeSeconds > 0)) {
    throw new TypeError('"maxLifetimeSeconds" must be a positive number')
  }
  return {
    trust: options,
    claims,
    from: credentialSources(from),
    scheme: text(scheme, 'scheme'),
    leewaySeconds,
    maxLifetimeSeconds,
    clock,
  }
}
