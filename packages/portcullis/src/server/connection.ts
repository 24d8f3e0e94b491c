/** What is known of one Engine.IO connection: how it was admitted, and what it has tried since. */

import type { Authenticated } from '../core/authenticate.ts'
import type { Clock } from '../core/clock.ts'
import type { Handshake } from '../core/handshake.ts'
import type { AuthError } from '../errors.ts'
import { cut } from './cut.ts'
import type { Limits } from './limits.ts'
import type { RequestOrigin } from './origin.ts'
import { announcesAttachments } from './packet.ts'
import type { Throttle } from './throttle.ts'

/** The part of an Engine.IO socket that is used. */
export interface EngineSocket {
  readonly id: string
  request: object
  readonly readyState: string
  /** Once what has been written is flushed; with `discard`, at once. */
  close(discard?: boolean): unknown
  on(event: 'close', listener: (this: EngineSocket) => void): unknown
  on(event: 'data', listener: (frame: unknown) => void): unknown
  once(event: 'close', listener: () => void): unknown
  off(event: 'data', listener: (frame: unknown) => void): unknown
}

/** What the door found out about the request that opened the connection. */
export interface Admission {
  readonly handshake: Handshake
  /** What the request proves under the origins in force at the moment. */
  readonly origin: RequestOrigin
  /** Whether a cookie on a request that is marked cross-site is refused. */
  readonly strict: boolean
  /** Null when the request carried no credential: each namespace then asks for one. */
  readonly authenticated: Authenticated | null
  /** Digest of the credential that was accepted; later requests of the connection must carry the same. */
  readonly pin: string | null
}

export interface Connection {
  readonly engineSocket: EngineSocket
  readonly admission: Admission
  /** Namespaces whose connect is being decided. */
  connecting: readonly string[]
  connected: number
  /** Namespaces with a socket that connected with nothing and has not presented a credential yet. */
  deferred: readonly string[]
  /** When the first of them began to wait, epoch milliseconds. */
  deferredSince: number | null
  closed: boolean
  failures: number
  cancelDeadline: () => void
}

export function createConnection(engineSocket: EngineSocket, admission: Admission): Connection {
  return {
    engineSocket,
    admission,
    connecting: NONE,
    connected: 0,
    deferred: NONE,
    deferredSince: null,
    closed: false,
    failures: 0,
    cancelDeadline: nothing,
  }
}

/** Every idle connection has this one: a collection of its own, empty, would be the largest thing kept for it. */
const NONE: readonly string[] = Object.freeze([])

function nothing(): void {}

/** The names without one of them. */
export function without(names: readonly string[], name: string): readonly string[] {
  const others = names.filter((other) => other !== name)
  return others.length === 0 ? NONE : others
}

/** True when no namespace has a socket of it, admitted or waiting. */
export function isIdle({ connected, deferred, closed }: Connection): boolean {
  return connected === 0 && deferred.length === 0 && !closed
}

/** A connection that no namespace has admitted is closed when its time is up, or when it has sent too much. */
export function armDeadline(
  connection: Connection,
  limits: Limits,
  clock: Clock,
  timeoutMs = limits.connectTimeoutMs,
): void {
  connection.cancelDeadline()
  const { engineSocket } = connection
  let packets = 0
  const count = (frame: unknown) => {
    packets += 1
    const tooMany = packets > limits.maxPacketsBeforeConnect
    // Nothing that comes in parts is needed before a connect: its parts would be waited for.
    if (tooMany || (connection.deferred.length === 0 && announcesAttachments(frame))) engineSocket.close()
  }
  engineSocket.on('data', count)
  const cancelTimer = clock.setTimer(() => cut(engineSocket), timeoutMs)
  connection.cancelDeadline = () => {
    cancelTimer()
    engineSocket.off('data', count)
    connection.cancelDeadline = nothing
  }
}

/** What stands in the place of a request: as much as Socket.IO reads when the client connects to another namespace. */
function discarded(encrypted: boolean): object {
  const empty = Object.freeze({})
  return Object.freeze({ headers: empty, url: '', _query: empty, connection: Object.freeze({ encrypted }) })
}

const PLAIN = discarded(false)
const ENCRYPTED = discarded(true)

/** Engine.IO keeps the request that opened a connection for as long as it stands, and never reads it again. */
export function discardRequest({ engineSocket, admission }: Connection): void {
  engineSocket.request = admission.handshake.secure ? ENCRYPTED : PLAIN
}

/** Closes once what has been written is flushed, so that a refusal just sent still arrives. */
export function closeSoon(connection: Connection): void {
  // Socket.IO writes a refused connect on the next tick; closing has to come after that.
  setImmediate(() => connection.engineSocket.close())
}

/** What was refused counts against the connection and its address; too much of it ends the connection. */
export function countFailure(
  connection: Connection,
  error: AuthError,
  { limits, throttle }: { readonly limits: Limits; readonly throttle: Throttle },
): void {
  connection.failures += 1
  if (error.code !== 'AUTH_RATE_LIMITED')
    throttle.failed(connection.admission.handshake.address.address).catch(() => {})
  if (connection.failures >= limits.maxConnectFailures) closeSoon(connection)
}
