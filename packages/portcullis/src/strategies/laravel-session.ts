/** The login of a Laravel application that keeps its sessions in Redis, as a credential for its sockets. */

import { createHash } from 'node:crypto'
import type { Identity } from '../core/identity.ts'
import type { Authentication, Strategy } from '../core/strategy.ts'
import { AuthError } from '../errors.ts'
import { readBytes } from '../php/redis.ts'
import { decodePhpSerialized, MAX_PHP_BYTES } from '../php/serialized.ts'
import { PhpFormatError, PhpObject, type PhpRecord, type PhpValue, recordOf } from '../php/values.ts'
import { readOne } from './from.ts'
import { type LoginSubject, loginAuthentication } from './identified.ts'
import { cookieValue, openEnvelope } from './laravel-session-envelope.ts'
import { type LaravelSessionOptions, type LaravelSessionSettings, settingsOf } from './laravel-session-options.ts'
import { revalidating } from './revalidated.ts'
import { parseStrictJson } from './strict-json.ts'

export type { PhpRedisClient, RedisBufferOptions } from '../php/redis.ts'
export { PhpObject, type PhpRecord, type PhpValue } from '../php/values.ts'
export type { LoginSubject } from './identified.ts'
export type { LaravelCipher } from './laravel-session-envelope.ts'
export type { LaravelSessionOptions } from './laravel-session-options.ts'

/** Claims of a session whose `identify` gives none. */
export type NoClaims = Readonly<Record<string, never>>

/** Laravel's own: 40 letters and digits. */
const SESSION_ID = /^[A-Za-z0-9]{40}$/
/** A key that names a user: a positive integer, a UUID, a ULID or the like. */
const USER_ID = /^[\x21-\x7e]{1,256}$/

/**
 * Recognises Laravel's encrypted session cookie, and reads the session that its Redis store keeps under the id inside. Reads
 * only: one `GETRANGE`.
 *
 * Reads `laravel_session` unless `name` says otherwise. The cookie must have been made with `appKey`, for this very cookie. A
 * request without it, or with a session on which nobody is logged in at `guard`, has no identity here and the next strategy is
 * asked; a cookie that was tampered with or whose session is gone is refused. The lease ends after `leaseSeconds` or with
 * `maxLifetimeSeconds`; then the client presents its cookie again. Every `revalidateEveryMs` the session is read again, once for
 * all of its sockets: a logout or a new session id closes them, other claims count from then on, and the lease begins anew.
 * `auth.revoke({ session: id })` ends it at once.
 *
 * Does not check: the request's origin (the door does), "remember me" cookies (Laravel turns them into a session at the next
 * page), and that the user still exists.
 *
 * @throws TypeError at once, when an option is missing or malformed
 * @throws AuthError from `authenticate`: AUTH_CREDENTIAL_INVALID (cookie, session unknown or malformed), AUTH_EXPIRED,
 * AUTH_UNAVAILABLE (Redis failed or was slow), AUTH_ERROR (`identify` answered something malformed)
 *
 * @example
 * laravelSession({ redis, appKey: process.env.APP_KEY, prefix: 'laravel_database_laravel_cache_' })
 *
 * @see https://laravel.com/docs/session; subpath `portcullis/strategies/laravel-session`
 */
export function laravelSession<Claims = NoClaims, const Scheme extends string = 'laravel-session'>(
  options: LaravelSessionOptions<Claims, Scheme>,
): Strategy<Identity<Scheme, Claims>> {
  // Without a prototype, so that a polluted one configures nothing.
  const own: typeof options = Object.assign(Object.create(null), options)
  const settings = settingsOf(own)
  const identify = own.identify ?? ((_session: PhpRecord, subject: string): LoginSubject<never> => ({ subject }))
  const scheme = settings.scheme as Scheme
  const loginKey = loginKeyOf(settings)
  const again = revalidating({ everyMs: settings.revalidateEveryMs, look })

  async function look(sid: string): Promise<Authentication<Identity<Scheme, Claims>> | null> {
    const session = sessionOf(await readBytes(settings.redis, settings.prefix + sid), settings)
    const userId = userIdOf(session[loginKey])
    const found = userId === null ? null : await identify(session, userId)
    return found === null ? null : loginAuthentication<Scheme, Claims>(found, sid, settings)
  }

  return Object.freeze({
    scheme,
    from: settings.from,
    issuers: Object.freeze([settings.issuer]),
    maxLifetimeSeconds: settings.maxLifetimeSeconds,
    ...again.port,
    async authenticate(handshake, connect) {
      const presented = readOne(settings.from, handshake, connect)
      if (presented === null) return null
      const sid = sessionIdOf(presented, settings)
      const found = await look(sid)
      return found && again.accepted(found, sid)
    },
  } satisfies Strategy<Identity<Scheme, Claims>>)
}

/** Where Laravel's `SessionGuard` keeps the id of its user. */
function loginKeyOf({ guard, guardClass }: LaravelSessionSettings): string {
  return `login_${guard}_${createHash('sha1').update(guardClass).digest('hex')}`
}

function sessionIdOf(presented: string, { keys, cipher, name }: LaravelSessionSettings): string {
  const opened = openEnvelope(presented, keys, cipher)
  if (opened === null) throw invalid('cookie')
  const sid = cookieValue(opened, name, keys)
  if (sid === null) throw invalid('cookie_prefix')
  if (!SESSION_ID.test(sid)) throw invalid('session_id')
  return sid
}

/** Laravel serializes a session, encrypts it where it is told to, and its cache serializes the result once more. */
function sessionOf(
  bytes: Uint8Array | null,
  { keys, cipher, encrypt, serialization }: LaravelSessionSettings,
): PhpRecord {
  if (bytes === null) throw invalid('session_unknown')
  if (bytes.length > MAX_PHP_BYTES) throw invalid('session_too_large')
  try {
    let content = textOf(decodePhpSerialized(bytes))
    if (encrypt) {
      const opened = openEnvelope(content.toString('latin1'), keys, cipher)
      if (opened === null) throw invalid('session_encryption')
      content = textOf(decodePhpSerialized(opened))
    }
    const session = serialization === 'json' ? parseStrictJson(content) : decodePhpSerialized(content)
    return recordOfSession(session as PhpValue)
  } catch (error) {
    if (error instanceof PhpFormatError) throw invalid('session_malformed')
    throw error
  }
}

function textOf(value: PhpValue): Buffer {
  if (typeof value === 'string') return Buffer.from(value)
  if (value instanceof Uint8Array) return Buffer.from(value)
  throw new PhpFormatError('a string was to come')
}

function recordOfSession(value: PhpValue): PhpRecord {
  if (typeof value !== 'object' || value === null || value instanceof PhpObject || value instanceof Uint8Array) {
    throw new PhpFormatError('an array was to come')
  }
  return recordOf(Object.entries(value), 'last')
}

/** A model's key: a positive integer, or a string without spaces. */
function userIdOf(value: PhpValue | undefined): string | null {
  if (typeof value === 'bigint' || (typeof value === 'number' && Number.isSafeInteger(value))) {
    return value > 0 ? String(value) : null
  }
  return typeof value === 'string' && USER_ID.test(value) ? value : null
}

function invalid(reason: string): AuthError {
  return new AuthError('AUTH_CREDENTIAL_INVALID', { reason })
}
