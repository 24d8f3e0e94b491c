/** Keeping a connected socket that has not yet shown who it is from everything: what others send, and its own events. */

import type { Socket } from 'socket.io'

/** A packet as Socket.IO's parser gives it. */
interface Packet {
  readonly type: number
  readonly id?: number | null
  readonly data?: unknown
}

/** The part of a socket through which Socket.IO delivers packets: `socket.use` would come after `onAny`. */
interface Receiver {
  _onpacket(packet: Packet): void
}

/** EVENT and BINARY_EVENT of the Socket.IO protocol, revision 5. */
const EVENTS = new Set([2, 5])

/**
 * Until the returned function is called, no listener hears an event of this socket but those named in `heard`, and no
 * broadcast, `fetchSockets` or `disconnectSockets` finds it. What the server emits to the socket itself is sent. `answer` is
 * told of each event that is dropped. The rooms that it joins meanwhile count afterwards.
 */
export function silence(
  socket: Socket,
  heard: ReadonlySet<string>,
  answer: (event: string, packet: Packet) => void = () => {},
): () => void {
  const { nsp } = socket
  const receiver = socket as unknown as Receiver
  const deliver = receiver._onpacket
  receiver._onpacket = (packet) => {
    const name = EVENTS.has(packet.type) && Array.isArray(packet.data) ? packet.data[0] : null
    if (name === null || heard.has(name as string)) deliver.call(receiver, packet)
    else answer(String(name), packet)
  }
  nsp.sockets.delete(socket.id)
  return function speak() {
    receiver._onpacket = deliver
    if (socket.connected && nsp.server._nsps.get(nsp.name) === nsp) nsp.sockets.set(socket.id, socket)
  }
}
