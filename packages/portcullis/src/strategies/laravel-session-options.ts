/** What `laravelSession()` may be told, and the check of it at start-up. */

import type { Clock } from '../core/clock.ts'
import type { CredentialSource } from '../core/handshake.ts'
import { knownOptions, LONGEST_TIMER_MS, positive, systemClock, THIRTY_DAYS_SECONDS, text } from '../option-checks.ts'
import { type BoundedRedis, commandsOf, type PhpRedisClient } from '../php/redis.ts'
import type { PhpRecord } from '../php/values.ts'
import { fromCookie } from './from.ts'
import type { LoginSubject } from './identified.ts'
import { CIPHER_KEY_BYTES, type LaravelCipher } from './laravel-session-envelope.ts'
import { revalidateEveryMsOf } from './revalidated.ts'

/** Options of `laravelSession`; `redis`, `appKey` and `prefix` are required. */
export interface LaravelSessionOptions<Claims, Scheme extends string> {
  /** The application's client, connected to the Redis of Laravel's session store. Only ever asked to read. */
  readonly redis: PhpRedisClient
  /** Laravel's `APP_KEY` as it stands in `.env`; while rotating, `APP_PREVIOUS_KEYS` after it. */
  readonly appKey: string | readonly string[]
  /**
   * What Laravel puts before a session's id in Redis: `database.redis.options.prefix` and `cache.prefix`, one after the
   * other, such as `laravel_database_laravel_cache_`. Never empty.
   */
  readonly prefix: string
  /** Laravel's `app.cipher`, in lower case. Default `aes-256-cbc`, as Laravel's own. */
  readonly cipher?: LaravelCipher
  /** Laravel's `session.cookie`. Default `laravel_session`. */
  readonly name?: string
  /** The guard whose login counts. Default `web`. */
  readonly guard?: string
  /** The PHP class of that guard. Default `Illuminate\Auth\SessionGuard`. */
  readonly guardClass?: string
  /** Laravel's `session.encrypt`. Default false. */
  readonly encrypt?: boolean
  /** Laravel's `session.serialization`. Default `php`. */
  readonly serialization?: 'php' | 'json'
  /**
   * Says more of who is logged in, from the frozen session and the user's id under the guard's login key; null when nobody
   * is. Called for sessions with a login only. What it throws is answered AUTH_ERROR. Default: the id, without claims.
   */
  readonly identify?: (
    session: PhpRecord,
    userId: string,
  ) => LoginSubject<Claims> | null | Promise<LoginSubject<Claims> | null>
  /** Whose subjects these are. Default `laravel-session`. */
  readonly issuer?: string
  /** Default `laravel-session`. */
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
export interface LaravelSessionSettings {
  readonly redis: BoundedRedis
  readonly keys: readonly Buffer[]
  readonly prefix: string
  readonly cipher: LaravelCipher
  readonly name: string
  readonly guard: string
  readonly guardClass: string
  readonly encrypt: boolean
  readonly serialization: 'php' | 'json'
  readonly from: readonly CredentialSource[]
  readonly issuer: string
  readonly scheme: string
  readonly leaseSeconds: number
  readonly maxLifetimeSeconds: number
  readonly revalidateEveryMs: number
  readonly clock: Clock
}

const OPTIONS = new Set(
  (
    'redis appKey prefix cipher name guard guardClass encrypt serialization identify issuer scheme leaseSeconds ' +
    'maxLifetimeSeconds revalidateEveryMs storeTimeoutMs clock'
  ).split(' '),
)
const COOKIE_NAME = /^[A-Za-z0-9_-]+$/
const KEY = /^base64:([A-Za-z0-9+/]+={0,2})$/

/** @throws TypeError that quotes the option, never its value */
export function settingsOf(options: LaravelSessionOptions<unknown, string>): LaravelSessionSettings {
  knownOptions(options, OPTIONS, 'laravelSession')
  const { cipher = 'aes-256-cbc', name = 'laravel_session', encrypt = false, serialization = 'php' } = options
  const { clock = systemClock, identify } = options
  if (!Object.hasOwn(CIPHER_KEY_BYTES, cipher)) {
    throw new TypeError('"cipher" must be aes-256-cbc, aes-128-cbc, aes-256-gcm or aes-128-gcm')
  }
  if (typeof name !== 'string' || !COOKIE_NAME.test(name)) throw new TypeError('"name" must be the name of a cookie')
  if (typeof encrypt !== 'boolean') throw new TypeError('"encrypt" must be true or false')
  if (serialization !== 'php' && serialization !== 'json') throw new TypeError('"serialization" must be php or json')
  if (identify !== undefined && typeof identify !== 'function') throw new TypeError('"identify" must be a function')
  const timeoutMs = positive(options.storeTimeoutMs ?? 1000, 'storeTimeoutMs', LONGEST_TIMER_MS)
  return Object.freeze({
    redis: { run: commandsOf(options.redis, 'redis'), timeoutMs, clock },
    keys: requireKeys(options.appKey, cipher),
    // Without one, a cookie could name any key of that Redis.
    prefix: text(options.prefix, 'prefix'),
    cipher,
    name,
    guard: text(options.guard ?? 'web', 'guard'),
    guardClass: text(options.guardClass ?? 'Illuminate\\Auth\\SessionGuard', 'guardClass'),
    encrypt,
    serialization,
    from: Object.freeze([fromCookie(name)]),
    issuer: text(options.issuer ?? 'laravel-session', 'issuer'),
    scheme: text(options.scheme ?? 'laravel-session', 'scheme'),
    leaseSeconds: positive(options.leaseSeconds ?? 3600, 'leaseSeconds'),
    maxLifetimeSeconds: positive(options.maxLifetimeSeconds ?? THIRTY_DAYS_SECONDS, 'maxLifetimeSeconds'),
    revalidateEveryMs: revalidateEveryMsOf(options.revalidateEveryMs),
    clock,
  })
}

function requireKeys(appKey: unknown, cipher: LaravelCipher): readonly Buffer[] {
  const given: readonly unknown[] = Array.isArray(appKey) ? appKey : [appKey]
  const keys = given.map((key) => Buffer.from(KEY.exec(typeof key === 'string' ? key : '')?.[1] ?? '', 'base64'))
  const size = CIPHER_KEY_BYTES[cipher]
  if (keys.length === 0 || keys.some((key) => key.length !== size)) {
    throw new TypeError(
      `"appKey" must be an APP_KEY such as php artisan key:generate makes, of ${size} bytes in base64`,
    )
  }
  return Object.freeze(keys)
}
