/** A middleware for Express after which `req.logout` of Passport ends sockets, on every node. */

import type { RevocationKey } from '../core/revocation.ts'
import { knownOptions } from '../option-checks.ts'
import { type AfterwardsOptions, type Callback, createAfterwards } from './afterwards.ts'
import type { RevokingAuth } from './ending.ts'

export type { AfterwardsOptions } from './afterwards.ts'
export type { EndingOptions, RevokingAuth } from './ending.ts'

/** A request as express-session and Passport know it. */
export interface LogoutRequest {
  readonly sessionID?: string
  logout?: unknown
  logOut?: unknown
}

/** Whose sockets end, as the strategies name them: `issuer` of the `session` strategy is `session` unless it was configured. */
export interface Principal {
  readonly issuer: string
  readonly subject: string
}

/** Options of `endSocketsOnLogout`. */
export interface LogoutOptions<Request> extends AfterwardsOptions {
  /**
   * Ends the sockets of this principal as well, on all devices and in all browsers. Asked before the logout, while `req.user` is
   * there; null for nobody. Its other sessions stay in the store, and are dead for sockets: a later login counts as one only
   * where `identify` of the strategy says `issuedAt`. Default: the session that logs out, and no other.
   */
  readonly everywhere?: (request: Request) => Principal | null
}

const OPTIONS = new Set(['everywhere', 'maxWaitMs', 'rememberSeconds', 'onError', 'clock'])

/**
 * Shadows `req.logout` and `req.logOut` on each request: once Passport (0.6 or later) has logged out, with or without
 * `keepSessionInfo`, `{ session }` of the session that was is revoked, and then the callback is called. It hears Passport's error,
 * or else that of the revocation. Sockets end also when Passport failed, or has not called back within `maxWaitMs`: from then on
 * this session opens none.
 *
 * Goes behind `passport.session()`. Not needed where `endSocketsWithSessions` wraps the store, unless for `everywhere`.
 *
 * Does not see `req.session.destroy()`, nor a session that expires.
 *
 * @throws TypeError at once, when an option is malformed; to `next`, when no Passport came before
 * @example
 * app.use(passport.session())
 * app.use(endSocketsOnLogout(auth))
 * app.post('/logout', (req, res, next) => req.logout((error) => (error ? next(error) : res.redirect('/'))))
 * @see https://www.passportjs.org/concepts/authentication/logout/; subpath `portcullis/logout/request`
 */
export function endSocketsOnLogout<Request extends LogoutRequest>(
  auth: RevokingAuth,
  options: LogoutOptions<Request> = {},
): (request: Request, response: unknown, next: (error?: unknown) => void) => void {
  knownOptions(options, OPTIONS, 'endSocketsOnLogout')
  const own: LogoutOptions<Request> = Object.assign(Object.create(null), options)
  const { everywhere = () => null } = own
  if (typeof everywhere !== 'function') throw new TypeError('"everywhere" must be a function')
  const { after } = createAfterwards(auth, own)

  return function endSocketsOfRequest(request, _response, next) {
    const original = request.logout
    if (typeof original !== 'function') {
      next(new TypeError('endSocketsOnLogout: there is no req.logout; it goes behind passport.session()'))
      return
    }
    function logout(first?: unknown, second?: unknown): void {
      const callback = [first, second].find((each) => typeof each === 'function') as Callback | undefined
      const passportOptions = typeof first === 'object' && first !== null ? first : {}
      let failed: unknown = null
      const keys: RevocationKey[] = []
      if (typeof request.sessionID === 'string') keys.push({ session: request.sessionID })
      try {
        const principal = everywhere(request)
        if (principal !== null) keys.push({ issuer: principal.issuer, subject: principal.subject })
      } catch (error) {
        failed = error
      }
      const work = (done: Callback) =>
        Reflect.apply(original as () => void, request, [passportOptions, (error: unknown) => done(error ?? failed)])
      void after(work, keys, callback)
    }
    request.logout = logout
    request.logOut = logout
    next()
  }
}
