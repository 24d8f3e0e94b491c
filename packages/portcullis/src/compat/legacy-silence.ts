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

/** Who keeps a socket silent: there may be several facades on one server. */
interface Silencer {
  readonly heard: ReadonlySet<string>
  readonly answer: (event: string, packet: Packet) => void
}

const silencers = new WeakMap<Socket, Set<Silencer>>()

/**
 * Until the returned function is called, no listener hears an event of this socket but those named in `heard`, and no
 * broadcast, `fetchSockets` or `disconnectSockets` finds it. What the server emits to the socket itself is sent. `answer` is
 * told of each event that is dropped. The rooms that it joins meanwhile count afterwards. A socket that was silenced several
 * times is heard when all have called.
 */
export function silence(
  socket: Socket,
  heard: ReadonlySet<string>,
  answer: (event: string, packet: Packet) => void = () => {},
): () => void {
  const own: Silencer = { heard, answer }
  const all = silencers.get(socket)
  if (all === undefined) silencers.set(socket, muted(socket, own))
  else all.add(own)
  return function speak() {
    const left = silencers.get(socket)
    left?.delete(own)
    if (left?.size !== 0) return
    silencers.delete(socket)
    const { nsp } = socket
    if (socket.connected && nsp.server._nsps.get(nsp.name) === nsp) nsp.sockets.set(socket.id, socket)
  }
}

/** With none left, every packet passes. */
function muted(socket: Socket, first: Silencer): Set<Silencer> {
  const all = new Set([first])
  const receiver = socket as unknown as Receiver
  const deliver = receiver._onpacket
  receiver._onpacket = function silenced(packet) {
    const name = EVENTS.has(packet.type) && Array.isArray(packet.data) ? packet.data[0] : null
    // What one of them waits for is no secret to the others.
    const passes = all.size === 0 || name === null || [...all].some(({ heard }) => heard.has(name as string))
    if (passes) deliver.call(receiver, packet)
    else for (const { answer } of [...all]) answer(String(name), packet)
  }
  socket.nsp.sockets.delete(socket.id)
  return all
}
