/** Who is in which room of this node, by identity, as the adapters tell. */

import type { Namespace, Server, Socket } from 'socket.io'
import type { PresenceSlot } from './store.ts'

/** A principal in a room of this node. */
export interface LocalMember extends PresenceSlot {
  readonly scheme: string
  /** Epoch seconds. */
  since: number
  /** By id. Empty when the last one has left. */
  readonly sockets: Set<string>
  /** Everybody has been told that it is there. */
  announced: boolean
  /** The store has forgotten it since. */
  lost: boolean
}

export interface LocalMembers {
  all(): Iterable<LocalMember>
  /** Forgets a member without sockets. */
  forget(member: LocalMember): void
  /** Asks of every room again whether its members are kept. */
  rescan(): void
  close(): void
}

export interface LocalMembersOptions {
  readonly io: Server
  readonly isPresenceRoom: (namespace: string, room: string) => boolean
  /** A socket has been added to a member, or taken from it. */
  readonly changed: (member: LocalMember) => void
  /** A socket has left a room, whatever room that is. */
  readonly left: (namespace: Namespace, room: string, id: string) => void
}

/** The part of a socket's data that Portcullis sets. */
interface Principal {
  readonly issuer: string
  readonly subject: string
  readonly scheme: string
}

/**
 * Rooms are watched by the adapters' own events, which come for joins of every kind, and are not sent for a socket that is only withheld. A refresh
 * cannot change the principal.
 */
export function watchLocalMembers({ io, isPresenceRoom, changed, left }: LocalMembersOptions): LocalMembers {
  const members = new Map<string, LocalMember>()
  const attached = new Map<Namespace, { readonly detach: () => void; readonly rescan: () => void }>()

  function attach(namespace: Namespace): void {
    letGo()
    const { adapter, name } = namespace
    /** By socket, then by room. */
    const held = new Map<string, Map<string, LocalMember>>()
    /** Those who have connected: a hidden one is not in the namespace. */
    const principals = new Map<string, Principal>()

    const onJoin = (room: string, id: string) => {
      if (room === id || !isPresenceRoom(name, room) || held.get(id)?.has(room)) return
      const principal = principals.get(id) ?? principalOf(namespace.sockets.get(id))
      // It has not connected yet, and is looked at again when it has.
      if (principal === null) return
      const member = memberOf({ namespace: name, room, ...principal })
      if (member.sockets.size === 0) member.since = Math.floor(Date.now() / 1000)
      member.sockets.add(id)
      held.set(id, (held.get(id) ?? new Map<string, LocalMember>()).set(room, member))
      changed(member)
    }
    const onLeave = (room: string, id: string) => {
      left(namespace, room, id)
      if (room === id) principals.delete(id)
      letGoOf(room, id)
    }
    const letGoOf = (room: string, id: string) => {
      const rooms = held.get(id)
      const member = rooms?.get(room)
      if (rooms === undefined || member === undefined) return
      rooms.delete(room)
      if (rooms.size === 0) held.delete(id)
      member.sockets.delete(id)
      changed(member)
    }
    const onConnection = (socket: Socket) => {
      const principal = principalOf(socket)
      // A listener before this one may have disconnected it.
      if (principal === null || !adapter.sids.has(socket.id)) return
      principals.set(socket.id, principal)
      for (const room of socket.rooms) onJoin(room, socket.id)
    }

    adapter.on('join-room', onJoin)
    adapter.on('leave-room', onLeave)
    namespace.on('connection', onConnection)
    for (const socket of namespace.sockets.values()) onConnection(socket)
    attached.set(namespace, {
      detach() {
        adapter.off('join-room', onJoin)
        adapter.off('leave-room', onLeave)
        namespace.off('connection', onConnection)
      },
      rescan() {
        for (const [id, rooms] of held) {
          for (const room of rooms.keys()) if (!isPresenceRoom(name, room)) letGoOf(room, id)
        }
        for (const id of principals.keys()) for (const room of adapter.sids.get(id) ?? []) onJoin(room, id)
      },
    })
  }

  /** Of dynamic namespaces that Socket.IO has taken down, once they are the most. */
  function letGo(): void {
    if (attached.size <= 2 * io._nsps.size + 16) return
    for (const namespace of attached.keys()) {
      if (io._nsps.get(namespace.name) !== namespace) attached.delete(namespace)
    }
  }

  function memberOf(slot: PresenceSlot & { readonly scheme: string }): LocalMember {
    const key = keyOf(slot)
    const member = members.get(key) ?? { ...slot, since: 0, sockets: new Set(), announced: false, lost: false }
    members.set(key, member)
    return member
  }

  for (const namespace of io._nsps.values()) attach(namespace)
  io.on('new_namespace', attach)

  return {
    all: () => members.values(),
    forget(member) {
      if (member.sockets.size === 0) members.delete(keyOf(member))
    },
    rescan() {
      for (const { rescan } of attached.values()) rescan()
    },
    close() {
      io.off('new_namespace', attach)
      for (const { detach } of attached.values()) detach()
      attached.clear()
    },
  }
}

/** Null for a socket that Portcullis has not admitted. */
export function principalOf(socket: Socket | undefined): Principal | null {
  const identity: unknown = (socket?.data as { identity?: unknown } | undefined)?.identity
  if (typeof identity !== 'object' || identity === null) return null
  const { issuer, subject, scheme } = identity as { issuer?: unknown; subject?: unknown; scheme?: unknown }
  if (typeof issuer !== 'string' || typeof subject !== 'string') return null
  return { issuer, subject, scheme: typeof scheme === 'string' ? scheme : '' }
}

function keyOf({ namespace, room, issuer, subject }: PresenceSlot): string {
  return JSON.stringify([namespace, room, issuer, subject])
}
