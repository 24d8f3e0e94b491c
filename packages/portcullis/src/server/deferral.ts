/** Sockets that connect with nothing: connected to the client, absent to everyone else until they present a credential. */

import type { Namespace, Socket } from 'socket.io'
import { authenticate } from '../core/authenticate.ts'
import type { Identity } from '../core/identity.ts'
import { AuthError, type AuthErrorCode, refusalOf } from '../errors.ts'
import { CLOSED, REFRESH, type RefreshReply } from '../protocol.ts'
import { abandon, authorize, isInForce } from './authorize.ts'
import { requireAuthSize } from './connect-credential.ts'
import { armDeadline, type Connection, countFailure, isIdle, without } from './connection.ts'
import { withDeadline } from './deadline.ts'
import { asAuthError, endOfEntry, type Guard } from './guard.ts'
import { hide, show } from './hidden.ts'
import { acknowledge, BINARY_EVENT, dataOf, EVENT, eventName, type Packet, type Receiver, refuse } from './packet.ts'
import type { Entry } from './registry.ts'

/** A socket at the connect gate that presented nothing. `next` goes on to the application's own middlewares. */
export interface Deferred {
  readonly socket: Socket
  readonly connection: Connection
  readonly next: () => void
}

export interface Deferral {
  /** Puts itself between a namespace and its `connect` and `connection` listeners. @throws TypeError */
  watch(namespace: Namespace): void
  /** Takes the socket in; false when its connection has had its time. */
  hold(deferred: Deferred): boolean
  holds(socket: Socket): boolean
}

interface Held extends Deferred {
  /** When the application's middlewares are done with a socket that has presented its credential. */
  resume: ((refused?: unknown) => void) | null
  refreshing: boolean
  /** Events that it has sent: where another namespace has admitted the connection, nobody else counts them. */
  events: number
  cancelTimer: () => void
  /** Gives the socket its own way of receiving packets back. */
  restore: () => void
}

/** The part of a namespace through which Socket.IO connects sockets. */
interface Connecting {
  run(socket: Socket, done: (error?: unknown) => void): void
  emitReserved(event: string, ...args: unknown[]): unknown
}

/** How much longer than a waiting socket its connection may last, so that the reason is sent first. */
const LAST_WORD_MS = 1_000

/** `install` puts the event gate on a socket, once it has shown who it is. */
export function createDeferral(guard: Guard, deferMs: number, install: (entry: Entry) => void): Deferral {
  const held = new WeakMap<Socket, Held>()
  /** What Socket.IO does when all middlewares have let a socket pass. */
  const connects = new WeakMap<Socket, (error?: unknown) => void>()

  /** Socket.IO has connected it, and told the client so. From here on it is hidden. */
  function withdraw(waiting: Held): void {
    const { socket, connection } = waiting
    // In neither of them, no broadcast and no `fetchSockets` finds it.
    hide(socket)
    socket.nsp.adapter.delAll(socket.id)
    const receiver = socket as unknown as Receiver
    const deliver = receiver._onpacket
    receiver._onpacket = (packet) => receive(waiting, packet, (other) => deliver.call(receiver, other))
    waiting.restore = () => {
      receiver._onpacket = deliver
    }
    const leftMs = Math.max(0, (connection.deferredSince ?? 0) + deferMs - guard.clock.now())
    waiting.cancelTimer = guard.clock.setTimer(() => end(waiting, 'AUTH_CREDENTIAL_MISSING'), leftMs)
    if (connection.connected === 0) armDeadline(connection, guard.limits, guard.clock, leftMs + LAST_WORD_MS)
    socket.once('disconnect', () => {
      if (letGo(waiting) && isIdle(connection)) armDeadline(connection, guard.limits, guard.clock)
    })
  }

  function letGo(waiting: Held): boolean {
    if (!held.delete(waiting.socket)) return false
    waiting.cancelTimer()
    waiting.connection.deferred = without(waiting.connection.deferred, waiting.socket.nsp.name)
    return true
  }

  function end(waiting: Held, code: AuthErrorCode): void {
    const { socket, connection } = waiting
    if (!letGo(waiting)) return
    socket.emit(CLOSED, refusalOf(code))
    socket.disconnect()
    if (isIdle(connection)) connection.engineSocket.close()
  }

  function receive(waiting: Held, packet: Packet, deliver: (packet: Packet) => void): void {
    if (packet.type !== EVENT && packet.type !== BINARY_EVENT) {
      deliver(packet)
      return
    }
    waiting.events += 1
    const [event, auth] = dataOf(packet)
    if (waiting.events > guard.limits.maxPacketsBeforeConnect) {
      end(waiting, 'AUTH_RATE_LIMITED')
    } else if (packet.type !== EVENT || event !== REFRESH) {
      refuse(waiting, packet, eventName(packet), 'AUTH_CREDENTIAL_MISSING')
    } else if (waiting.refreshing) {
      refuse(waiting, packet, REFRESH, 'AUTH_RATE_LIMITED')
    } else {
      refresh(waiting, packet, auth)
    }
  }

  function refresh(waiting: Held, packet: Packet, auth: unknown): void {
    const startedMs = performance.now()
    waiting.refreshing = true
    let identity: Identity | null = null
    const identified = (who: Identity): void => {
      identity = who
    }
    present(waiting, auth, identified).then(
      (entry) => {
        waiting.resume = (refused) => conclude(waiting, entry, packet, refused, startedMs)
        process.nextTick(waiting.next)
      },
      (cause) => {
        const error = asAuthError(cause, `refresh in ${waiting.socket.nsp.name}`, guard.onError)
        waiting.refreshing = false
        record(waiting, REFRESH_STAGE, identity, startedMs, error.code, error.reason)
        refuse(waiting, packet, REFRESH, error.code)
        countFailure(waiting.connection, error, guard)
      },
    )
  }

  /** `identified` hears who it is as soon as that is known, admitted or not. */
  async function present(
    { socket, connection }: Held,
    auth: unknown,
    identified: (identity: Identity) => void,
  ): Promise<Entry> {
    if (typeof auth !== 'object' || auth === null || Array.isArray(auth)) throw new AuthError('AUTH_ARGUMENTS_INVALID')
    requireAuthSize(auth)
    const { handshake } = connection.admission
    await guard.ready()
    await guard.throttle.check(handshake.address.address)
    const connect = { namespace: socket.nsp.name, auth: auth as Readonly<Record<string, unknown>> }
    const authenticated = await withDeadline(
      authenticate(guard.strategies, handshake, connect),
      guard.limits.authenticateTimeoutMs,
      guard.clock,
    )
    if (authenticated === null) throw new AuthError('AUTH_CREDENTIAL_MISSING')
    identified(authenticated.authentication.identity)
    // The gate for its events comes last: until the application's middlewares are done, it still can do nothing.
    return authorize(guard, { socket, connection, authenticated, install: () => {} })
  }

  /** The last look: nothing may come between it and the socket's first listener. */
  function conclude(waiting: Held, entry: Entry, packet: Packet, refused: unknown, startedMs: number): void {
    const code = codeAgainst(waiting, entry, refused)
    record(waiting, REFRESH_STAGE, entry.identity, startedMs, code)
    if (code !== null) {
      abandon(guard, entry)
      refuse(waiting, packet, REFRESH, code)
      end(waiting, code)
      return
    }
    const { socket } = waiting
    letGo(waiting)
    waiting.restore()
    install(entry)
    show(socket)
    socket.join(socket.id)
    const { expiresAt } = entry.lease
    const reply: RefreshReply = { expiresAt, joined: [...new Set(entry.memberships)], left: [] }
    if (packet.id !== undefined && packet.id !== null) acknowledge(socket, packet.id, reply)
    const namespace = socket.nsp as unknown as Connecting
    namespace.emitReserved('connect', socket)
    namespace.emitReserved('connection', socket)
  }

  function codeAgainst({ socket }: Held, entry: Entry, refused: unknown): AuthErrorCode | null {
    if (refused) return 'AUTH_FORBIDDEN'
    // The application may have taken a dynamic namespace down.
    const gone = !held.has(socket) || socket.nsp.server._nsps.get(socket.nsp.name) !== socket.nsp
    return gone || !isInForce(guard, entry) ? 'AUTH_UNAVAILABLE' : endOfEntry(guard, entry)
  }

  function record(
    { socket, connection }: Deferred,
    { stage, rule }: typeof REFRESH_STAGE | typeof DEFER_STAGE,
    identity: Identity | null,
    startedMs: number,
    code: AuthErrorCode | null,
    reason?: string,
  ): void {
    if (!guard.audit.enabled) return
    guard.audit.record({
      stage,
      namespace: socket.nsp.name,
      socketId: socket.id,
      address: connection.admission.handshake.address.address,
      identity,
      handshake: connection.admission.handshake,
      code,
      rule,
      ...(reason === undefined ? {} : { reason }),
      startedMs,
    })
  }

  return {
    watch(namespace) {
      const target = namespace as unknown as Connecting
      const { run, emitReserved } = target
      if (typeof run !== 'function' || typeof emitReserved !== 'function') {
        throw new TypeError('"deferMs": this version of Socket.IO connects sockets in a way that cannot be deferred')
      }
      target.run = (socket, done) => {
        connects.set(socket, done)
        run.call(target, socket, (error) => {
          const resume = held.get(socket)?.resume
          if (resume) resume(error)
          else done(error)
        })
      }
      target.emitReserved = (event, ...args) => {
        const waiting = event === 'connect' || event === 'connection' ? held.get(args[0] as Socket) : undefined
        if (waiting === undefined) return emitReserved.call(target, event, ...args)
        if (event === 'connect') withdraw(waiting)
        return false
      }
    },
    hold(deferred) {
      const { socket, connection } = deferred
      const connect = connects.get(socket)
      const now = guard.clock.now()
      connection.deferredSince ??= now
      if (connect === undefined || now >= connection.deferredSince + deferMs) return false
      connection.deferred = [...connection.deferred, socket.nsp.name]
      held.set(socket, {
        ...deferred,
        resume: null,
        refreshing: false,
        events: 0,
        cancelTimer: () => {},
        restore: () => {},
      })
      record(deferred, DEFER_STAGE, null, performance.now(), null)
      process.nextTick(connect)
      return true
    },
    holds: (socket) => held.has(socket),
  }
}

const REFRESH_STAGE = { stage: 'refresh', rule: 'refresh' } as const
const DEFER_STAGE = { stage: 'connect', rule: 'defer' } as const
