/** Socket.IO 0.9's own authorization, on Socket.IO 4. */

import type { Server as HttpServer } from 'node:http'
import {
  createServer as createTlsServer,
  type Server as HttpsServer,
  type ServerOptions as TlsOptions,
} from 'node:https'
import { AuthError, type CredentialSource, type Handshake, type Strategy } from 'portcullis'
import { type Namespace, Server, type ServerOptions } from 'socket.io'
import type { LegacyIdentity } from './legacy-identity.ts'
import { identify } from './socketio-0.9-admission.ts'
import { type Connection, connectionFrom } from './socketio-0.9-handshake.ts'
import { installationOf, isParent, requireOnlyParent } from './socketio-0.9-install.ts'
import { hardened } from './socketio-0.9-middleware.ts'
import { type AuthorizationOptions, readSettings } from './socketio-0.9-options.ts'
import { createLegacyServer, type LegacyServer } from './socketio-0.9-server.ts'
import { type AuthorizationFunction, ask } from './socketio-0.9-verdict.ts'

export type { HandshakeData } from './socketio-0.9-handshake.ts'
export type { AuthorizationOptions, LegacyPerson } from './socketio-0.9-options.ts'
export type { LegacyMiddleware, LegacyNamespace, LegacyServer, LegacySocket } from './socketio-0.9-server.ts'
export type { AuthorizationCallback, AuthorizationFunction } from './socketio-0.9-verdict.ts'

/**
 * `io.set('authorization', fn)` of Socket.IO 0.9 for a server, and `namespace.authorization(fn)` for a namespace, also for a
 * dynamic one and its children. Returns what it was given. A second function for the same takes the place of the first.
 *
 * A server's function is asked once for each handshake, and its no is the HTTP answer 403 or 500 on every transport. Both
 * see the same `handshakeData`, which is `socket.handshake` in `connection` listeners.
 *
 * @deprecated docs/migrate/socketio-0.9.md
 * @throws TypeError for a server that is not attached, or has `connectionStateRecovery`, and for unusable options
 * @example
 * authorization(io, (handshakeData, callback) => callback(null, handshakeData.query.key === key))
 * authorization(io.of('/private'), (handshakeData, callback) => callback(null, handshakeData.foo === true))
 */
export function authorization<Target extends Server | Namespace>(
  target: Target,
  fn: AuthorizationFunction,
  options: AuthorizationOptions = {},
): Target {
  if (typeof fn !== 'function') throw new TypeError('socketio-0.9: "authorization" must be a function')
  set(target, fn, options, target)
  return target
}

/**
 * The manager of Socket.IO 0.9 over a server of today: `set('authorization', fn)`, `of(name).authorization(fn)`, `configure`
 * and the like. Every namespace gets the old `socket.handshake`.
 *
 * @deprecated docs/migrate/socketio-0.9.md
 * @throws TypeError as `authorization` does
 * @example
 * const io = legacyServer(new Server(httpServer))
 * io.set('authorization', (handshakeData, callback) => callback(null, true))
 */
export function legacyServer(server: Server, options: AuthorizationOptions = {}): LegacyServer {
  const { timeoutMs, onError } = readSettings(options)
  // A function that was set before stays.
  if (installationOf(server).global === null) set(server, null, options, server)
  return createLegacyServer(server, {
    authorize: (target, fn, self) => set(target, fn, options, self),
    harden: (fn) => hardened(fn, timeoutMs, onError),
  })
}

/** What `listen` takes: those of `authorization`, and Socket.IO's own. With `key` or `pfx` a port speaks TLS. */
export type ListenOptions = AuthorizationOptions &
  Partial<ServerOptions> &
  Pick<TlsOptions, 'key' | 'cert' | 'ca' | 'pfx' | 'passphrase'>

/**
 * `require('socket.io').listen(80)`: a server of today on that port or HTTP server, as the manager of 0.9. `options` are
 * Socket.IO's own and those of `authorization` together; `listening` is called once a port is open. Default: port 80.
 *
 * @deprecated docs/migrate/socketio-0.9.md
 */
export function listen(
  target: number | HttpServer | HttpsServer | Server = 80,
  options?: ListenOptions | (() => void) | null,
  listening?: () => void,
): LegacyServer {
  if (typeof options === 'function') return listen(target, {}, options)
  const own = options ?? {}
  return legacyServer(target instanceof Server ? target : serverOn(target, own, listening), own)
}

/** A function is told of a port alone: who brings a server has it listen. */
function serverOn(target: number | HttpServer | HttpsServer, options: ListenOptions, listening = () => {}): Server {
  if (typeof target !== 'number' && typeof target !== 'string') return new Server(target, options)
  if (!options.key && !options.pfx) {
    const server = new Server(target, options)
    server.httpServer.once('listening', listening)
    return server
  }
  return new Server(createTlsServer(options).listen(target, listening), options)
}

/** Options of `strategy`. */
export interface AuthorizationStrategyOptions extends Pick<AuthorizationOptions, 'identify' | 'timeoutMs' | 'onError'> {
  /** The old global function. */
  readonly authorization: AuthorizationFunction
  /** What of a request it reads as a credential. Default: all cookies, which count from pages of `origins` alone. */
  readonly from?: readonly CredentialSource[]
}

/**
 * The old global function among `createAuth({ strategies: […] })`; put it last: it judges every request that those before it
 * leave. A refusal is 403 with AUTH_FORBIDDEN, or 500 with AUTH_ERROR. What `identify` names are its identities.
 *
 * Does not check: anything again while a socket stands, unless `identify` gives an end.
 *
 * @deprecated docs/migrate/socketio-0.9.md
 * @throws TypeError quoting an option that is unusable
 */
export function strategy(options: AuthorizationStrategyOptions): Strategy<LegacyIdentity> {
  const { authorization: fn, from = [anyCookie] } = options
  if (typeof fn !== 'function') throw new TypeError('socketio-0.9: "authorization" must be a function')
  const settings = readSettings(options)
  const connections = new WeakMap<Handshake, Connection>()
  return Object.freeze({
    scheme: 'legacy',
    from: Object.freeze([...from]),
    maxLifetimeSeconds: 86_400,
    async authenticate(handshake, connect) {
      if (connect !== null) return null
      const connection = connections.get(handshake) ?? connectionFrom(handshake)
      connections.set(handshake, connection)
      const { handshakeData } = connection
      const { timeoutMs, onError } = settings
      const verdict = await ask({ fn, handshakeData, self: undefined, timeoutMs, onError, withdraw() {} })
      if (verdict === 'error') throw new AuthError('AUTH_ERROR', { reason: 'authorization' })
      if (verdict === 'unauthorized') throw new AuthError('AUTH_FORBIDDEN', { reason: 'authorization' })
      return identify(settings, connection)
    },
  } satisfies Strategy<LegacyIdentity>)
}

/** Whatever cookies there are: an old function may read any of them. */
const anyCookie: CredentialSource = {
  in: 'header',
  name: 'cookie',
  ambient: true,
  read: ({ headers }) => (typeof headers.cookie === 'string' ? headers.cookie : null),
}

function set(
  target: Server | Namespace,
  fn: AuthorizationFunction | null,
  options: AuthorizationOptions,
  self: unknown,
): void {
  const charge = { fn, settings: readSettings(options), self }
  if (isServer(target)) {
    const installation = installationOf(target)
    installation.guardAll()
    installation.global = charge
    return
  }
  const installation = installationOf(target.server)
  if (isParent(target)) {
    requireOnlyParent(target)
    installation.parents.add(target)
  }
  installation.guard(target)
  installation.namespaces.set(target, charge)
}

function isServer(target: Server | Namespace): target is Server {
  if (typeof target === 'object' && target !== null) {
    if ('_nsps' in target) return true
    if ('server' in target && 'use' in target) return false
  }
  throw new TypeError('socketio-0.9: "authorization" needs a Server or a Namespace of Socket.IO')
}

/**
 * What `require('socket.io')` was.
 *
 * @deprecated docs/migrate/socketio-0.9.md
 */
const socketIO = { listen, legacyServer, authorization, strategy }

export { socketIO as default, socketIO as 'module.exports' }
