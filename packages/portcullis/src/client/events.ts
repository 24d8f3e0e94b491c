/** What `withAuth` gives: the helper of one socket, and what it tells of. Types only. */

import type { DeniedNotice, ExpiringNotice, JoinedNotice, LeftNotice, RefreshReply, Refusal } from '../protocol.ts'
import type { ClientAuthState } from './connector.ts'
import type { Requests } from './requests.ts'

/** A refusal of a connection attempt. `cause` is set when it was `credential` that failed, and no server. */
export interface RefusedNotice extends Refusal {
  /** True when another attempt will be made without being asked for. */
  readonly willRetry: boolean
  /** What `credential` threw. */
  readonly cause?: unknown
}

/** The server ended a connection that stood, and said why. */
export interface ClosedNotice extends Refusal {
  /** True when it will connect again without being asked to. */
  readonly willRetry: boolean
}

/**
 * An event was refused on a connection that stands: one of the application's that asked for no acknowledgement, or
 * `auth:refresh` (or the `auth:whoami` before it) of this module. `willRetry` is set for the latter only: with false, the
 * connection goes on until its lease ends. `cause` is set when `credential` failed, or no answer came.
 */
export interface RefusedEventNotice extends DeniedNotice {
  readonly willRetry?: boolean
  readonly cause?: unknown
}

/** What `on` can be told of, by name. */
export interface ClientAuthEvents {
  /** The socket connected. `recovered`: with what it missed, as `connectionStateRecovery` has it. */
  connected: { readonly recovered: boolean }
  /** An attempt to connect was refused. */
  refused: RefusedNotice
  /** The server ended the connection. */
  closed: ClosedNotice
  /** An event, or a refresh, was refused; the connection stands. */
  denied: RefusedEventNotice
  /** The server says that the lease ends soon; a refresh is on its way, unless one was refused for good. */
  expiring: ExpiringNotice
  /** A new credential was accepted. `joined` and `left` are the rooms that came and went by it. */
  refreshed: RefreshReply
  /** Rooms were joined because they follow from the identity now. */
  joined: JoinedNotice
  /** A room was left because its grant ended, it no longer follows from the identity, or it could not be joined again. */
  left: LeftNotice
}

/** The helper of one socket. Made by `withAuth`. */
export interface ClientAuth extends Requests {
  /** What it is doing: `idle`, `connecting`, `connected` or `waiting`. */
  readonly state: ClientAuthState
  /** The returned function takes the listener off again. */
  on<Name extends keyof ClientAuthEvents>(event: Name, fn: (value: ClientAuthEvents[Name]) => void): () => void
  /**
   * Presents a credential on the connection that stands, now: after a login, for example, or when rights changed.
   * `credential` is called with null. While a refresh is under way, it is that one. It happens by itself before the lease
   * ends; a refusal is followed as its `retry` says, whoever asked.
   *
   * @throws AuthRefusal of the server; AUTH_UNAVAILABLE when there is no connection, no credential or no answer in time
   */
  refresh(): Promise<RefreshReply>
  /**
   * Lets go of the socket: no listener and no timer of the helper is left, and `socket.auth` is what it was. A
   * connection that stands is left alone; an attempt under way is given up.
   */
  stop(): void
}
