/** Socket.IO's packets as the gate sees them, and the two ways to answer one. */

import type { Socket } from 'socket.io'
import { type AuthErrorCode, refusalOf } from '../errors.ts'
import { DENIED, type DeniedNotice } from '../protocol.ts'

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

/**
 * Sends a packet of Portcullis' own: by the method of the socket's class, also where the socket itself is kept from sending
 * (see withhold.ts), and past what recovery would keep of it.
 */
function send(socket: Socket, packet: Packet): void {
  if (socket.connected) (Object.getPrototypeOf(socket) as Receiver).packet.call(socket, packet)
}

/** True for a frame after which Socket.IO's own parser waits for attachments, however long they take. */
export function announcesAttachments(frame: unknown): boolean {
  return typeof frame === 'string' && (frame.startsWith(`${BINARY_EVENT}`) || frame.startsWith(`${BINARY_ACK}`))
}

/** Tells the client something. */
export function notify(socket: Socket, event: string, body: object): void {
  send(socket, { type: EVENT, data: [event, body] })
}

/** The acknowledgement gets `{ error }`; an event without one is answered by `auth:denied`. */
export function refuse(
  { socket }: { readonly socket: Socket },
  packet: Packet,
  event: string,
  code: AuthErrorCode,
): void {
  const refusal = refusalOf(code)
  if (packet.id !== undefined && packet.id !== null) acknowledge(socket, packet.id, { error: refusal })
  else notify(socket, DENIED, { ...refusal, event } satisfies DeniedNotice)
}

/** Answers a packet that asked for an acknowledgement. */
export function acknowledge(socket: Socket, id: number, body: object): void {
  send(socket, { type: ACK, id, data: [body] })
}

/** Longer names are cut where they are told on: a log line must not be as long as a client likes. */
const MAX_NAME_LENGTH = 200

const NOTHING: readonly unknown[] = Object.freeze([])

/** The name of an event and its arguments. Of an event that holds nothing, as Socket.IO's parser reads `2/chat,`, neither. */
export function dataOf({ data }: Packet): readonly unknown[] {
  return Array.isArray(data) ? data : NOTHING
}

/** The event's name as the client sent it, which may be a number, for logs and answers. */
export function eventName(packet: Packet): string {
  return String(dataOf(packet)[0] ?? '').slice(0, MAX_NAME_LENGTH)
}
