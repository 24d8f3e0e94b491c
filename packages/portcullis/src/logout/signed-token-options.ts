/** Whose signed logout signals are believed: options as of the `jwt` strategy, and the check of them at start-up. */

import { knownOptions, LONGEST_TIMER_MS, positive } from '../option-checks.ts'
import { type TrustedIssuers, trustedIssuers } from '../strategies/jwt-issuers.ts'
import type { JwtAlgorithm } from '../strategies/jwt-key-hygiene.ts'
import type { JwtKeys } from '../strategies/jwt-keys.ts'
import type { JwtIssuersOptions, JwtOptions } from '../strategies/jwt-options.ts'
import { type EndingOptions, type EndingSettings, endingSettingsOf, type RevokingAuth } from './ending.ts'

/** One entry of `issuers`. */
export interface SignalIssuer {
  /** The URL of the issuer's JWKS, or keys, as the option `keys` of the `jwt` strategy. They verify this issuer's tokens only. */
  readonly keys: JwtKeys
  /** What `aud` must be, or contain. Required here where it does not stand beside `issuers`. */
  readonly audience?: string
  /** As of the `jwt` strategy. Default: each key's own `alg`, or the usual one of its kind. */
  readonly algorithms?: readonly JwtAlgorithm[]
}

interface SignalCommonOptions extends EndingOptions {
  /** As of the `jwt` strategy. Default: each key's own `alg`, or the usual one of its kind. */
  readonly algorithms?: readonly JwtAlgorithm[]
  /** Seconds by which the issuer's clock may differ. Default 5. */
  readonly leewaySeconds?: number
  /** Seconds after `iat` for which a token is accepted. */
  readonly maxAgeSeconds?: number
  /**
   * Told of every token that was not accepted and of every failure, as an `AuthError`: its `reason` says what was wrong, which the
   * sender is not told. Contains nothing of the token. Default: nobody is.
   */
  readonly onError?: (error: unknown) => void
}

/** For one issuer; `issuer`, `audience` and `keys` are required. */
export interface SignalIssuerOptions extends SignalCommonOptions {
  /** What `iss` must be, character for character. */
  readonly issuer: string
  /** What `aud` must be, or contain. */
  readonly audience: string
  /** The URL of the issuer's JWKS, or keys, as the option of the `jwt` strategy. */
  readonly keys: JwtKeys
  readonly issuers?: never
}

/** For several issuers; `issuers` is required, and an audience for each. */
export interface SignalIssuersOptions extends SignalCommonOptions {
  /** By what `iss` must be, character for character. A token of any other issuer is refused, and causes no fetch. */
  readonly issuers: Readonly<Record<string, SignalIssuer>>
  /** For the issuers whose entry names none. */
  readonly audience?: string
  readonly issuer?: never
  readonly keys?: never
}

export type SignalOptions = SignalIssuerOptions | SignalIssuersOptions

export interface SignalSettings extends EndingSettings {
  readonly issuers: TrustedIssuers
  readonly leewaySeconds: number
  readonly maxAgeSeconds: number
  /** Never throws. */
  readonly report: (error: unknown) => void
}

const COMMON =
  'issuer issuers audience keys algorithms leewaySeconds maxAgeSeconds maxWaitMs clock onError keysOf'.split(' ')
const ISSUER_OPTIONS = new Set(['keys', 'audience', 'algorithms'])

/** @throws TypeError that quotes the option, never its value */
export function signalSettingsOf(
  auth: RevokingAuth,
  given: SignalOptions & { readonly keysOf?: unknown },
  { factory, own, maxAgeSeconds: usualMaxAge }: { factory: string; own: readonly string[]; maxAgeSeconds: number },
): SignalSettings {
  if (typeof given !== 'object' || given === null) throw new TypeError(`${factory}: the options must be an object`)
  knownOptions(given, new Set([...COMMON, ...own]), factory)
  // Own options only, so that a polluted Object.prototype configures nothing.
  const options: typeof given = Object.assign(Object.create(null), given)
  const { leewaySeconds = 5, maxAgeSeconds = usualMaxAge, onError, keysOf } = options
  const ending = endingSettingsOf(auth, options)
  if (!(Number.isFinite(leewaySeconds) && leewaySeconds >= 0 && leewaySeconds <= 300)) {
    throw new TypeError('"leewaySeconds" must be a number from 0 to 300')
  }
  positive(maxAgeSeconds, 'maxAgeSeconds', LONGEST_TIMER_MS / 1000)
  for (const [option, value] of Object.entries({ onError, keysOf })) {
    if (value !== undefined && typeof value !== 'function') throw new TypeError(`"${option}" must be a function`)
  }
  for (const entry of Object.values(options.issuers ?? {})) {
    // What else an issuer may say in `jwt` is about credentials.
    if (typeof entry === 'object' && entry !== null) knownOptions(entry, ISSUER_OPTIONS, factory)
  }
  const { issuer, issuers, audience, keys, algorithms } = options
  const trust = { issuer, issuers, audience, keys, algorithms } as unknown as JwtOptions | JwtIssuersOptions
  const limits = { leewaySeconds, maxLifetimeSeconds: maxAgeSeconds, clock: ending.clock }
  return Object.freeze({
    ...ending,
    issuers: trustedIssuers(trust, limits),
    leewaySeconds,
    maxAgeSeconds,
    report(error: unknown): void {
      try {
        onError?.(error)
      } catch {
        // Whoever is told of an error does not decide about the answer.
      }
    },
  })
}
