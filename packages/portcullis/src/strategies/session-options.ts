/** What `session()` may be told, and the check of it at start-up. */

import type { Clock } from '../core/clock.ts'
import type { CredentialSource } from '../core/handshake.ts'
import { LONGEST_TIMER_MS, positive, systemClock, text, wholeMatch } from '../option-checks.ts'
import { allowQuery, fromCookie } from './from.ts'
import type { LoginSubject } from './identified.ts'
import { revalidateEveryMsOf } from './revalidated.ts'
import { requireSecrets } from './session-cookie.ts'
import type { Deadline, SessionStore } from './session-store.ts'

/** A session as its JSON: dates are ISO strings. Whatever else the application keeps there is `unknown` until it is typed. */
export interface SessionData {
  readonly cookie?: { readonly expires?: string | number | null; readonly originalMaxAge?: number | null }
  /** Where Passport's session support puts what `serializeUser` gave. */
  readonly passport?: { readonly user?: unknown }
  readonly [field: string]: unknown
}

/** The session type that follows from a store's own types, such as express-session's augmented `SessionData`. */
export type SessionOf<Stored> = unknown extends Stored ? SessionData : Omit<Stored, 'cookie'> & SessionData

/** Claims of a session whose `identify` gives none. */
export type NoClaims = Readonly<Record<string, never>>

/** What `identify` returns: null when nobody is logged in on the session. */
export type Identified<Claims> = LoginSubject<Claims> | null

/** Options of `session`; `store` and `secret` are required. */
export interface SessionOptions<Stored, Data, Claims, Scheme extends string> {
  /** The store that the web application gives to express-session. */
  readonly store: SessionStore<Stored>
  /** The web application's secret; while rotating, all that may still be in use, the newest first. At least 32 bytes. */
  readonly secret: string | readonly string[]
  /** The session cookie's name. Default `connect.sid`. */
  readonly name?: string
  /**
   * Says who is logged in on a session; null when nobody is. Called with a frozen copy, each time that it is read. What it
   * throws is answered AUTH_ERROR. Default: `passportUser`, without claims.
   */
  readonly identify?: (session: Data) => Identified<Claims> | Promise<Identified<Claims>>
  /** Whose subjects these are. Two session strategies with different users need two issuers. Default `session`. */
  readonly issuer?: string
  /** Default `session`. */
  readonly scheme?: Scheme
  /** What a session id looks like, as a whole. Default `/^[A-Za-z0-9_-]{16,128}$/`; others never reach the store. */
  readonly sessionIdPattern?: RegExp
  /**
   * Also reads the session from this parameter of the handshake's query, for clients of another site that send no cookie.
   * The value is the cookie's, `s:` and signature included. Off by default: proxies and servers log URLs.
   */
  readonly allowQuerySessionId?: string
  /** Seconds after which the session must have been read again, however long it lives. Default 3600. */
  readonly leaseSeconds?: number
  /**
   * Seconds after `issuedAt` at which no activity keeps a session alive any more. Revocations are remembered this long,
   * so sessions without `issuedAt` must not outlive it in the store. Default 2,592,000, which is 30 days.
   */
  readonly maxLifetimeSeconds?: number
  /**
   * How often a session is read again while its sockets are connected: what ended ends them, and what changed is in force. Milliseconds,
   * from 1,000; `Infinity` for never. Default 30,000.
   * All that are due together are asked for in one turn, so that a client that pipelines makes one round trip of them.
   */
  readonly revalidateEveryMs?: number
  /** Milliseconds that the store has to answer, else AUTH_UNAVAILABLE. Default 1000. */
  readonly storeTimeoutMs?: number
  /** For tests. Default: the system's. */
  readonly clock?: Clock
}

/** The options with their defaults, checked. */
export interface SessionSettings {
  readonly secrets: readonly string[]
  readonly from: readonly CredentialSource[]
  readonly isSessionId: (value: string) => boolean
  readonly issuer: string
  readonly scheme: string
  readonly leaseSeconds: number
  readonly maxLifetimeSeconds: number
  readonly revalidateEveryMs: number
  readonly deadline: Deadline
}

const THIRTY_DAYS = 2_592_000
/** RFC 6265 section 4.1.1: a cookie's name is a token. Another could never arrive. */
const COOKIE_NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/

let warnedOfMemoryStore = false

/** @throws TypeError that quotes the option */
export function settingsOf(
  options: Omit<SessionOptions<unknown, never, unknown, string>, 'identify'>,
): SessionSettings {
  const { store, name = 'connect.sid', issuer = 'session', scheme = 'session' } = options
  const { allowQuerySessionId, sessionIdPattern = /[A-Za-z0-9_-]{16,128}/, clock = systemClock } = options
  if (typeof store?.get !== 'function')
    throw new TypeError('"store" must be an express-session store, with a method get')
  if (typeof name !== 'string' || !COOKIE_NAME.test(name)) throw new TypeError('"name" must be the name of a cookie')
  const from = [fromCookie(name)]
  if (allowQuerySessionId !== undefined) from.push(allowQuery(text(allowQuerySessionId, 'allowQuerySessionId')))
  const settings: SessionSettings = Object.freeze({
    secrets: requireSecrets(options.secret),
    from: Object.freeze(from),
    isSessionId: wholeMatch(sessionIdPattern, 'sessionIdPattern'),
    issuer: text(issuer, 'issuer'),
    scheme: text(scheme, 'scheme'),
    leaseSeconds: positive(options.leaseSeconds ?? 3600, 'leaseSeconds'),
    maxLifetimeSeconds: positive(options.maxLifetimeSeconds ?? THIRTY_DAYS, 'maxLifetimeSeconds'),
    revalidateEveryMs: revalidateEveryMsOf(options.revalidateEveryMs),
    deadline: { clock, timeoutMs: positive(options.storeTimeoutMs ?? 1000, 'storeTimeoutMs', LONGEST_TIMER_MS) },
  })
  warnOfMemoryStore(store)
  return settings
}

function warnOfMemoryStore(store: object): void {
  if (warnedOfMemoryStore || store.constructor?.name !== 'MemoryStore') return
  warnedOfMemoryStore = true
  process.emitWarning(
    '"store" is a MemoryStore: no other process sees its sessions, and it forgets them at a restart',
    {
      code: 'PORTCULLIS_MEMORY_STORE',
    },
  )
}
