/** The API of socketio-jwt 4.6.2 for Socket.IO 4: a JSON Web Token with the handshake, or in a second roundtrip. */

import type { Connect, Handshake, Strategy } from 'portcullis'
import type { Server, Socket } from 'socket.io'
import type { LegacyIdentity } from './legacy-identity.ts'
import { forCreateAuth } from './legacy-jwt-error.ts'
import { LEGACY_LIFETIME_SECONDS } from './legacy-jwt-principal.ts'
import { admitBearer } from './socketio-jwt-bearer.ts'
import { UnauthorizedError } from './socketio-jwt-error.ts'
import { handshakeMode } from './socketio-jwt-handshake.ts'
import {
  type Accept,
  type HandshakeData,
  type IOptions,
  type ISocketIOMiddleware,
  settingsOf,
} from './socketio-jwt-options.ts'
import { sourcesOf } from './socketio-jwt-token.ts'
import { twoPhase } from './socketio-jwt-two-phase.ts'
import { verifyToken } from './socketio-jwt-verify.ts'

export type { LegacyIdentity } from './legacy-identity.ts'
export type { Untyped } from './legacy-jwt-untyped.ts'
/** The names of the declarations for 0.2. @deprecated docs/migrate/socketio-jwt.md */
export type {
  Accept,
  HandshakeData,
  IOptions,
  IOptions as JwtAuthOptions,
  ISocketCallback,
  ISocketIOError,
  ISocketIOMiddleware,
  SecretFunction,
} from './socketio-jwt-options.ts'
export { UnauthorizedError }

/** Socket.IO 4 declares every event of a server. @deprecated docs/migrate/socketio-jwt.md */
export type JWTServer = Server

/**
 * With `handshake: true` a middleware for `io.use`; else the listener of `connection`, after which `authenticated` is heard on the
 * namespace. The function that it returns also takes handshake data and `accept(error, ok)`, as `io.set('authorization', …)` called
 * it; called as a middleware without `handshake`, it reads `auth.token` as @thream/socketio-jwt does.
 *
 * The socket is disconnected when its token expires.
 *
 * @deprecated Use `createAuth` with `jwt`: docs/migrate/socketio-jwt.md
 * @throws TypeError quoting the option
 * @example io.use(authorize({ secret: process.env.JWT_SECRET, handshake: true }))
 */
export function authorize(options: IOptions, _callback?: () => void): ISocketIOMiddleware {
  const settings = settingsOf(options)
  if (settings.handshake) return handshakeMode(settings) as ISocketIOMiddleware
  const awaitAuthenticate = twoPhase(settings)
  return function socketioJwt(target: Socket | HandshakeData, next?: Accept): void {
    // As a middleware it refuses in the words of one.
    if (typeof next === 'function') void admitBearer({ ...settings, handshake: true }, target as Socket, next)
    else awaitAuthenticate(target as Socket)
  }
}

/**
 * The same as a strategy, for `createAuth` while applications migrate: the token comes in the query, the `Authorization` header, or
 * `auth.token`. `secret` and `additional_auth` are asked as ever; the request that `secret` is given is the handshake.
 *
 * @deprecated Use `jwt` of `portcullis/strategies/jwt`: docs/migrate/socketio-jwt.md
 * @throws TypeError quoting the option
 */
export function strategy(options: IOptions): Strategy<LegacyIdentity> {
  const settings = settingsOf({ ...options, handshake: true })
  const from = sourcesOf(settings)
  return {
    scheme: 'legacy',
    from,
    maxLifetimeSeconds: LEGACY_LIFETIME_SECONDS,
    authenticate: (handshake, connect) => forCreateAuth(ask(handshake, connect)),
  }

  async function ask(handshake: Handshake, connect: Connect | null) {
    // The request's own places were for the handshake to decide.
    for (const source of from.filter((each) => (each.in === 'auth') === (connect !== null))) {
      const token = source.read(handshake, connect)
      if (token !== null) return (await verifyToken(settings, handshake, token)).authentication
    }
    return null
  }
}

/** What `require` gives, and a default import. @deprecated docs/migrate/socketio-jwt.md */
const api = { authorize, strategy, UnauthorizedError }

export { api as default, api as 'module.exports' }
