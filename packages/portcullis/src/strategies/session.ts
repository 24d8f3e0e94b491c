/** The login of a web application that uses express-session, with or without Passport, as a credential for its sockets. */

import { secondsOf } from '../core/clock.ts'
import type { Identity } from '../core/identity.ts'
import type { Authentication, Strategy } from '../core/strategy.ts'
import { AuthError } from '../errors.ts'
import { readOne } from './from.ts'
import { loginAuthentication } from './identified.ts'
import { revalidating } from './revalidated.ts'
import { unsignSessionId } from './session-cookie.ts'
import {
  type Identified,
  type NoClaims,
  type SessionOf,
  type SessionOptions,
  type SessionSettings,
  settingsOf,
} from './session-options.ts'
import { getSession, snapshotOf } from './session-store.ts'

export type { LoginSubject } from './identified.ts'
export type { Identified, NoClaims, SessionData, SessionOf, SessionOptions } from './session-options.ts'
export type { SessionStore } from './session-store.ts'

/**
 * Recognises the session cookie of express-session and asks its store once who is logged in. Reads only: sessions are
 * neither extended nor saved, and no cookie is set.
 *
 * Reads `connect.sid` unless `name` says otherwise. A request without the cookie, or with a session on which nobody is
 * logged in, has no identity here and the next strategy is asked; a cookie that was tampered with or whose session is
 * gone is refused. The lease ends after `leaseSeconds`, with the session, or with `maxLifetimeSeconds`, whichever is
 * first; then the client presents its cookie again. Every `revalidateEveryMs` the session is read again, once for all of its
 * sockets: a logout closes them, other claims count from then on, and the lease begins anew. `auth.revoke({ session: id })`
 * ends it at once.
 *
 * Does not check: the request's origin (the door does, since browsers send cookies by themselves), the cookie's `Secure`
 * and `Path`, and whether the session changed since it was last read. For `revoke({ issuer, subject })` to spare later logins,
 * `identify` must return `issuedAt`.
 *
 * @throws TypeError at once, when an option is missing or malformed
 * @throws AuthError from `authenticate`: AUTH_CREDENTIAL_INVALID (signature, id, session unknown or malformed),
 * AUTH_EXPIRED, AUTH_UNAVAILABLE (the store failed or was slow), AUTH_ERROR (`identify` answered something malformed)
 *
 * @example
 * session({
 *   store,
 *   secret,
 *   identify: ({ user }: { user?: { id: string; org: string } }) =>
 *     user ? { subject: user.id, claims: { org: user.org } } : null,
 * })
 *
 * @see RFC 6265 sections 8.4 (session identifiers) and 8.6 (weak integrity); subpath `portcullis/strategies/session`
 */
export function session<
  Stored = unknown,
  Data extends object = SessionOf<Stored>,
  Claims = NoClaims,
  const Scheme extends string = 'session',
>(options: SessionOptions<Stored, Data, Claims, Scheme>): Strategy<Identity<Scheme, Claims>> {
  // Without a prototype, so that a polluted one configures nothing.
  const own: typeof options = Object.assign(Object.create(null), options)
  const { store, identify = identifyByPassport } = own
  if (typeof identify !== 'function') throw new TypeError('"identify" must be a function')
  const settings = settingsOf(own)
  const again = revalidating({ everyMs: settings.revalidateEveryMs, look })

  async function look(sid: string): Promise<Authentication<Identity<Scheme, Claims>> | null> {
    const data = snapshotOf(await getSession(store, sid, settings.deadline))
    const sessionEnd = endOf(data)
    if (sessionEnd <= secondsOf(settings.deadline.clock)) throw new AuthError('AUTH_EXPIRED', { reason: 'session' })
    const found = (await identify(data as Data)) as Identified<Claims>
    return found === null
      ? null
      : loginAuthentication<Scheme, Claims>(found, sid, { ...settings, clock: settings.deadline.clock }, sessionEnd)
  }

  return Object.freeze({
    scheme: settings.scheme as Scheme,
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

/**
 * The user's id that Passport keeps in a session, or null. A finite number becomes its decimal string; anything else,
 * such as a whole user object, is null: it names nobody for certain.
 *
 * @example identify: async (data) => { const id = passportUser(data); return id === null ? null : load(id) }
 * @see https://www.passportjs.org/concepts/authentication/sessions/
 */
export function passportUser(data: object): string | null {
  const user = ownField(ownField(data, 'passport'), 'user')
  if (typeof user === 'number' && Number.isFinite(user)) return String(user)
  return typeof user === 'string' && user !== '' ? user : null
}

function identifyByPassport(data: object): Identified<never> {
  const subject = passportUser(data)
  return subject === null ? null : { subject }
}

function sessionIdOf(presented: string, { secrets, isSessionId }: SessionSettings): string {
  const sid = unsignSessionId(presented, secrets)
  if (sid === null) throw new AuthError('AUTH_CREDENTIAL_INVALID', { reason: 'signature' })
  if (!isSessionId(sid)) throw new AuthError('AUTH_CREDENTIAL_INVALID', { reason: 'session_id' })
  return sid
}

/** Epoch seconds at which the session's cookie expires; Infinity when it lasts as long as the browser. */
function endOf(data: object): number {
  const expires = ownField(ownField(data, 'cookie'), 'expires')
  if (expires === undefined || expires === null || expires === false) return Number.POSITIVE_INFINITY
  const end =
    typeof expires === 'string' || typeof expires === 'number' ? new Date(expires).getTime() / 1000 : Number.NaN
  if (Number.isNaN(end)) throw new AuthError('AUTH_CREDENTIAL_INVALID', { reason: 'session_malformed' })
  return end
}

/** A polluted prototype must not log anybody in. */
function ownField(value: unknown, field: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, field)
    ? (value as Record<string, unknown>)[field]
    : undefined
}
