/** Socket.IO 0.9's manager and its namespaces, over a server of today. */

import type { Server as HttpServer } from 'node:http'
import type { BroadcastOperator, DefaultEventsMap, ExtendedError, Namespace, Server, Socket } from 'socket.io'
import type { HandshakeData } from './socketio-0.9-handshake.ts'
import type { AuthorizationOptions } from './socketio-0.9-options.ts'
import { createSettings } from './socketio-0.9-settings.ts'
import type { AuthorizationFunction } from './socketio-0.9-verdict.ts'

/** A socket whose `handshake` is the `handshakeData` that authorization functions saw. */
export type LegacySocket = Omit<Socket, 'handshake'> & { readonly handshake: HandshakeData }

/** A middleware as Socket.IO 1 brought it. */
export type LegacyMiddleware = (socket: Socket, next: (error?: ExtendedError) => void) => unknown

/**
 * A namespace as 0.9 had it: every method but the last five returns it.
 *
 * @deprecated Use `auth.protect(io.of(name), policy)`: docs/migrate/socketio-0.9.md
 */
export interface LegacyNamespace {
  /** Who may join this namespace. A client that may not hears `unauthorized`. */
  authorization(fn: AuthorizationFunction): LegacyNamespace
  /** Adds a middleware. What it throws or rejects with refuses, and so does silence for `timeoutMs`. */
  use(fn: LegacyMiddleware): LegacyNamespace
  on(event: 'connection' | 'connect', listener: (socket: LegacySocket) => void): LegacyNamespace
  once(event: 'connection' | 'connect', listener: (socket: LegacySocket) => void): LegacyNamespace
  emit(event: string, ...args: unknown[]): LegacyNamespace
  send(message: unknown): LegacyNamespace
  in(room: string): BroadcastOperator<DefaultEventsMap, unknown>
  to(room: string): BroadcastOperator<DefaultEventsMap, unknown>
  except(socketId: string): BroadcastOperator<DefaultEventsMap, unknown>
  /** The sockets of this process, of one room or of all. */
  clients(room?: string): LegacySocket[]
  /** The namespace of today. */
  readonly namespace: Namespace
}

/**
 * Socket.IO 0.9's manager, which was called `io`.
 *
 * @deprecated Use `createAuth`: docs/migrate/socketio-0.9.md
 */
export interface LegacyServer {
  /**
   * `authorization` takes a function, or `false`. Others are kept for `get` and have no effect.
   *
   * @throws TypeError for `origins`, `match origin protocol`, `blacklist` and `store`, which protected something
   */
  set(key: 'authorization', fn: AuthorizationFunction | false | null): LegacyServer
  set(key: string, value: unknown): LegacyServer
  get(key: string): unknown
  enable(key: string): LegacyServer
  disable(key: string): LegacyServer
  enabled(key: string): boolean
  disabled(key: string): boolean
  /** Calls `fn` at once; with `env`, only where `NODE_ENV`, by default `development`, is that. */
  configure(fn: (this: LegacyServer) => void): LegacyServer
  configure(env: string, fn: (this: LegacyServer) => void): LegacyServer
  of(name: string | RegExp): LegacyNamespace
  use(fn: LegacyMiddleware): LegacyServer
  readonly sockets: LegacyNamespace
  /** The HTTP server. */
  readonly server: HttpServer
  /** The Socket.IO server of today. */
  readonly io: Server
}

/** What the facade does by the functions of its entry. */
export interface Means {
  readonly authorize: (target: Server | Namespace, fn: AuthorizationFunction | null, self: unknown) => void
  readonly harden: (fn: LegacyMiddleware) => (socket: Socket, next: (error?: ExtendedError) => void) => void
}

export type LegacyServerOptions = AuthorizationOptions

export function createLegacyServer(io: Server, { authorize, harden }: Means): LegacyServer {
  const settings = createSettings((fn) => {
    if (fn && typeof fn !== 'function')
      throw new TypeError('socketio-0.9: "authorization" must be a function, or false')
    authorize(io, fn ? (fn as AuthorizationFunction) : null, server)
  })
  const namespaces = new Map<Namespace, LegacyNamespace>()

  function facadeOf(namespace: Namespace): LegacyNamespace {
    const known = namespaces.get(namespace)
    if (known !== undefined) return known
    const made = createNamespace(namespace)
    namespaces.set(namespace, made)
    return made
  }

  function createNamespace(namespace: Namespace): LegacyNamespace {
    const facade: LegacyNamespace = {
      namespace,
      authorization(fn) {
        authorize(namespace, fn, facade)
        return facade
      },
      use(fn) {
        namespace.use(harden(fn))
        return facade
      },
      on(event, listener) {
        namespace.on(event as 'connection', listener as unknown as (socket: Socket) => void)
        return facade
      },
      once(event, listener) {
        namespace.once(event as 'connection', listener as unknown as (socket: Socket) => void)
        return facade
      },
      emit(event, ...args) {
        namespace.emit(event, ...args)
        return facade
      },
      send(message) {
        namespace.send(message)
        return facade
      },
      in: (room) => namespace.in(room),
      to: (room) => namespace.to(room),
      except: (socketId) => namespace.except(socketId),
      clients(room) {
        const ids = room === undefined ? namespace.sockets.keys() : (namespace.adapter.rooms.get(room) ?? [])
        const sockets = [...ids].flatMap((id) => namespace.sockets.get(id) ?? [])
        return sockets as unknown as LegacySocket[]
      },
    }
    return facade
  }

  const server: LegacyServer = {
    io,
    get server() {
      return (io as unknown as { httpServer: HttpServer }).httpServer
    },
    get sockets() {
      return facadeOf(io.of('/'))
    },
    set(key: string, value: unknown) {
      settings.set(key, value)
      return server
    },
    get: settings.get,
    enable: (key) => server.set(key, true),
    disable: (key) => server.set(key, false),
    enabled: (key) => Boolean(settings.get(key)),
    disabled: (key) => !settings.get(key),
    configure(first: string | ((this: LegacyServer) => void), fn?: (this: LegacyServer) => void) {
      if (typeof first === 'function') first.call(server)
      else if (first === (process.env.NODE_ENV ?? 'development')) fn?.call(server)
      return server
    },
    // An empty name was the main namespace.
    of: (name) => facadeOf(io.of(name === '' ? '/' : name)),
    use(fn) {
      io.use(harden(fn))
      return server
    },
  }
  return server
}
