/** The API of socketio-jwt-auth 0.2.1: a JSON Web Token with the handshake, and a callback that finds its user. */

import type { Connect, Handshake, Strategy } from 'portcullis'
import type { Socket } from 'socket.io'
import { admitLegacy } from './legacy-admission.ts'
import type { LegacyIdentity } from './legacy-identity.ts'
import { forCreateAuth } from './legacy-jwt-error.ts'
import { LEGACY_LIFETIME_SECONDS } from './legacy-jwt-principal.ts'
import { refusal, toClientError } from './socketio-jwt-auth-error.ts'
import { type authOptions, LIBRARY, settingsOf, type verifyFunc } from './socketio-jwt-auth-options.ts'
import { placeUser } from './socketio-jwt-auth-request.ts'
import { presented, SOURCES } from './socketio-jwt-auth-token.ts'
import { askForUser, verifyAuthToken } from './socketio-jwt-auth-verify.ts'

export type { Untyped } from './legacy-jwt-untyped.ts'
export type { Algorithm, authOptions, Done, verifyFunc } from './socketio-jwt-auth-options.ts'

/**
 * A middleware that admits sockets with a valid token for which `verify` finds a user, and puts a copy of that user, with
 * `logged_in: true`, on `socket.request.user`. Each middleware has options of its own. The socket is disconnected when its token
 * expires.
 *
 * @deprecated Use `createAuth` with `jwt`: docs/migrate/socketio-jwt-auth.md
 * @throws TypeError quoting the option
 * @example io.use(authenticate({ secret: process.env.JWT_SECRET }, (payload, done) => findUser(payload.sub, done)))
 */
export function authenticate(
  options: authOptions,
  verify: verifyFunc,
): (socket: Socket, next: (error?: Error) => void) => void {
  const settings = settingsOf(options, verify)

  async function admit(socket: Socket): Promise<void> {
    let user: unknown
    const asked: Strategy<LegacyIdentity> = {
      scheme: 'legacy',
      from: SOURCES,
      maxLifetimeSeconds: LEGACY_LIFETIME_SECONDS,
      async authenticate(handshake, connect) {
        const token = presented(handshake, connect)
        if (token === null) return null
        const verified = await verifyAuthToken(settings, token)
        user = verified.user
        return verified.authentication
      },
    }
    const authentication = await admitLegacy(socket, { library: LIBRARY, strategy: asked, ...settings.ours })
    if (authentication !== null) return placeUser(socket, user, true)
    if (!settings.succeedWithoutToken) throw refusal('AUTH_CREDENTIAL_MISSING', new Error('No auth token'))
    const guest = await askForUser(settings, {})
    placeUser(socket, guest.refused ? {} : guest.user, false)
  }

  return function socketioJwtAuth(socket, next): void {
    admit(socket).then(
      () => process.nextTick(next),
      (error) => process.nextTick(next, toClientError(error)),
    )
  }
}

/**
 * The same as a strategy, for `createAuth` while applications migrate. `verify` is asked for the user, whom the identity does not
 * carry. `succeedWithoutToken` is `anonymous()` there.
 *
 * @deprecated Use `jwt` of `portcullis/strategies/jwt`: docs/migrate/socketio-jwt-auth.md
 * @throws TypeError quoting the option
 */
export function strategy(options: authOptions, verify: verifyFunc): Strategy<LegacyIdentity> {
  const settings = settingsOf(options, verify)
  if (settings.succeedWithoutToken) {
    throw new TypeError(`${LIBRARY}: "succeedWithoutToken" is refused in a strategy; put anonymous() after it`)
  }
  return {
    scheme: 'legacy',
    from: SOURCES,
    maxLifetimeSeconds: LEGACY_LIFETIME_SECONDS,
    authenticate: (handshake, connect) => forCreateAuth(ask(handshake, connect)),
  }

  async function ask(handshake: Handshake, connect: Connect | null) {
    // The request's own places were for the handshake to decide.
    const asked = SOURCES.filter((source) => (source.in === 'auth') === (connect !== null))
    const token = presented(handshake, connect, asked)
    return token === null ? null : (await verifyAuthToken(settings, token)).authentication
  }
}

/** What `require` gives, and a default import. @deprecated docs/migrate/socketio-jwt-auth.md */
const api = { authenticate, strategy }

export { api as default, api as 'module.exports' }
