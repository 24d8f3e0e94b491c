/** socketio-auth 0.1 over Portcullis: connect first, authenticate by an event, and nothing before. */

import { randomUUID } from 'node:crypto'
import type { Connect, CredentialSource, Handshake, Strategy } from 'portcullis'
import { AuthError } from 'portcullis'
import type { Namespace, Server } from 'socket.io'
import type { LegacyIdentity } from './legacy-identity.ts'
import { attempt } from './socketio-auth-attempt.ts'
import { guardOf } from './socketio-auth-guard.ts'
import { LIBRARY, type SocketIOAuthOptions, settingsOf } from './socketio-auth-options.ts'

export type { AuthenticateCallback, Identified, SocketIOAuthOptions } from './socketio-auth-options.ts'

/**
 * Until a client has emitted `authentication` and `authenticate` has said yes, none of its events is heard and no broadcast reaches
 * it, in any namespace. A success is answered `authenticated`, and counts for all namespaces of the connection; a failure is
 * answered `unauthorized` and disconnects. `socket.auth` says which it is.
 *
 * Namespaces that are created later are guarded too. What the server emits to the socket itself is sent, as it was.
 *
 * @throws TypeError at once, for an option that is missing or cannot be kept
 *
 * @example socketIOAuth(io, { authenticate: (socket, data, done) => done(null, data?.token === token) })
 *
 * @deprecated Use `createAuth`, where the client passes `auth` as it connects: docs/migrate/socketio-auth.md
 */
export function socketIOAuth(io: Server, config: SocketIOAuthOptions): void {
  const settings = settingsOf(config)
  if (!(io?._nsps instanceof Map)) throw new TypeError(`${LIBRARY}: the first argument must be a Socket.IO 4 server`)
  const guard = guardOf(settings)
  for (const nsp of io._nsps.values()) guard(nsp)
  io.on('new_namespace', (nsp: Namespace) => guard(nsp))
}

/** A longer one is refused before anything reads it. */
const MAX_CREDENTIAL_BYTES = 8192

const fromAuthPayload: CredentialSource = {
  in: 'auth',
  name: 'auth',
  ambient: false,
  read(_handshake, connect) {
    if (connect === null || Object.keys(connect.auth).length === 0) return null
    const text = JSON.stringify(connect.auth)
    if (Buffer.byteLength(text) > MAX_CREDENTIAL_BYTES)
      throw new AuthError('AUTH_CREDENTIAL_INVALID', { reason: 'too_long' })
    return text
  },
}

/**
 * The same for `createAuth({ strategies: [...] })`: `data` is what the client passes as `auth` when it connects. Issuer
 * `socketio-auth`. Instead of a socket, `authenticate` gets an object with `handshake`, `request.headers` and `nsp.name`, which can
 * neither emit nor listen. `timeout`, `postAuthenticate` and `disconnect` have no meaning here.
 *
 * @throws TypeError at once, for an option that is missing or cannot be kept
 *
 * @deprecated Write a `Strategy`: docs/migrate/socketio-auth.md
 */
export function strategy(options: SocketIOAuthOptions): Strategy<LegacyIdentity> {
  const settings = settingsOf(options)
  return Object.freeze({
    scheme: 'legacy',
    from: [fromAuthPayload],
    maxLifetimeSeconds: 2_592_000,
    async authenticate(handshake, connect) {
      if (connect === null || fromAuthPayload.read(handshake, connect) === null) return null
      const asked = attempt(settings, standInOf(handshake, connect), connect.auth, randomUUID())
      const { authentication } = await asked.catch((error: unknown) => {
        // A refusal is no failure of the application's, which a cause would have reported.
        throw AuthError.is(error) ? new AuthError(error.code, { reason: 'authenticate' }) : error
      })
      return authentication
    },
  } satisfies Strategy<LegacyIdentity>)
}

function standInOf(handshake: Handshake, { auth, namespace }: Connect): object {
  const { headers, url } = handshake
  return {
    auth: false,
    data: {},
    client: {},
    handshake: { ...handshake, auth },
    request: { headers, url },
    nsp: { name: namespace },
  }
}

// Whoever required the old package called what it exported.
export { socketIOAuth as default, socketIOAuth as 'module.exports' }
