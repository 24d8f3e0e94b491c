/** What `phpSession()` may be told, and the check of it at start-up. */

import type { Clock } from '../core/clock.ts'
import type { CredentialSource } from '../core/handshake.ts'
import {
  knownOptions,
  LONGEST_TIMER_MS,
  positive,
  systemClock,
  THIRTY_DAYS_SECONDS,
  text,
  wholeMatch,
} from '../option-checks.ts'
import { type BoundedRedis, commandsOf, type PhpRedisClient } from '../php/redis.ts'
import type { PhpRecord } from '../php/values.ts'
import { allowQuery, fromCookie } from './from.ts'
import type { LoginSubject } from './identified.ts'
import { PHP_HANDLERS, type PhpHandler } from './php-session-formats.ts'
import { revalidateEveryMsOf } from './revalidated.ts'

/** Options of `phpSession`; `redis` and `identify` are required. */
export interface PhpSessionOptions<Claims, Scheme extends string> {
  /**
   * The application's client, connected to the Redis of `session.save_path`. Only ever asked to read. A `keyPrefix` of the
   * client's own comes before `prefix`.
   */
  readonly redis: PhpRedisClient
  /**
   * Says who is logged in on a session; null when nobody is. Called with frozen plain data, each time that it is read. What
   * it throws is answered AUTH_ERROR. `phpUserId` reads an id that PHP kept as an integer or in digits.
   */
  readonly identify: (session: PhpRecord) => LoginSubject<Claims> | null | Promise<LoginSubject<Claims> | null>
  /** PHP's `session.serialize_handler`. Default `php`, as PHP's own. */
  readonly handler?: PhpHandler
  /** What phpredis puts before the id (`prefix` in `session.save_path`). Never empty. Default `PHPREDIS_SESSION:`. */
  readonly prefix?: string
  /** PHP's `session.name`. Default `PHPSESSID`. */
  readonly name?: string
  /** What a session id looks like, as a whole. Default `/[A-Za-z0-9,-]{22,256}/`; others never reach Redis. */
  readonly sessionIdPattern?: RegExp
  /**
   * Also reads the id from this parameter of the handshake's query, for clients of another site that send no cookie. Off by
   * default: proxies and servers log URLs, and the id is all that a login needs.
   */
  readonly allowQuerySessionId?: string
  /** Whose subjects these are. Default `php-session`. */
  readonly issuer?: string
  /** Default `php-session`. */
  readonly scheme?: Scheme
  /** Seconds after which the session must have been read again, however long it lives. Default 3600. */
  readonly leaseSeconds?: number
  /**
   * Seconds after `issuedAt` at which no activity keeps a login alive any more. Revocations are remembered this long.
   * Default 2,592,000, which is 30 days.
   */
  readonly maxLifetimeSeconds?: number
  /**
   * How often a session is read again while its sockets are connected: what ended ends them, and what changed is in force. Milliseconds,
   * from 1,000; `Infinity` for never. Default 30,000.
   * All that are due together are asked for in one round trip.
   */
  readonly revalidateEveryMs?: number
  /** Milliseconds that Redis has to answer, else AUTH_UNAVAILABLE. Default 1000. */
  readonly storeTimeoutMs?: number
  /** For tests. Default: the system's. */
  readonly clock?: Clock
}

/** The options with their defaults, checked. */
export interface PhpSessionSettings {
  readonly redis: BoundedRedis
  readonly handler: PhpHandler
  readonly prefix: string
  readonly from: readonly CredentialSource[]
  readonly isSessionId: (value: string) => boolean
  readonly issuer: string
  readonly scheme: string
  readonly leaseSeconds: number
  readonly maxLifetimeSeconds: number
  readonly revalidateEveryMs: number
  readonly clock: Clock
}

const OPTIONS = new Set(
  (
    'redis identify handler prefix name sessionIdPattern allowQuerySessionId issuer scheme leaseSeconds ' +
    'maxLifetimeSeconds revalidateEveryMs storeTimeoutMs clock'
  ).split(' '),
)
/** PHP turns dots and spaces of a cookie's name into underscores, and brackets into arrays. */
const SESSION_NAME = /^[A-Za-z0-9_-]+$/

/** @throws TypeError that quotes the option, never its value */
export function settingsOf(options: PhpSessionOptions<unknown, string>): PhpSessionSettings {
  knownOptions(options, OPTIONS, 'phpSession')
  const { handler = 'php', name = 'PHPSESSID', allowQuerySessionId, clock = systemClock } = options
  if (typeof options.identify !== 'function') throw new TypeError('"identify" must be a function')
  if (!PHP_HANDLERS.includes(handler)) {
    throw new TypeError('"handler" must be php, php_serialize or php_binary; igbinary and msgpack cannot be read')
  }
  if (typeof name !== 'string' || !SESSION_NAME.test(name)) throw new TypeError('"name" must be the name of a session')
  const from = [fromCookie(name)]
  if (allowQuerySessionId !== undefined) from.push(allowQuery(text(allowQuerySessionId, 'allowQuerySessionId')))
  const timeoutMs = positive(options.storeTimeoutMs ?? 1000, 'storeTimeoutMs', LONGEST_TIMER_MS)
  return Object.freeze({
    redis: { run: commandsOf(options.redis, 'redis'), timeoutMs, clock },
    handler,
    // Without one, a cookie could name any key of that Redis.
    prefix: text(options.prefix ?? 'PHPREDIS_SESSION:', 'prefix'),
    from: Object.freeze(from),
    isSessionId: wholeMatch(options.sessionIdPattern ?? /[A-Za-z0-9,-]{22,256}/, 'sessionIdPattern'),
    issuer: text(options.issuer ?? 'php-session', 'issuer'),
    scheme: text(options.scheme ?? 'php-session', 'scheme'),
    leaseSeconds: positive(options.leaseSeconds ?? 3600, 'leaseSeconds'),
    maxLifetimeSeconds: positive(options.maxLifetimeSeconds ?? THIRTY_DAYS_SECONDS, 'maxLifetimeSeconds'),
    revalidateEveryMs: revalidateEveryMsOf(options.revalidateEveryMs),
    clock,
  })
}
