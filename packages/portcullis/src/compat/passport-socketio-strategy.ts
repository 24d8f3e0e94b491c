/** The session of passport.socketio as a strategy: the cookie as express-session signs it, the user as Passport loads it. */

import { AsyncLocalStorage } from 'node:async_hooks'
import { createHash } from 'node:crypto'
import { sign } from 'cookie-signature'
import { AuthError, type Handshake, type Strategy } from 'portcullis'
import { type LoginSubject, session } from 'portcullis/strategies/session'
import type { LegacyIdentity } from './legacy-identity.ts'
import { type Failure, failure } from './passport-socketio-failure.ts'
import { LIBRARY, type PassportLike, type PassportSocketIoSettings } from './passport-socketio-options.ts'

/** The request that deserializers of three parameters receive. */
export const requestOf = new AsyncLocalStorage<object>()

/** The loaded users, by the claims that stand for them: no user may end up among what is persisted. */
const users = new WeakMap<object, unknown>()

export const userOf = ({ claims }: LegacyIdentity): unknown => users.get(claims as object)

/** A session id as any generator makes them; the signature says that it was one. */
const SESSION_ID = /[\x21-\x7e]{1,256}/
const QUERY = 'session_id'

/** Anything may be behind a session of one month at most. */
export function strategyOf(settings: PassportSocketIoSettings): Strategy<LegacyIdentity> {
  const { store, secrets, key, revalidateEveryMs, timeoutMs } = settings
  const everlasting = revalidateEveryMs === Number.POSITIVE_INFINITY
  const inner = session<unknown, Record<string, unknown>, object, 'legacy'>({
    store,
    secret: secrets,
    name: key,
    issuer: LIBRARY,
    scheme: 'legacy',
    sessionIdPattern: SESSION_ID,
    allowQuerySessionId: QUERY,
    revalidateEveryMs,
    storeTimeoutMs: timeoutMs,
    // Never looked at again, it ends when the session that was seen does.
    ...(everlasting ? { leaseSeconds: 2_592_000 } : {}),
    identify: (data) => identify(data, settings),
  })
  return Object.freeze({
    ...inner,
    authenticate(handshake, connect) {
      return inner.authenticate(withSignedQuery(handshake, settings), connect)
    },
  } satisfies Strategy<LegacyIdentity>)
}

/** The page's script copies the cookie, escaped, into a query that its client escapes again. */
function withSignedQuery(
  handshake: Handshake,
  { allowUnsignedSessionId, secrets }: PassportSocketIoSettings,
): Handshake {
  const presented: unknown = Object.hasOwn(handshake.query, QUERY) ? handshake.query[QUERY] : undefined
  // Presented twice, it is a list, which the source refuses.
  if (typeof presented !== 'string') return handshake
  const value = presented.startsWith('s%3A') ? unescaped(presented) : presented
  const signed = allowUnsignedSessionId && !value.startsWith('s:') ? `s:${sign(value, secrets[0] ?? '')}` : value
  return signed === presented ? handshake : { ...handshake, query: { ...handshake.query, [QUERY]: signed } }
}

function unescaped(value: string): string {
  try {
    return decodeURIComponent(value)
  } catch {
    return value
  }
}

async function identify(
  data: Record<string, unknown>,
  { passport, identify: chosen, timeoutMs }: PassportSocketIoSettings,
): Promise<LoginSubject<object>> {
  const kept = ownField(data, passport._key ?? 'passport')
  if (!kept) throw invalid(failure('not_initialized'))
  const serialized = ownField(kept, 'user')
  // As Passport itself: 0 is a user. Neither `true` nor a list names anybody, and a query by one may well find somebody.
  const named = serialized === 0 || (serialized && serialized !== true && !Array.isArray(serialized))
  if (!named) throw invalid(failure('not_logged_in'))
  const user = await deserialize(
    passport,
    serialized,
    requestOf.getStore() ?? Object.freeze({ session: data }),
    timeoutMs,
  )
  const login = chosen === undefined ? { subject: subjectOf(user, serialized) } : chosen(user)
  const claims = { ...(login.claims as object | undefined) }
  users.set(claims, user)
  return { ...login, claims }
}

function deserialize(
  passport: PassportLike,
  serialized: unknown,
  request: object,
  timeoutMs: number,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => fail(new Error(`deserializeUser did not answer within ${timeoutMs} ms`)), timeoutMs)
    function fail(error: unknown): void {
      clearTimeout(timer)
      const unknown = error instanceof Error && error.message === 'Failed to deserialize user out of session'
      reject(
        new AuthError(unknown ? 'AUTH_CREDENTIAL_INVALID' : 'AUTH_UNAVAILABLE', {
          reason: unknown ? 'user_unknown' : 'deserialize_failed',
          cause: failure('deserialize', error),
        }),
      )
    }
    function answer(error: unknown, user?: unknown): void {
      clearTimeout(timer)
      if (error) fail(error)
      else if (user) resolve(user)
      else reject(invalid(failure('user_unknown')))
    }
    try {
      Reflect.apply(passport.deserializeUser, passport, [serialized, request, answer])
    } catch (error) {
      fail(error)
    }
  })
}

const invalid = (cause: Failure) => new AuthError('AUTH_CREDENTIAL_INVALID', { reason: cause.reason, cause })

function subjectOf(user: unknown, serialized: unknown): string {
  for (const each of [
    serialized,
    field(user, 'id'),
    field(user, '_id'),
    field(serialized, 'id'),
    field(serialized, '_id'),
  ]) {
    const name = nameOf(each)
    if (name !== null) return name
  }
  const digest = createHash('sha256').update(JSON.stringify(serialized)).digest('base64url')
  return `serialized:${digest.slice(0, 22)}`
}

/** Ids of databases are objects that print as their value. */
function nameOf(id: unknown): string | null {
  if (typeof id === 'string') return id === '' ? null : id
  if (typeof id === 'bigint' || (typeof id === 'number' && Number.isFinite(id))) return String(id)
  if (typeof id !== 'object' || id === null || !('toHexString' in id)) return null
  const text = String(id)
  return /^[0-9a-f-]{8,64}$/i.test(text) ? text : null
}

/** The application's own object: a getter of its class counts. */
function field(of: unknown, name: string): unknown {
  return typeof of === 'object' && of !== null ? (of as Record<string, unknown>)[name] : undefined
}

/** A polluted prototype logs nobody in. */
function ownField(of: unknown, name: string): unknown {
  return typeof of === 'object' && of !== null && Object.hasOwn(of, name) ? field(of, name) : undefined
}
