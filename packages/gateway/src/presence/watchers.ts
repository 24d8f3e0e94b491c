/** The sockets that are told who comes and goes: each is in a room beside the one that it watches. */

import type { Identity } from 'portcullis'
import type { Namespace, Server, Socket } from 'socket.io'
import { principalOf } from './local-members.ts'
import type { PresenceChange } from './store.ts'

/** The bar is not among the characters of rooms that a client may ask for. */
const PREFIX = 'presence|'

export function isWatchRoom(room: string): boolean {
  return room.startsWith(PREFIX)
}

interface Readers {
  readonly io: Server
  readonly isPresenceRoom: (namespace: string, room: string) => boolean
  readonly mayRead: (identity: Identity, namespace: string, room: string) => boolean | Promise<boolean>
}

export function createWatchers({ io, isPresenceRoom, mayRead }: Readers) {
  async function reads(identity: Identity, namespace: string, room: string): Promise<boolean> {
    return isPresenceRoom(namespace, room) && (await mayRead(identity, namespace, room)) === true
  }

  return {
    public: {
      mayRead: reads,
      async watch(socket: Socket, room: string): Promise<boolean> {
        if (principalOf(socket) === null || !socket.rooms.has(room)) return false
        const { identity } = socket.data as { identity: Identity }
        if (!(await reads(identity, socket.nsp.name, room))) return false
        // It may have left, or gone, while that was found out.
        if (!socket.rooms.has(room)) return false
        await socket.join(PREFIX + room)
        return true
      },
      unwatch(socket: Socket, room: string): void {
        socket.leave(PREFIX + room)
      },
    },
    /** Whoever leaves a room does not watch it any more. */
    left({ adapter }: Namespace, room: string, id: string): void {
      if (adapter.sids.get(id)?.has(PREFIX + room)) adapter.del(id, PREFIX + room)
    },
    /** To this node's sockets: the others hear of it by themselves. */
    tell({ kind, namespace, room, issuer, subject, scheme, at }: PresenceChange): void {
      const there = io._nsps.get(namespace)
      there?.local.to(PREFIX + room).emit(`presence:${kind}`, { room, issuer, subject, scheme, at })
    },
  }
}
