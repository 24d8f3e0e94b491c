/** passport.socketio 3.7 over Portcullis: the session of a web application with Passport, for its sockets. */

import type { Strategy } from 'portcullis'
import type { Namespace, Server, Socket } from 'socket.io'
import { recordLegacy } from './legacy-audit.ts'
import type { LegacyIdentity } from './legacy-identity.ts'
import { admitWatched, type Watched } from './legacy-watch.ts'
import { type AcceptOptions, acceptOnce, type Verdict } from './passport-socketio-accept.ts'
import { signedCookies } from './passport-socketio-cookies.ts'
import { type Failure, failure, failureOf, withoutFailure } from './passport-socketio-failure.ts'
import { type Accept, type PassportSocketIoOptions, settingsOf } from './passport-socketio-options.ts'
import { admitHandshake, type LegacyRequest } from './passport-socketio-request.ts'
import { requestOf, strategyOf, userOf } from './passport-socketio-strategy.ts'
import { loggedIn, refresh } from './passport-socketio-user.ts'

export type { Accept, PassportSocketIoOptions } from './passport-socketio-options.ts'

/** `io.use(authorize(options))`, or `io.set('authorization', authorize(options))` of `portcullis/compat/socketio-0.9`. */
// biome-ignore lint/suspicious/noExplicitAny: a socket or handshake data; the old declarations have `(err?: any) => void`
export type Authorize = (data: any, accept: Accept) => void

const SUBPATH = 'passport-socketio'
/** By socket: the request is shared by all namespaces of a connection, whose options may differ. */
const users = new WeakMap<Socket, unknown>()

/**
 * A middleware that admits whom the session cookie's session and Passport know, and sets `socket.request.user` (an own copy, with
 * `logged_in: true`), `.sessionID`, `.cookie` and `.socketio_version_1`. Session and user are looked at again while the socket
 * lives: when either is gone, it is disconnected.
 *
 * @throws TypeError at once, for an option that is missing or cannot be kept
 *
 * @example io.use(authorize({ cookieParser, key: 'express.sid', secret, store }))
 *
 * @deprecated Use `createAuth` with `passport()`: docs/migrate/passport-socketio.md
 */
export function authorize(options: PassportSocketIoOptions): Authorize {
  const settings = settingsOf(options)
  const strategy = strategyOf(settings)
  const { key, userProperty, graceMs, audit, origins } = settings
  const admission = { library: SUBPATH, strategy, ...(audit && { audit }), ...(origins && { origins }) }

  return function authorizeByPassport(given: Socket | LegacyRequest, accept) {
    const socket = isSocket(given) ? given : null
    const data = (socket === null ? given : socket.request) as unknown as Record<string, unknown> & LegacyRequest
    const isModern = socket !== null
    if (isModern) data.socketio_version_1 = true
    let isConcluded = false
    let shown: unknown
    const cookie = signedCookies(data.headers?.cookie, settings)
    data.cookie = cookie
    data.sessionID = typeof cookie[key] === 'string' ? cookie[key] : ''
    // Another namespace of the connection may have a user by now.
    data[userProperty] ??= { logged_in: false }
    requestOf.run(data, admit).then(succeed, (error: unknown) => fail(failureOf(error)))

    function admit(): Promise<Watched | null> {
      // Its own: what is on the request may be of another namespace by now.
      const renewed = ({ identity }: Watched['found']) => refresh(shown, userOf(identity))
      if (socket === null) return admitHandshake(data, strategy, settings, renewed)
      return admitWatched(socket, admission, { graceMs, renewed })
    }

    function succeed(watched: Watched | null): void {
      if (watched === null) {
        fail(failure(data.xdomain === true ? 'cors' : 'no_session'))
        return
      }
      const { identity, revocableBy } = watched.found
      shown = loggedIn(userOf(identity))
      data[userProperty] = shown
      const [sessionKey] = revocableBy ?? []
      if (sessionKey !== undefined && 'session' in sessionKey) data.sessionID = sessionKey.session
      if (socket !== null) users.set(socket, shown)
      const settle = (verdict: Verdict) => {
        const isGone = verdict === null && watched.watch.ended !== null
        conclude(isGone ? { error: new Error(failure('no_session').shown), isGiven: false } : verdict, watched)
      }
      const accepts = acceptOnce(settle, { isModern, refusal: 'unauthorized' })
      if (settings.success) call(settings.success, [data, accepts], settle)
      else accepts(null, true)
    }

    function fail(why: Failure): void {
      data[userProperty] = { logged_in: false }
      if (why.reason === 'origin') Object.assign(data, { cookie: {}, sessionID: '' })
      const how: AcceptOptions = { isModern, refusal: why.shown, isOurs: why.isOurs }
      const settle = (verdict: Verdict) => conclude(verdict, null)
      const accepts = acceptOnce(settle, how)
      if (settings.fail) call(settings.fail, [data, why.message, why.critical, accepts], settle)
      else accepts(null, false)
    }

    function conclude(verdict: Verdict, watched: Watched | null): void {
      if (isConcluded) return
      isConcluded = true
      // Later: what a middleware after this one throws is neither ours nor the callback's.
      const answer = (...args: Parameters<Accept>) => process.nextTick(() => accept(...args))
      if (verdict === null) {
        if (isModern) answer()
        else answer(null, true)
        return
      }
      watched?.watch.stop()
      if (socket !== null) {
        if (watched !== null) recordRefusal(socket, watched)
        users.delete(socket)
        delete socket.data.identity
        delete socket.data.lease
      }
      if (isModern || verdict.isGiven) answer(verdict.error)
      else answer(null, false)
    }

    /** After the session itself was accepted, and recorded so. */
    function recordRefusal(to: Socket, { found: { identity } }: Watched): void {
      recordLegacy(audit, to, {
        stage: 'connect',
        rule: `compat/${SUBPATH}`,
        identity,
        code: 'AUTH_FORBIDDEN',
        reason: 'success',
        startedMs: performance.now(),
      })
    }
  }
}

/** What a callback throws refuses: there it ended the process. */
function call<Args extends readonly unknown[]>(
  callback: (...args: Args) => unknown,
  args: Args,
  settle: (verdict: Verdict) => void,
): void {
  const refuse = () => settle({ error: new Error(failure('internal').shown), isGiven: false })
  try {
    Promise.resolve(callback(...args)).catch(refuse)
  } catch {
    refuse()
  }
}

const isSocket = (given: Socket | LegacyRequest): given is Socket => Boolean((given as { request?: unknown }).request)

/**
 * The connected sockets of the main namespace, or of a given one, whose user the function accepts. A socket without a user is
 * asked about as `{ logged_in: false }`.
 *
 * @deprecated Use `auth.sessions`, or `auth.disconnect`: docs/migrate/passport-socketio.md
 */
// biome-ignore lint/suspicious/noExplicitAny: the user is the application's, and untyped in the old declarations
export function filterSocketsByUser(io: Server | Namespace, filter: (user: any) => boolean): Socket[] {
  const { sockets } = io
  const connected = sockets instanceof Map ? sockets : sockets.sockets
  return [...connected.values()].filter((socket) => filter(shownTo(socket)))
}

function shownTo(socket: Socket): unknown {
  const { request, handshake } = socket as unknown as Record<'request' | 'handshake', { readonly user?: unknown }>
  return users.get(socket) ?? request.user ?? handshake.user ?? { logged_in: false }
}

/**
 * The same for `createAuth({ strategies: [...] })`. Issuer `passport.socketio`; the subject is what Passport serialized, where that
 * is a text or number. `success`, `fail` and `userProperty` have no meaning here.
 *
 * @throws TypeError at once, for an option that is missing or cannot be kept
 *
 * @deprecated Use `passport()` of `portcullis/strategies/passport`: docs/migrate/passport-socketio.md
 */
export function strategy(options: PassportSocketIoOptions): Strategy<LegacyIdentity> {
  const inner = strategyOf(settingsOf(options))
  const { revalidate } = inner
  return Object.freeze({
    ...inner,
    async authenticate(handshake, connect) {
      try {
        return await inner.authenticate(handshake, connect)
      } catch (error) {
        throw withoutFailure(error)
      }
    },
    ...(revalidate && {
      revalidate: async (handles) => (await revalidate(handles)).map((each) => withoutFailure(each) as typeof each),
    }),
  } satisfies Strategy<LegacyIdentity>)
}

/** What `require` gives, and a default import. @deprecated docs/migrate/passport-socketio.md */
const passportSocketIo = { authorize, filterSocketsByUser, strategy }

export { passportSocketIo as default, passportSocketIo as 'module.exports' }
