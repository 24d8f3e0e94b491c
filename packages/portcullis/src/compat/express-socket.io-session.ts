/** express-socket.io-session 1.3 over Portcullis: the session of the web application on `socket.handshake`. */

import type { Authentication, Strategy } from 'portcullis'
import { AuthError } from 'portcullis'
import type { Socket } from 'socket.io'
import { keepSession, type Live, type SessionRequest } from './express-socket.io-session-live.ts'
import { LIBRARY, type SharedSessionOptions as Options, settingsOf } from './express-socket.io-session-options.ts'
import type { Middleware as ExpressMiddleware } from './express-socket.io-session-run.ts'
import { authenticationOf, readInto, strategyOf } from './express-socket.io-session-strategy.ts'
import type { LegacyIdentity } from './legacy-identity.ts'
import { admitWatched } from './legacy-watch.ts'

/** `io.use(…)`. */
// biome-ignore lint/suspicious/noExplicitAny: as in the old declarations
type Middleware = (socket: Socket, next: (err?: any) => void) => void

/** Names of the old declarations, as `sharedsession.SharedSessionOptions`. */
export declare namespace sharedsession {
  type SharedSessionOptions = Options
  type SocketIoSharedSessionMiddleware = Middleware
}

/**
 * A middleware that gives `socket.handshake` what express-session gives a request: `session`, `sessionID`, `sessionStore`,
 * `cookies` and `signedCookies`. The handshake only reads. A client without a session gets one that is not saved.
 *
 * Saving reads the store first: what HTTP changed meanwhile stays, and a session that has ended is not brought back. While the
 * socket lives the session is read again; when it has ended, the socket is disconnected.
 *
 * @throws TypeError at once, for an option that is missing or cannot be kept
 *
 * @example io.use(sharedsession(session, { autoSave: true }))
 *
 * @deprecated Use `createAuth` with `session()`: docs/migrate/express-socket.io-session.md
 */
export function sharedsession(
  expressSessionMiddleware?: ExpressMiddleware,
  cookieParserMiddleware?: ExpressMiddleware | Options | null,
  options?: Options,
): Middleware {
  const settings = settingsOf(expressSessionMiddleware, cookieParserMiddleware, options)
  const { audit, origins, graceMs } = settings
  const lives = new WeakMap<object, Live>()

  return function sharedSession(socket, next) {
    admit(socket).then(
      () => next(),
      (error: unknown) => next(new Error(messageOf(error))),
    )
  }

  async function admit(socket: Socket): Promise<void> {
    const request = socket.handshake as SessionRequest & object
    // Used twice, as once.
    if (lives.has(request)) return
    const live = keepSession(request, settings)
    lives.set(request, live)
    const ofSocket: Strategy<LegacyIdentity> = {
      ...strategyOf(settings, live.refresh),
      authenticate: () => read(request, live),
    }
    const watched = await admitWatched(
      socket,
      { library: LIBRARY, strategy: ofSocket, ...(audit && { audit }), ...(origins && { origins }) },
      { graceMs },
    )
    if (watched?.watch.ended) throw new AuthError(watched.watch.ended)
  }

  async function read(request: SessionRequest & object, live: Live): Promise<Authentication<LegacyIdentity> | null> {
    if (!(await readInto(request, settings))) return null
    live.storedId = request.sessionID ?? null
    return authenticationOf(request)
  }
}

/** Nothing of what a store says. */
function messageOf(error: unknown): string {
  if (!AuthError.is(error)) return 'Session unavailable'
  const { code, reason, cause } = error
  const isForClients = code === 'AUTH_ORIGIN_REFUSED' || reason === 'connection_state_recovery'
  if (isForClients && cause instanceof Error) return cause.message
  return code === 'AUTH_EXPIRED' ? 'Session expired' : 'Session unavailable'
}

/**
 * The same for `createAuth({ strategies: [...] })`. Issuer `express-socket.io-session`; the subject is `session.passport.user` where
 * that is a text or number, else a digest of the session's id. Nothing is put on the handshake there.
 *
 * @throws TypeError at once, for an option that is missing or cannot be kept
 *
 * @deprecated Use `session()` of `portcullis/strategies/session`: docs/migrate/express-socket.io-session.md
 */
export function strategy(
  expressSessionMiddleware: ExpressMiddleware,
  cookieParserMiddleware?: ExpressMiddleware | Options | null,
  options?: Options,
): Strategy<LegacyIdentity> {
  if (typeof expressSessionMiddleware !== 'function') {
    throw new TypeError(`${LIBRARY}: the first argument must be the middleware of express-session`)
  }
  return strategyOf(settingsOf(expressSessionMiddleware, cookieParserMiddleware, options))
}

// Whoever required the old package called what it exported.
export { sharedsession as default, sharedsession as 'module.exports' }
