/** The namespace CONNECT: who is it here, may it use this namespace, and does its authority still hold right now? */

import type { ExtendedError, Socket } from 'socket.io'
import { type Authenticated, authenticate } from '../core/authenticate.ts'
import type { CompiledPolicy } from '../core/compiled-policy.ts'
import { decide } from '../core/decide.ts'
import type { Identity } from '../core/identity.ts'
import { shorten } from '../core/lease.ts'
import { AuthError, refusalOf } from '../errors.ts'
import { armDeadline, type Connection, closeSoon } from './connection.ts'
import { withDeadline } from './deadline.ts'
import { authenticateHandshake } from './door.ts'
import { asAuthError, decideOptions, endOf, endOfEntry, type Guard } from './guard.ts'
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
    return entry
  }

  function countFailure(connection: Connection, error: AuthError): void {
    connection.failures += 1
    const { address } = connection.admission.handshake.address
    if (error.code !== 'AUTH_RATE_LIMITED') guard.throttle.failed(address).catch(() => {})
    if (connection.failures >= guard.limits.maxConnectFailures) closeSoon(connection)
  }
}

/** The prepended `connect` listener: the last look, before the application's own listener sees the socket. */
export function createAdmitted(guard: Guard, close: (entry: Entry, code: NonNullable<Entry['ended']>) => void) {
  return function admitted(socket: Socket): void {
    const entry = guard.registry.of(socket)
    // Whatever connected without an entry did not pass the gate.
    if (entry === undefined) {
      socket.disconnect(true)
      return
    }
    const { connection } = entry
    const ended = endOfEntry(guard, entry)
    entry.state = 'connected'
    connection.connected += 1
    connection.failures = 0
    connection.cancelDeadline()
    socket.once('disconnect', () => {
      release(guard, entry)
      if (connection.connected === 0) armDeadline(connection, guard.limits, guard.clock)
    })
    if (ended !== null) {
      close(entry, ended)
      return
    }
    if (entry.memberships.length > 0) socket.join([...entry.memberships])
    if (entry.lease.expiresAt !== null) {
      entry.expiring = { expiresAt: entry.lease.expiresAt, expire: () => close(entry, 'AUTH_EXPIRED') }
      guard.leases.add(entry.expiring)
    }
  }
}

/** Lets go of all that is kept for a socket. Safe to call twice. */
export function release(guard: Guard, entry: Entry): void {
  if (entry.state === 'connected') entry.connection.connected -= 1
  entry.state = 'closed'
  entry.backlog = null
  if (entry.expiring !== null) guard.leases.delete(entry.expiring)
  for (const { expiring } of entry.grants.values()) if (expiring !== null) guard.leases.delete(expiring)
  entry.grants.clear()
  guard.registry.forget(entry)
}

/** A credential given for this namespace counts before the one that opened the connection, which may be another's. */
async function authenticateConnect(guard: Guard, socket: Socket, connection: Connection): Promise<Authenticated> {
  const { handshake, authenticated } = connection.admission
  const auth = connectPayload(socket)
  if (auth !== null) {
    const connect = { namespace: socket.nsp.name, auth }
    const given = await withDeadline(
      authenticate(guard.strategies, handshake, connect),
      guard.limits.authenticateTimeoutMs,
      guard.clock,
    )
    if (given !== null) return given
  }
  if (authenticated === null) throw new AuthError('AUTH_CREDENTIAL_MISSING')
  // Long after the handshake, what it found may no longer be so: a session may have been destroyed.
  const ageMs = guard.clock.now() - handshake.issued
  if (ageMs <= guard.limits.connectTimeoutMs) return authenticated
  const again = await authenticateHandshake(guard, handshake)
  if (again === null) throw new AuthError('AUTH_CREDENTIAL_MISSING')
  return again
}

function connectPayload(socket: Socket): Readonly<Record<string, unknown>> | null {
  const { auth } = socket.handshake
  return typeof auth === 'object' && auth !== null && Object.keys(auth).length > 0 ? auth : null
}

async function applyPolicy(guard: Guard, entry: Entry): Promise<void> {
  const { policy, identity, namespace } = entry
  const options = decideOptions(guard)
  if (policy.connect !== null) {
    const { handshake } = entry.connection.admission
    const request = { identity, lease: entry.lease, namespace, handshake }
    const decision = await decide(policy.connect, request, `connect of ${namespace}`, options)
    if (decision.effect === 'deny') throw new AuthError(decision.code, { reason: 'connect_rule' })
    entry.lease = shorten(entry.lease, decision.expiresAt)
  }
  if (policy.memberships !== null) {
    const { memberships } = policy
    const rooms: unknown = await options.deadline(Promise.resolve().then(() => memberships(identity)))
    if (!Array.isArray(rooms) || !rooms.every((room) => typeof room === 'string' && room !== '')) {
      throw new TypeError(`"memberships" of ${namespace} must return an array of room names`)
    }
    entry.memberships = rooms
  }
}

/** Nothing is kept for a client that has gone while its credential was checked. */
function requireOpen(connection: Connection): void {
  if (connection.closed) throw new AuthError('AUTH_UNAVAILABLE', { reason: 'client_gone' })
}

/** An earlier connect that a later middleware of the application refused, or still holds, gives way to the newer one. */
function supersede(guard: Guard, connection: Connection, namespace: string): void {
  for (const entry of connection.entries) {
    if (entry.namespace !== namespace || entry.state !== 'connecting') continue
    entry.ended = 'AUTH_RATE_LIMITED'
    entry.state = 'closed'
    guard.registry.forget(entry)
  }
}

/** What Socket.IO sends as `connect_error`. Clients of Socket.IO 2 see `data` alone, so the message stands there too. */
function connectError(error: AuthError): ExtendedError {
  const refusal = refusalOf(error.code)
  return Object.assign(new Error(refusal.message), { data: refusal })
}
