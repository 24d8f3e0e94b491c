/** The namespace CONNECT: who is it here, may it use this namespace, and does its authority still hold right now? */

import type { ExtendedError, Socket } from 'socket.io'
import type { Authenticated } from '../core/authenticate.ts'
import type { CompiledPolicy } from '../core/compiled-policy.ts'
import type { Identity } from '../core/identity.ts'
import { AuthError, refusalOf } from '../errors.ts'
import { applyPolicy } from './apply-policy.ts'
import { authenticateConnect } from './connect-credential.ts'
import { type Connection, closeSoon } from './connection.ts'
import { asAuthError, endOf, endOfEntry, type Guard } from './guard.ts'
import { type Entry, namesOf } from './registry.ts'

export interface ConnectGateOptions {
  readonly connectionOf: (socket: Socket) => Connection | undefined
  /** The policy of the socket's namespace or of its parent; undefined where there is none. */
  readonly policyOf: (socket: Socket) => CompiledPolicy | undefined
  /** Installs what guards the socket's packets; called before the socket can receive any. */
  readonly install: (entry: Entry) => void
}

/** A middleware for every namespace of a server, with a policy or without. Calls `next` exactly once, and never throws. */
export function createConnectGate(guard: Guard, options: ConnectGateOptions) {
  return function connectGate(socket: Socket, next: (error?: ExtendedError) => void): void {
    // A child of a dynamic namespace inherits this gate from its parent and gets it once more.
    if (guard.registry.of(socket) !== undefined) {
      next()
      return
    }
    const startedMs = performance.now()
    const connection = options.connectionOf(socket)
    const settle = (error: AuthError | null, identity: Identity | null): void => {
      if (guard.audit.enabled) {
        guard.audit.record({
          stage: 'connect',
          namespace: socket.nsp.name,
          socketId: socket.id,
          ...(connection === undefined ? {} : { address: connection.admission.handshake.address.address }),
          identity,
          code: error?.code ?? null,
          rule: 'connect',
          ...(error?.reason === undefined ? {} : { reason: error.reason }),
          startedMs,
        })
      }
      // What a later middleware of the application throws is then the application's, as without this gate.
      process.nextTick(next, error === null ? undefined : connectError(error))
    }
    if (connection === undefined) {
      guard.onError(
        new Error('a connection reached a protected server around its door: protect() after attach()'),
        'connect',
      )
      settle(new AuthError('AUTH_ERROR', { reason: 'door_bypassed' }), null)
      return
    }
    admit(socket, connection).then(
      (entry) => settle(null, entry.identity),
      (cause) => {
        const error = asAuthError(cause, `connect to ${socket.nsp.name}`, guard.onError)
        settle(error, null)
        countFailure(connection, error)
      },
    )
  }

  async function admit(socket: Socket, connection: Connection): Promise<Entry> {
    const namespace = socket.nsp.name
    const policy = options.policyOf(socket)
    if (policy === undefined) throw new AuthError('AUTH_FORBIDDEN', { reason: 'no_policy' })
    if (connection.connecting.has(namespace)) throw new AuthError('AUTH_RATE_LIMITED', { reason: 'connect_pending' })
    if (connection.connecting.size + connection.connected >= guard.limits.maxNamespaces) {
      throw new AuthError('AUTH_RATE_LIMITED', { reason: 'namespaces' })
    }
    connection.connecting.add(namespace)
    try {
      await guard.ready()
      await guard.throttle.check(connection.admission.handshake.address.address)
      const authenticated = await authenticateConnect(guard, socket, connection)
      return await authorize(socket, connection, policy, authenticated)
    } finally {
      connection.connecting.delete(namespace)
    }
  }

  /** Tracked first, looked up afterwards: a revocation at any moment finds the socket, or is found. */
  async function authorize(
    socket: Socket,
    connection: Connection,
    policy: CompiledPolicy,
    { authentication }: Authenticated,
  ): Promise<Entry> {
    supersede(guard, connection, socket.nsp.name)
    const entry: Entry = {
      socket,
      connection,
      namespace: socket.nsp.name,
      policy,
      identity: authentication.identity,
      names: namesOf(authentication),
      lease: authentication.lease,
      state: 'connecting',
      ended: null,
      memberships: [],
      grants: new Map(),
      expiring: null,
      backlog: null,
    }
    guard.registry.track(entry)
    try {
      const covered = endOf(guard, entry.lease, entry.names)
      if (covered !== null) throw new AuthError(covered)
      await applyPolicy(guard, entry)
      const ended = endOfEntry(guard, entry)
      if (ended !== null) throw new AuthError(ended)
      requireOpen(connection)
      options.install(entry)
    } catch (error) {
      entry.state = 'closed'
      guard.registry.forget(entry)
      throw error
    }
    socket.data = { ...socket.data, identity: entry.identity, lease: entry.lease }
    removeCredentials(guard, socket)
    return entry
  }

  function countFailure(connection: Connection, error: AuthError): void {
    connection.failures += 1
    const { address } = connection.admission.handshake.address
    if (error.code !== 'AUTH_RATE_LIMITED') guard.throttle.failed(address).catch(() => {})
    if (connection.failures >= guard.limits.maxConnectFailures) closeSoon(connection)
  }
}

/** Nothing is kept for a client that has gone while its credential was checked. */
function requireOpen(connection: Connection): void {
  if (connection.closed) throw new AuthError('AUTH_UNAVAILABLE', { reason: 'client_gone' })
}

/** An earlier connect that a later middleware of the application refused, or still holds, gives way to the newer one. */
function supersede(guard: Guard, connection: Connection, namespace: string): void {
  for (const entry of guard.registry.ofConnection(connection)) {
    if (entry.namespace !== namespace || entry.state !== 'connecting') continue
    entry.ended = 'AUTH_RATE_LIMITED'
    entry.state = 'closed'
    guard.registry.forget(entry)
  }
}

/** `fetchSockets` sends `handshake.auth` to other nodes, and applications log it: nobody needs the credential any more. */
function removeCredentials({ strategies }: Guard, socket: Socket): void {
  for (const { from } of strategies) {
    for (const source of from) if (source.in === 'auth') delete socket.handshake.auth[source.name]
  }
}

/** What Socket.IO sends as `connect_error`. Clients of Socket.IO 2 see `data` alone, so the message stands there too. */
function connectError(error: AuthError): ExtendedError {
  const refusal = refusalOf(error.code)
  return Object.assign(new Error(refusal.message), { data: refusal })
}
