/** The namespace CONNECT: who is it here, may it use this namespace, and does its authority still hold right now? */

import type { ExtendedError, Socket } from 'socket.io'
import type { CompiledPolicy } from '../core/compiled-policy.ts'
import type { Identity } from '../core/identity.ts'
import { AuthError, refusalOf } from '../errors.ts'
import { authorize } from './authorize.ts'
import { authenticateConnect } from './connect-credential.ts'
import { type Connection, countFailure, without } from './connection.ts'
import type { Deferral } from './deferral.ts'
import { asAuthError, type Guard, isReloaded } from './guard.ts'
import type { Recovery } from './recovery.ts'
import type { Entry } from './registry.ts'

export interface ConnectGateOptions {
  readonly connectionOf: (socket: Socket) => Connection | undefined
  /** Installs what guards the socket's packets; called before the socket can receive any. */
  readonly install: (entry: Entry) => void
  /** Where sockets wait that presented nothing yet; null when they are refused. */
  readonly deferral: Deferral | null
  /** What gives a socket back what it was; null where connections are not recovered. */
  readonly recovery: Pick<Recovery, 'recover'> | null
}

/** A middleware for every namespace of a server, with a policy or without. Calls `next` exactly once, and never throws. */
export function createConnectGate(guard: Guard, options: ConnectGateOptions) {
  const { deferral } = options

  return function connectGate(socket: Socket, next: (error?: ExtendedError) => void): void {
    // A child of a dynamic namespace inherits this gate from its parent and gets it once more.
    if (guard.registry.of(socket) !== undefined || deferral?.holds(socket)) {
      next()
      return
    }
    const startedMs = performance.now()
    const connection = options.connectionOf(socket)
    let identity: Identity | null = null
    const settle = (error: AuthError | null): void => {
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
          handshake: connection?.admission.handshake,
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
      settle(new AuthError('AUTH_ERROR', { reason: 'door_bypassed' }))
      return
    }
    const policy = guard.policyOf(socket.nsp)
    const identified = (who: Identity): void => {
      identity = who
    }
    admit(socket, connection, policy, identified).then(
      () => settle(null),
      (cause) => {
        const error = asAuthError(cause, `connect to ${socket.nsp.name}`, guard.onError)
        if (policy && error.code === 'AUTH_CREDENTIAL_MISSING' && deferral?.hold({ socket, connection, next })) {
          return
        }
        settle(error)
        if (!isUnasked(socket, policy, error)) countFailure(connection, error, guard)
      },
    )
  }

  /** `identified` hears who it is as soon as that is known, admitted or not. */
  async function admit(
    socket: Socket,
    connection: Connection,
    policy: CompiledPolicy | undefined,
    identified: (identity: Identity) => void,
  ): Promise<Entry> {
    const namespace = socket.nsp.name
    if (policy === undefined) throw new AuthError('AUTH_FORBIDDEN', { reason: 'no_policy' })
    if (connection.connecting.includes(namespace) || connection.deferred.includes(namespace))
      throw new AuthError('AUTH_RATE_LIMITED', { reason: 'connect_pending' })
    if (
      connection.connecting.length + connection.connected + connection.deferred.length >=
      guard.limits.maxNamespaces
    ) {
      throw new AuthError('AUTH_RATE_LIMITED', { reason: 'namespaces' })
    }
    connection.connecting = [...connection.connecting, namespace]
    try {
      await guard.ready()
      await guard.throttle.check(connection.admission.handshake.address.address)
      const { install, recovery } = options
      const recover = recovery === null ? {} : { recover: recovery.recover }
      for (;;) {
        const authenticated = await authenticateConnect(guard, socket, connection)
        identified(authenticated.authentication.identity)
        try {
          return await authorize(guard, { socket, connection, authenticated, install, ...recover })
        } catch (error) {
          // Its strategy was replaced meanwhile: the one in its place is asked. What has become a former socket stays that one.
          if (!isReloaded(error) || socket.recovered) throw error
        }
      }
    } finally {
      connection.connecting = without(connection.connecting, namespace)
    }
  }
}

/**
 * Socket.IO joins clients of protocol 3 to "/" by itself, also those that only want another namespace: where that shows no
 * credential, and nobody asked, nobody has failed.
 */
function isUnasked({ conn, nsp, handshake }: Socket, policy: CompiledPolicy | undefined, { code }: AuthError): boolean {
  const joined = conn.protocol === 3 && nsp.name === '/' && Object.keys(handshake.auth).length === 0
  return joined && (policy === undefined || code === 'AUTH_CREDENTIAL_MISSING')
}

/** What Socket.IO sends as `connect_error`. Clients of Socket.IO 2 see `data` alone, so the message stands there too. */
function connectError(error: AuthError): ExtendedError {
  const refusal = refusalOf(error.code)
  return Object.assign(new Error(refusal.message), { data: refusal })
}
