/** Composition root: puts door, gates and listeners onto a Socket.IO server, and closes every namespace without a policy. */

import type { IncomingMessage } from 'node:http'
import type { Namespace, Server, Socket } from 'socket.io'
import type { CompiledPolicy } from '../core/compiled-policy.ts'
import type { Handshake } from '../core/handshake.ts'
import { createAdmitted } from './admitted.ts'
import { type Asking, guardAllowRequest } from './allow-request.ts'
import type { ClientAddress } from './client-address.ts'
import { createConnectGate } from './connect-gate.ts'
import { armDeadline, type Connection, createConnection, type EngineSocket } from './connection.ts'
import { createDeferral } from './deferral.ts'
import { createDoor } from './door.ts'
import { release } from './end-entry.ts'
import { createEventGate } from './event-gate.ts'
import type { Guard } from './guard.ts'
import type { EngineRequest } from './handshake-view.ts'
import { catchUnknown } from './hidden-namespaces.ts'
import type { CheckOrigin } from './origin.ts'
import { isParent, type Policies } from './policies.ts'
import { guardReach } from './reach.ts'
import { createRecovery } from './recovery.ts'
import { createRoomGate } from './room-gate.ts'

export interface DoorSettings {
  /** The check in force at the moment. */
  readonly checkOrigin: () => CheckOrigin
  readonly policies: Policies
  /** A connection was opened, by a handshake that may have begun before this node began to drain. */
  readonly opened: (connection: Connection) => void
  readonly clientAddress: (request: IncomingMessage) => ClientAddress
  readonly strictFetchMetadata: boolean
  readonly requireSecure: boolean
  readonly hideNamespaces: boolean
}

/** A server under protection. */
export interface ProtectedServer {
  /** Gives a namespace, or every child of a dynamic one, its policy. @throws TypeError when it has one already */
  setPolicy(namespace: Namespace, policy: CompiledPolicy): void
  /** Every connection that stands. */
  connections(): Iterable<Connection>
  handshakeOf(socket: Socket): Handshake | undefined
}

/** The part of an Engine.IO server that is used. */
interface Engine {
  use(middleware: (request: EngineRequest, response: unknown, next: () => void) => void): void
  prependListener(event: 'connection', listener: (engineSocket: EngineSocket) => void): unknown
}

/** Socket.IO keeps who protects a server nowhere; two guards on one server would each close the other's namespaces. */
const protectedServers = new WeakMap<Server, object>()

/** @throws TypeError for a server that cannot be protected as it is configured */
export function protectServer(guard: Guard, io: Server, settings: DoorSettings): ProtectedServer {
  requireProtectable(io)
  warnOfCompression(io)
  if (settings.hideNamespaces) requireCleanup(io, '"hideNamespaces"')
  protectedServers.set(io, guard)
  const { policies } = settings
  const connections = new WeakMap<object, Connection>()
  const bySessionId = new Map<string, Connection>()
  const recovery = createRecovery(guard, io)

  const door = createDoor(guard, { ...settings, connectionOf: (sessionId) => bySessionId.get(sessionId) })
  const engine = io.engine as unknown as Engine
  guardAllowRequest(io.engine as unknown as Asking, guard.onError)
  engine.use(door.handle)
  engine.prependListener('connection', (engineSocket) => {
    const admission = door.admissionOf(engineSocket.request)
    if (admission === undefined) return
    const connection = createConnection(engineSocket, admission)
    connections.set(engineSocket, connection)
    bySessionId.set(engineSocket.id, connection)
    armDeadline(connection, guard.limits, guard.clock)
    if (admission.authenticated === null) guard.unadmitted.add(connection, admission.handshake.address.address)
    settings.opened(connection)
    engineSocket.on('close', closed)
  })

  // One function for all connections: a closure for each is kept as long as they are.
  function closed(this: EngineSocket): void {
    const connection = bySessionId.get(this.id)
    if (connection === undefined) return
    connection.closed = true
    connection.cancelDeadline()
    guard.unadmitted.delete(connection)
    bySessionId.delete(this.id)
    for (const entry of guard.registry.ofConnection(connection)) {
      recovery?.depart(entry)
      release(guard, entry)
    }
  }

  const install = createEventGate(guard, createRoomGate(guard))
  const deferral = guard.deferMs === null ? null : createDeferral(guard, guard.deferMs, install)
  const connectGate = createConnectGate(guard, {
    connectionOf: (socket) => connections.get(socket.conn),
    install,
    deferral,
    recovery,
  })
  const admitted = createAdmitted(guard, recovery?.afterConnect)

  /** Dynamic namespaces that have the gate: one that a reload has closed keeps it. */
  const gated = new WeakSet<Namespace>()

  function guardNamespace(nsp: Namespace): void {
    nsp.use(connectGate)
    deferral?.watch(nsp)
    // Socket.IO fires `connect` before `connection`; the first listener of the first of them is ours.
    nsp.prependListener('connect', admitted)
    for (const socket of nsp.sockets.values()) socket.disconnect(true)
    guardAdapter(nsp)
    // `io.adapter(…)` may come afterwards, and gives every namespace a new one.
    const target = nsp as unknown as { _initAdapter(): void }
    const { _initAdapter } = target
    target._initAdapter = () => {
      _initAdapter.call(nsp)
      guardAdapter(nsp)
    }
  }

  function guardAdapter(nsp: Namespace): void {
    guardReach(guard, nsp)
    recovery?.watch(nsp)
  }

  for (const nsp of io._nsps.values()) guardNamespace(nsp)
  io.on('new_namespace', guardNamespace)
  const unknown = settings.hideNamespaces ? catchUnknown(io) : null

  return {
    setPolicy(namespace, policy) {
      if (policies.has(namespace))
        throw new TypeError(`namespace ${JSON.stringify(namespace.name)} has a policy already`)
      if (isParent(namespace)) {
        requireCleanup(io)
        // The application's middlewares of a dynamic namespace are inherited: ours has to stand among them, in its place.
        if (!gated.has(namespace)) namespace.use(connectGate)
        gated.add(namespace)
      }
      unknown?.keep(namespace)
      policies.set(namespace, policy)
    },
    connections: () => [...bySessionId.values()],
    handshakeOf: (socket) => connections.get(socket.conn)?.admission.handshake,
  }
}

function requireProtectable(io: Server): void {
  const options = (io as unknown as { _opts: { transports?: readonly string[] } })._opts
  if (protectedServers.has(io)) throw new TypeError('this server is protected by another createAuth() already')
  if (!io.engine) {
    throw new TypeError(
      'the server must be attached first: new Server(httpServer), io.attach(httpServer) or io.listen(port)',
    )
  }
  if (typeof (io.engine as unknown as Engine).use !== 'function') {
    throw new TypeError('this engine has no use(): Portcullis needs Engine.IO 6.3 or newer on node:http')
  }
  if (options.transports?.includes('webtransport')) {
    throw new TypeError('"transports" must not contain "webtransport": Engine.IO runs no middleware for it')
  }
}

/** Each connection then has a window of its own, and a message is inflated before anybody knows whose it is. */
function warnOfCompression(io: Server): void {
  const { opts } = io.engine as unknown as { opts?: { perMessageDeflate?: unknown } }
  if (!opts?.perMessageDeflate) return
  process.emitWarning('"perMessageDeflate" is on: clients that nobody knows make this server inflate messages', {
    type: 'SecurityWarning',
    code: 'PORTCULLIS_COMPRESSION',
  })
}

/** Without this option every name that matches is kept for ever, and any client can make up names. */
export function requireCleanup(io: Server, what = 'a protected dynamic namespace'): void {
  const { cleanupEmptyChildNamespaces } = (io as unknown as { _opts: { cleanupEmptyChildNamespaces?: boolean } })._opts
  if (cleanupEmptyChildNamespaces === true) return
  throw new TypeError(`"cleanupEmptyChildNamespaces" must be true for a server with ${what}`)
}
