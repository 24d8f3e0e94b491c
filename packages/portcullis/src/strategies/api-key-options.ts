/** What `apiKey()` may be told, and the check of it at start-up. */

import type { Clock } from '../core/clock.ts'
import type { CredentialSource } from '../core/handshake.ts'
import { AuthError } from '../errors.ts'
import {
  credentialSources,
  knownOptions,
  LONGEST_TIMER_MS,
  positive,
  systemClock,
  THIRTY_DAYS_SECONDS,
  text,
  wholeMatch,
} from '../option-checks.ts'
import { fromAuth, MAX_CREDENTIAL_BYTES } from './from.ts'
import { revalidateEveryMsOf } from './revalidated.ts'

/** What is kept of a key. */
export interface ApiKeyRecord<Claims = unknown> {
  /** SHA-256 of the whole key, as 64 lower-case hexadecimal digits. */
  readonly hash: string
  /** Whose key it is. Unique among the users of this issuer, and never given to someone else later. */
  readonly subject: string
  /** Plain JSON for the rules. Default `{}`. */
  readonly claims?: Claims
  /** When the key was made, epoch seconds. Default 0: every revocation of the subject covers it. */
  readonly issuedAt?: number
  /** From when on it is refused, epoch seconds. Default null: never. */
  readonly expiresAt?: number | null
}

/** Options of `apiKey`; `find` is required. */
export interface ApiKeyOptions<Claims, Scheme extends string> {
  /**
   * The record of a prefix, or null. The prefix comes from the client, and is of the form that `prefixPattern` says. What it
   * throws is answered AUTH_UNAVAILABLE.
   */
  readonly find: (prefix: string) => ApiKeyRecord<Claims> | null | Promise<ApiKeyRecord<Claims> | null>
  /** What a prefix looks like, as a whole. Default `/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/`; others never reach `find`. */
  readonly prefixPattern?: RegExp
  /** Where the key is read. Default: the header `X-API-Key`, and `auth.apiKey` of the CONNECT packet. */
  readonly from?: readonly CredentialSource[]
  /** Whose subjects these are. Default `api-key`. */
  readonly issuer?: string
  /** Default `api-key`. */
  readonly scheme?: Scheme
  /** Seconds after which the key must have been looked up or presented again. Default 3600. */
  readonly leaseSeconds?: number
  /** Seconds that revocations are remembered; a key that was revoked must be gone from `find` by then. Default 2,592,000. */
  readonly maxLifetimeSeconds?: number
  /**
   * How often a record is looked up again while its sockets are connected: what ended ends them, and what changed is in force. Milliseconds,
   * from 1,000; `Infinity` for never. Default 30,000.
   * All that are due together are asked for in one turn.
   */
  readonly revalidateEveryMs?: number
  /** Milliseconds that `find` has to answer, else AUTH_UNAVAILABLE. Default 1000. */
  readonly findTimeoutMs?: number
  /** For tests. Default: the system's. */
  readonly clock?: Clock
}

/** The options with their defaults, checked. */
export interface ApiKeySettings {
  readonly find: (prefix: string) => unknown
  readonly isPrefix: (value: string) => boolean
  readonly from: readonly CredentialSource[]
  readonly issuer: string
  readonly scheme: string
  readonly leaseSeconds: number
  readonly maxLifetimeSeconds: number
  readonly revalidateEveryMs: number
  readonly findTimeoutMs: number
  readonly clock: Clock
}

const OPTIONS = new Set(
  'find prefixPattern from issuer scheme leaseSeconds maxLifetimeSeconds revalidateEveryMs findTimeoutMs clock'.split(
    ' ',
  ),
)

/** The header `X-API-Key`. Sent twice, it is refused: Node joins the values, and no key contains a comma. */
export function fromApiKeyHeader(): CredentialSource {
  return {
    in: 'header',
    name: 'x-api-key',
    ambient: false,
    read({ headers }) {
      const value = headers['x-api-key']
      if (value === undefined) return null
      if (typeof value !== 'string') throw new AuthError('AUTH_CREDENTIAL_INVALID', { reason: 'presented_twice' })
      if (value.length > MAX_CREDENTIAL_BYTES) throw new AuthError('AUTH_CREDENTIAL_INVALID', { reason: 'too_long' })
      return value
    },
  }
}

/** @throws TypeError that quotes the option, never its value */
export function settingsOf(options: ApiKeyOptions<unknown, string>): ApiKeySettings {
  knownOptions(options, OPTIONS, 'apiKey')
  const { find, issuer = 'api-key', scheme = 'api-key', clock = systemClock } = options
  const { from = [fromApiKeyHeader(), fromAuth('apiKey')] } = options
  if (typeof find !== 'function') throw new TypeError('"find" must be a function')
  return Object.freeze({
    find,
    isPrefix: prefixTest(options.prefixPattern ?? /[A-Za-z0-9][A-Za-z0-9_-]{0,63}/),
    from: credentialSources(from),
    issuer: text(issuer, 'issuer'),
    scheme: text(scheme, 'scheme'),
    leaseSeconds: positive(options.leaseSeconds ?? 3600, 'leaseSeconds'),
    maxLifetimeSeconds: positive(options.maxLifetimeSeconds ?? THIRTY_DAYS_SECONDS, 'maxLifetimeSeconds'),
    revalidateEveryMs: revalidateEveryMsOf(options.revalidateEveryMs),
    findTimeoutMs: positive(options.findTimeoutMs ?? 1000, 'findTimeoutMs', LONGEST_TIMER_MS),
    clock,
  })
}

function prefixTest(pattern: RegExp): (value: string) => boolean {
  const matches = wholeMatch(pattern, 'prefixPattern')
  return (value) => value.length > 0 && value.length <= 128 && matches(value)
}
