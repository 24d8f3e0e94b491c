/** The login of a web application that uses Passport: its session says who, and its own Passport loads the user. */

import type { Clock } from '../core/clock.ts'
import type { Identity } from '../core/identity.ts'
import type { Strategy } from '../core/strategy.ts'
import { AuthError } from '../errors.ts'
import { LONGEST_TIMER_MS, systemClock } from '../option-checks.ts'
import type { Identified, NoClaims, SessionOf, SessionOptions } from './session.ts'
import { session } from './session.ts'

export type { Identified, LoginSubject, NoClaims, SessionStore } from './session.ts'

/**
 * What is needed of the application's Passport: its chain of deserializers. `import passport from 'passport'` fits, and
 * so does a `new Passport()`. Passport's types know this method only as the one that adds a deserializer.
 */
export interface PassportInstance {
  deserializeUser(...args: never[]): unknown
}

/** Options of `passport`; `passport`, `store`, `secret` and `identify` are required. */
export interface PassportOptions<User, Claims, Scheme extends string>
  extends Omit<SessionOptions<unknown, never, Claims, Scheme>, 'identify' | 'issuer' | 'scheme'> {
  /** The instance whose `deserializeUser` the web application has set up. */
  readonly passport: PassportInstance
  /**
   * Says what of the loaded user is its identity; null when it has none here. Choose fields one by one: claims are kept
   * for as long as the socket lives. What it throws is answered AUTH_ERROR, unless it is an `AuthError`.
   */
  readonly identify: (user: User) => Identified<Claims> | Promise<Identified<Claims>>
  /** Milliseconds that the deserializers have together, else AUTH_UNAVAILABLE. Default 1000. */
  readonly deserializeTimeoutMs?: number
  /** Whose subjects these are. Default `passport`. */
  readonly issuer?: string
  /** Default `passport`. */
  readonly scheme?: Scheme
}

/** Passport's own words where no deserializer knew the user, which is also what it says where there is none. */
const NOBODY = 'Failed to deserialize user out of session'

/**
 * As `session`, but the user is whom the application's own Passport makes of `session.passport.user`, asked whenever the
 * session is read, also every `revalidateEveryMs`: a user who is gone is refused, and closed, although the session lives. All
 * other options are those of `session`.
 *
 * What was serialized may be a text, a number or an object, deeply frozen; a list or `true` is refused. A deserializer of
 * three parameters gets, for the request, an object whose only field is a frozen copy of the `session`.
 *
 * Does not check: what `session` does not check. Does not catch: a deserializer that is `async` and rejects, or that
 * throws from a callback of its own. Passport drops its promise, for web pages as for sockets: call `done(error)`.
 *
 * @throws TypeError at once, when an option is missing or malformed
 * @throws AuthError from `authenticate`: what `session` throws; AUTH_CREDENTIAL_INVALID where Passport knows no such
 * user, AUTH_UNAVAILABLE where it fails or does not answer in time
 *
 * @example
 * passport({
 *   passport: app.passport,
 *   store,
 *   secret,
 *   identify: (user: { id: string; org: string }) => ({ subject: user.id, claims: { org: user.org } }),
 * })
 *
 * @see https://www.passportjs.org/concepts/authentication/sessions/ ; subpath `portcullis/strategies/passport`
 */
export function passport<User = unknown, Claims = NoClaims, const Scheme extends string = 'passport'>(
  options: PassportOptions<User, Claims, Scheme>,
): Strategy<Identity<Scheme, Claims>> {
  const own: typeof options = Object.assign(Object.create(null), options)
  const { passport: instance, identify, deserializeTimeoutMs = 1000, clock = systemClock, ...rest } = own
  if (typeof instance?.deserializeUser !== 'function') {
    throw new TypeError('"passport" must be an instance of Passport, with a method deserializeUser')
  }
  if (typeof identify !== 'function') throw new TypeError('"identify" must be a function')
  if (!(deserializeTimeoutMs > 0 && deserializeTimeoutMs <= LONGEST_TIMER_MS)) {
    throw new TypeError(`"deserializeTimeoutMs" must be a number above 0 and at most ${LONGEST_TIMER_MS}`)
  }
  return session<unknown, SessionOf<unknown>, Claims, Scheme>({
    issuer: 'passport',
    scheme: 'passport' as Scheme,
    ...rest,
    clock,
    async identify(data) {
      const serialized = serializedOf(data)
      if (serialized === null) return null
      return identify(
        (await deserialize(instance, serialized, data, { clock, timeoutMs: deserializeTimeoutMs })) as User,
      )
    },
  })
}

/**
 * What Passport would deserialize, or null when nobody is logged in, both as `passport.session()` sees it: 0 is a user,
 * other falsy values are none.
 */
function serializedOf(data: object): string | number | object | null {
  const user = ownField(ownField(data, 'passport'), 'user')
  if (user === 0) return user
  if (!user) return null
  // Neither names anybody, and a query by one may well find somebody: `WHERE id = true`, `WHERE id IN (...)`.
  if (user === true || Array.isArray(user)) throw new AuthError('AUTH_CREDENTIAL_INVALID', { reason: 'passport_user' })
  return user
}

/** The first answer counts. Passport itself answers again when a deserializer throws after it has called back. */
function deserialize(
  instance: PassportInstance,
  serialized: string | number | object,
  data: object,
  { clock, timeoutMs }: { readonly clock: Clock; readonly timeoutMs: number },
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const cancel = clock.setTimer(() => {
      const cause = new Error(`deserializeUser did not answer within ${timeoutMs} ms`)
      reject(new AuthError('AUTH_UNAVAILABLE', { reason: 'deserialize_timeout', cause }))
    }, timeoutMs)
    const answer = (error: unknown, user?: unknown): void => {
      cancel()
      if (error) reject(refusalOf(error))
      else if (user) resolve(user)
      else reject(new AuthError('AUTH_CREDENTIAL_INVALID', { reason: 'user_unknown' }))
    }
    try {
      Reflect.apply(instance.deserializeUser, instance, [serialized, Object.freeze({ session: data }), answer])
    } catch (error) {
      cancel()
      reject(refusalOf(error))
    }
  })
}

function refusalOf(error: unknown): AuthError {
  if (AuthError.is(error)) return error
  return error instanceof Error && error.message === NOBODY
    ? new AuthError('AUTH_CREDENTIAL_INVALID', { reason: 'user_unknown' })
    : new AuthError('AUTH_UNAVAILABLE', { reason: 'deserialize_failed', cause: error })
}

function ownField(value: unknown, field: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, field)
    ? (value as Record<string, unknown>)[field]
    : undefined
}
