/** What `basic()` may be told, and the check of it at start-up. */

import type { Clock } from '../core/clock.ts'
import { knownOptions, LONGEST_TIMER_MS, positive, systemClock, THIRTY_DAYS_SECONDS, text } from '../option-checks.ts'

/** Who has given the right password. */
export interface BasicSubject<Claims = unknown> {
  /** Unique among the users of this issuer, and never given to someone else later. */
  readonly subject: string
  /** Plain JSON for the rules. Default `{}`. */
  readonly claims?: Claims
  /**
   * When the password was last set, epoch seconds. Default 0, "unknown": whoever was revoked is then refused for
   * `maxLifetimeSeconds`, right password or not.
   */
  readonly issuedAt?: number
}

/** Options of `basic`; `verify` is required. */
export interface BasicOptions<Claims, Scheme extends string> {
  /**
   * Says who has this name and password; null when nobody has. Compare with a slow hash (scrypt, argon2, bcrypt), and run one
   * for unknown names too, else the time tells which names exist. What it throws is answered AUTH_UNAVAILABLE.
   */
  readonly verify: (
    username: string,
    password: string,
  ) => BasicSubject<Claims> | null | Promise<BasicSubject<Claims> | null>
  /** Accept passwords that came unencrypted from another host. Default false. */
  readonly allowInsecure?: boolean
  /** Whose subjects these are. Default `basic`. */
  readonly issuer?: string
  /** Default `basic`. */
  readonly scheme?: Scheme
  /** Seconds after which the password must be presented again. Default 3600. */
  readonly leaseSeconds?: number
  /** Seconds that revocations are remembered. Default 2,592,000, which is 30 days. */
  readonly maxLifetimeSeconds?: number
  /** How many `verify` may be under way; who comes then is answered AUTH_UNAVAILABLE. Default 50. */
  readonly maxConcurrent?: number
  /** Wrong passwords for one name from one address within the window, after which both together are refused. Default 5. */
  readonly maxFailures?: number
  /** Wrong passwords from one address within the window, for whatever names. Default 100. An IPv6 client counts by its /64. */
  readonly maxFailuresPerAddress?: number
  /** Seconds after the first wrong password in which the others count; each process counts its own. Default 900. */
  readonly failureWindowSeconds?: number
  /**
   * Milliseconds that `verify` has to answer, else AUTH_UNAVAILABLE. Default 4000: fifty slow hashes take some seconds on few
   * cores, and a server waits 5 s for all of its strategies.
   */
  readonly verifyTimeoutMs?: number
  /** For tests. Default: the system's. */
  readonly clock?: Clock
}

/** The options with their defaults, checked. */
export interface BasicSettings {
  readonly verify: (username: string, password: string) => unknown
  readonly allowInsecure: boolean
  readonly issuer: string
  readonly scheme: string
  readonly leaseSeconds: number
  readonly maxLifetimeSeconds: number
  readonly maxConcurrent: number
  readonly maxFailures: number
  readonly maxFailuresPerAddress: number
  readonly failureWindowSeconds: number
  readonly verifyTimeoutMs: number
  readonly clock: Clock
}

const OPTIONS = new Set(
  (
    'verify allowInsecure issuer scheme leaseSeconds maxLifetimeSeconds maxConcurrent ' +
    'maxFailures maxFailuresPerAddress failureWindowSeconds verifyTimeoutMs clock'
  ).split(' '),
)

/** @throws TypeError that quotes the option, never its value */
export function settingsOf(options: BasicOptions<unknown, string>): BasicSettings {
  knownOptions(options, OPTIONS, 'basic')
  const { verify, allowInsecure = false, issuer = 'basic', scheme = 'basic', clock = systemClock } = options
  if (typeof verify !== 'function') throw new TypeError('"verify" must be a function')
  if (typeof allowInsecure !== 'boolean') throw new TypeError('"allowInsecure" must be a boolean')
  return Object.freeze({
    verify,
    allowInsecure,
    issuer: text(issuer, 'issuer'),
    scheme: text(scheme, 'scheme'),
    leaseSeconds: positive(options.leaseSeconds ?? 3600, 'leaseSeconds'),
    maxLifetimeSeconds: positive(options.maxLifetimeSeconds ?? THIRTY_DAYS_SECONDS, 'maxLifetimeSeconds'),
    maxConcurrent: positive(options.maxConcurrent ?? 50, 'maxConcurrent'),
    maxFailures: positive(options.maxFailures ?? 5, 'maxFailures'),
    maxFailuresPerAddress: positive(options.maxFailuresPerAddress ?? 100, 'maxFailuresPerAddress'),
    failureWindowSeconds: positive(options.failureWindowSeconds ?? 900, 'failureWindowSeconds'),
    verifyTimeoutMs: positive(options.verifyTimeoutMs ?? 4000, 'verifyTimeoutMs', LONGEST_TIMER_MS),
    clock,
  })
}
