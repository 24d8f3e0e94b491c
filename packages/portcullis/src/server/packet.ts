/** Socket.IO's packets as the gate sees them, and the two ways to answer one. */

import type { Socket } from 'socket.io'
import { type AuthErrorCode, refusalOf } from '../errors.ts'
import { DENIED, type DeniedNotice } from '../protocol.ts'
import type { Entry } from './registry.ts'

/** A packet as Socket.IO's parser gives it, whichever parser that is. */
export interface Packet {
  readonly type: number
  readonly id?: number | null
  data?: unknown
}

/** The part of a socket through which Socket.IO delivers packets; see docs/decisions for why this one and not `use`. */
export interface Receiver {
  _onpacket(packet: Packet): void
  packet(packet: Packet): void
}

/** Packet types of the Socket.IO protocol, revision 5. */
export const EVENT = 2
export const ACK = 3
export const BINARY_EVENT = 5
export const BINARY_ACK = 6

/** The acknowledgement gets `{ error }`; an event without one is answered by `auth:denied`. */
export function refuse({ socket }: Pick<Entry, 'socket'>, packet: Packet, event: string, code: AuthErrorCode): void {
  if (!socket.connected) return
  const refusal = refusalOf(code)
  if (packet.id !== undefined && packet.id !== null) acknowledge(socket, packet.id, { error: refusal })
  else socket.emit(DENIED, { ...refusal, event } satisfies DeniedNotice)
}

/** Answers a packet that asked for an acknowledgement. */
export function acknowledge(socket: Socket, id: number, body: object): void {
  if (socket.connected) (socket as unknown as Receiver).packet({ type: ACK, id, data: [body] })
}

/** Longer names are cut where they are told on: a log line must not be as long as a client likes. */
const MAX_NAME_LENGTH = 200

/** The event's name as the client sent it, which may be a number, for logs and answers. */
export function eventName(packet: Packet): string {
  return String((packet.data as unknown[])[0]).slice(0, MAX_NAME_LENGTH)
}
