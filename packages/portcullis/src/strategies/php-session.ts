/** The login of a PHP application that keeps its sessions in Redis, as a credential for its sockets. */

import type { Identity } from '../core/identity.ts'
import type { Authentication, Strategy } from '../core/strategy.ts'
import { AuthError } from '../errors.ts'
import { readBytes } from '../php/redis.ts'
import { MAX_PHP_BYTES } from '../php/serialized.ts'
import type { PhpRecord, PhpValue } from '../php/values.ts'
import { readOne } from './from.ts'
import { loginAuthentication } from './identified.ts'
import { decodePhpSession } from './php-session-formats.ts'
import { type PhpSessionOptions, type PhpSessionSettings, settingsOf } from './php-session-options.ts'
import { revalidating } from './revalidated.ts'

export type { PhpRedisClient, RedisBufferOptions } from '../php/redis.ts'
export { PhpObject, type PhpRecord, type PhpValue } from '../php/values.ts'
export type { LoginSubject } from './identified.ts'
export type { PhpHandler } from './php-session-formats.ts'
export type { PhpSessionOptions } from './php-session-options.ts'

/** Claims of a session whose `identify` gives none. */
export type NoClaims = Readonly<Record<string, never>>

/** Milliseconds between two warnings that PHP writes sessions in another format. */
const WARNING_INTERVAL_MS = 60_000

/**
 * Recognises PHP's session cookie and reads the session that phpredis keeps in Redis under it. Reads only: one `GETRANGE`,
 * and for an empty answer `EXISTS`, which extend nothing and wait for no lock.
 *
 * Reads `PHPSESSID` unless `name` says otherwise, and of several such cookies the first, as PHP does. A request without the
 * cookie, or with a session on which nobody is logged in, has no identity here and the next strategy is asked; a cookie whose
 * session is gone is refused. Objects and enum cases are data (`PhpObject`); what cycles, or exceeds 1 MiB, a depth of 64 or 10,000 values, is refused. The lease ends after
 * `leaseSeconds` or with `maxLifetimeSeconds`; then the client presents its cookie again. Every `revalidateEveryMs` the session is
 * read again, once for all of its sockets: `session_destroy()`, `session_regenerate_id(true)` and a logout close them, other
 * claims count from then on, and the lease begins anew. `auth.revoke({ session: id })` ends it at once.
 *
 * Does not check: the request's origin (the door does), how long PHP would still accept the session beyond its time in Redis,
 * and who chose the id: set `session.use_strict_mode`, and `session_regenerate_id(true)` at login, as PHP's manual says.
 *
 * @throws TypeError at once, when an option is missing or malformed
 * @throws AuthError from `authenticate`: AUTH_CREDENTIAL_INVALID (id, session unknown or malformed), AUTH_EXPIRED,
 * AUTH_UNAVAILABLE (Redis failed or was slow, or PHP writes in another format than `handler`; a process warning then names
 * the two), AUTH_ERROR (`identify` answered something malformed)
 *
 * @example
 * phpSession({ redis, identify: ({ user_id }) => { const id = phpUserId(user_id); return id ? { subject: id } : null } })
 *
 * @see https://www.php.net/manual/en/session.configuration.php; subpath `portcullis/strategies/php-session`
 */
export function phpSession<Claims = NoClaims, const Scheme extends string = 'php-session'>(
  options: PhpSessionOptions<Claims, Scheme>,
): Strategy<Identity<Scheme, Claims>> {
  // Without a prototype, so that a polluted one configures nothing.
  const own: typeof options = Object.assign(Object.create(null), options)
  const settings = settingsOf(own)
  const { identify } = own
  const scheme = settings.scheme as Scheme
  const decode = decoderOf(settings)
  const again = revalidating({ everyMs: settings.revalidateEveryMs, look })

  async function look(sid: string): Promise<Authentication<Identity<Scheme, Claims>> | null> {
    const found = await identify(decode(await readBytes(settings.redis, settings.prefix + sid)))
    return found === null ? null : loginAuthentication<Scheme, Claims>(found, sid, settings)
  }

  return Object.freeze({
    scheme,
    from: settings.from,
    issuers: Object.freeze([settings.issuer]),
    maxLifetimeSeconds: settings.maxLifetimeSeconds,
    ...again.port,
    async authenticate(handshake, connect) {
      const sid = readOne(settings.from, handshake, connect)
      if (sid === null) return null
      if (!settings.isSessionId(sid)) throw invalid('session_id')
      const found = await look(sid)
      return found && again.accepted(found, sid)
    },
  } satisfies Strategy<Identity<Scheme, Claims>>)
}

/**
 * The id of a user as PHP applications keep it: an integer, or a string of decimal digits, which both become the digits.
 * Anything else is null, `true` and `1.5` foremost. A float without a fraction cannot be told from the integer.
 */
export function phpUserId(value: PhpValue | undefined): string | null {
  if (typeof value === 'bigint' || (typeof value === 'number' && Number.isSafeInteger(value))) {
    return value > 0 ? String(value) : null
  }
  return typeof value === 'string' && /^[1-9]\d{0,18}$/.test(value) ? value : null
}

function decoderOf({ handler, clock }: PhpSessionSettings): (bytes: Uint8Array | null) => PhpRecord {
  let warnedAtMs = Number.NEGATIVE_INFINITY
  return function decode(bytes) {
    if (bytes === null) throw invalid('session_unknown')
    if (bytes.length > MAX_PHP_BYTES) throw invalid('session_too_large')
    const decoded = decodePhpSession(bytes, handler)
    if (decoded.session !== null) return decoded.session
    if (decoded.other === null) throw invalid('session_malformed')
    const now = clock.now()
    if (now - warnedAtMs >= WARNING_INTERVAL_MS) {
      warnedAtMs = now
      process.emitWarning(
        `phpSession: "handler" is ${handler}, but PHP seems to write sessions with ${decoded.other}; both must be the same`,
        { code: 'PORTCULLIS_PHP_HANDLER' },
      )
    }
    throw new AuthError('AUTH_UNAVAILABLE', { reason: 'session_handler' })
  }
}

function invalid(reason: string): AuthError {
  return new AuthError('AUTH_CREDENTIAL_INVALID', { reason })
}
