/** The API of @thream/socketio-jwt 3.1.4: a JSON Web Token in `auth.token`, as `Bearer <token>`. */

import type { Authentication, Connect, CredentialSource, Strategy } from 'portcullis'
import type { Socket } from 'socket.io'
import { admitLegacy } from './legacy-admission.ts'
import type { LegacyIdentity } from './legacy-identity.ts'
import { forCreateAuth } from './legacy-jwt-error.ts'
import { LEGACY_LIFETIME_SECONDS } from './legacy-jwt-principal.ts'
import type { Untyped } from './legacy-jwt-untyped.ts'
import { isUnauthorizedError, toClientError, UnauthorizedError, unauthorized } from './thream-socketio-jwt-error.ts'
import { type AuthorizeOptions, LIBRARY, settingsOf } from './thream-socketio-jwt-options.ts'
import { verifyBearer } from './thream-socketio-jwt-verify.ts'

export type { Untyped } from './legacy-jwt-untyped.ts'
export type {
  Algorithm,
  AuthorizeOptions,
  CompleteDecodedToken,
  SecretCallback,
} from './thream-socketio-jwt-options.ts'
export { isUnauthorizedError, UnauthorizedError }

// The old package declared these for every socket, and applications read them.
declare module 'socket.io' {
  interface Socket {
    /** @deprecated `socket.data.identity` says who it is: docs/migrate/thream-socketio-jwt.md */
    encodedToken?: string
    /** @deprecated Use `socket.data.identity.claims`: docs/migrate/thream-socketio-jwt.md */
    decodedToken?: Untyped
    /** @deprecated Load what belongs to `socket.data.identity`: docs/migrate/thream-socketio-jwt.md */
    user?: Untyped
  }
}

/** What `io.use` takes. @deprecated docs/migrate/thream-socketio-jwt.md */
export type SocketIOMiddleware = (socket: Socket, next: (error?: UnauthorizedError) => void) => void

/**
 * A middleware that admits sockets with a valid token, sets `decodedToken`, `encodedToken` and, with `onAuthentication`, `user`. The
 * socket is disconnected when its token expires.
 *
 * @deprecated Use `createAuth` with `jwt`: docs/migrate/thream-socketio-jwt.md
 * @throws TypeError quoting the option
 * @example io.use(authorize({ secret: process.env.JWT_SECRET }))
 */
export function authorize(options: AuthorizeOptions): SocketIOMiddleware {
  const settings = settingsOf(options)

  async function admit(socket: Socket): Promise<void> {
    let properties: object = {}
    const strategy = strategyOf(async (token) => {
      const { authentication, decoded, user } = await verifyBearer(settings, token)
      const { onAuthentication } = settings
      properties = { encodedToken: token, decodedToken: decoded, ...(onAuthentication === null ? {} : { user }) }
      return authentication
    })
    const authentication = await admitLegacy(socket, { library: LIBRARY, strategy, ...settings.ours })
    if (authentication === null) throw unauthorized('credentials_required', 'no token provided')
    Object.assign(socket, properties)
  }

  return function socketioJwt(socket, next): void {
    admit(socket).then(
      () => process.nextTick(next),
      (error) => process.nextTick(next, toClientError(error)),
    )
  }
}

/**
 * The same as a strategy, for `createAuth` while applications migrate. `onAuthentication` is asked, and what it returns is left out.
 *
 * @deprecated Use `jwt` of `portcullis/strategies/jwt`: docs/migrate/thream-socketio-jwt.md
 * @throws TypeError quoting the option
 */
export function strategy(options: AuthorizeOptions): Strategy<LegacyIdentity> {
  const settings = settingsOf(options)
  const plain = strategyOf(async (token) => (await verifyBearer(settings, token)).authentication)
  return { ...plain, authenticate: (handshake, connect) => forCreateAuth(plain.authenticate(handshake, connect)) }
}

function strategyOf(verify: (token: string) => Promise<Authentication<LegacyIdentity>>): Strategy<LegacyIdentity> {
  return {
    scheme: 'legacy',
    from: [bearer],
    maxLifetimeSeconds: LEGACY_LIFETIME_SECONDS,
    async authenticate(handshake, connect) {
      const token = bearer.read(handshake, connect)
      return token === null ? null : verify(token)
    },
  }
}

const bearer: CredentialSource = {
  in: 'auth',
  name: 'token',
  ambient: false,
  read: (_handshake, connect) => bearerIn(connect),
}

/** `Bearer <token>`, exactly. @throws AuthError for anything else than that or nothing */
function bearerIn(connect: Connect | null): string | null {
  const given = connect !== null && Object.hasOwn(connect.auth, 'token') ? connect.auth.token : null
  if (given === null || given === undefined) return null
  const [scheme, token, ...rest] = typeof given === 'string' ? given.split(' ') : []
  if (scheme === 'Bearer' && token !== undefined && rest.length === 0) return token
  throw unauthorized('credentials_bad_format', 'Format is Authorization: Bearer [token]')
}

/** What `require` gives, and a default import. @deprecated docs/migrate/thream-socketio-jwt.md */
const api = { authorize, strategy, UnauthorizedError, isUnauthorizedError }

export { api as default, api as 'module.exports' }
