/** Taking a connected socket out of everybody's sight, and bringing it back. */

import type { Namespace, Socket } from 'socket.io'
import { ACK, BINARY_ACK, BINARY_EVENT, EVENT, type Packet } from './packet.ts'

/** The part of a socket that sends its packets. */
interface Sender {
  packet(packet: Packet, options?: unknown): void
}

/** The part of a namespace that lets go of a socket. */
interface Remover {
  _remove(socket: Socket): void
}

/** Packets that carry what the application says. */
const SPEECH = new Set([EVENT, ACK, BINARY_EVENT, BINARY_ACK])

/** How a muted socket sent before, where that was watched. */
const watched = new WeakMap<Socket, Sender['packet']>()

/** What watches, by what is looked at and by how it is sent: all sockets of a server have the same. */
const watching = new WeakMap<() => void, WeakMap<Sender['packet'], Sender['packet']>>()

/** The hidden sockets of dynamic namespaces. */
const hiddenIn = new WeakMap<Namespace, Set<Socket>>()

/**
 * Without its place in the namespace no broadcast, `fetchSockets` or `disconnectSockets` finds it, on whatever adapter. Its rooms
 * stay.
 */
export function hide(socket: Socket): void {
  const { nsp } = socket
  keepNamespace(nsp)
  hiddenIn.get(nsp)?.add(socket)
  nsp.sockets.delete(socket.id)
}

/** Gives a hidden socket that is still connected its place again. False when its namespace is gone. */
export function show(socket: Socket): boolean {
  const { nsp } = socket
  hiddenIn.get(nsp)?.delete(socket)
  if (nsp.server._nsps.get(nsp.name) !== nsp) return false
  nsp.sockets.set(socket.id, socket)
  return true
}

/** From now on, what the application says to this socket is dropped; Socket.IO's own packets are not. */
export function mute(socket: Socket): void {
  const sender = socket as unknown as Sender
  if (sender.packet === withoutSpeech) return
  if (Object.hasOwn(sender, 'packet')) watched.set(socket, sender.packet)
  sender.packet = withoutSpeech
}

export function unmute(socket: Socket): void {
  const sender = socket as unknown as Partial<Sender>
  const before = watched.get(socket)
  if (before === undefined) delete sender.packet
  else sender.packet = before
}

/**
 * From now on `look` is called before anything that the application says to this socket alone; it may mute it. After a pause of
 * the process, such a thing may be said before the timer that would have muted it.
 */
export function watchSpeech(socket: Socket, look: () => void): void {
  const sender = socket as unknown as Sender
  const { packet: send } = sender
  const bySend = watching.get(look) ?? new WeakMap<Sender['packet'], Sender['packet']>()
  watching.set(look, bySend)
  const watched = bySend.get(send) ?? lookFirst(look, send)
  bySend.set(send, watched)
  sender.packet = watched
}

function lookFirst(look: () => void, send: Sender['packet']): Sender['packet'] {
  return function packet(this: Sender, said, options) {
    if (SPEECH.has(said.type)) look()
    const say = this.packet === withoutSpeech ? withoutSpeech : send
    say.call(this, said, options)
  }
}

function withoutSpeech(this: Sender, packet: Packet, options?: unknown): void {
  if (!SPEECH.has(packet.type)) (Object.getPrototypeOf(this) as Sender).packet.call(this, packet, options)
}

/** Socket.IO takes a dynamic namespace down, by its name, with the last socket in it: hidden ones have to count. */
function keepNamespace(nsp: Namespace): void {
  const remover = nsp as unknown as Remover
  // Only dynamic ones have a method of their own for that.
  if (hiddenIn.has(nsp) || !Object.hasOwn(remover, '_remove')) return
  const hidden = new Set<Socket>()
  hiddenIn.set(nsp, hidden)
  const takeDown = remover._remove
  remover._remove = (socket) => {
    hidden.delete(socket)
    if (hidden.size === 0) takeDown.call(remover, socket)
    else (Object.getPrototypeOf(remover) as Remover)._remove.call(remover, socket)
  }
}
