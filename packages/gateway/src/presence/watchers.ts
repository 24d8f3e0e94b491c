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
  readonly onError: (error: Error) => void
}

/** As whom a socket was allowed to watch, and by which rules. */
interface Watch {
  readonly identity: Identity
  readonly rules: number
  /** Set while it is asked anew: whether it may go on. */
  asking: Promise<boolean> | null
}

export function createWatchers({ io, isPresenceRoom, mayRead, onError }: Readers) {
  const watches = new WeakMap<Socket, Map<string, Watch>>()
  /** Counts how often the rules have changed. */
  let rules = 0

  async function reads(identity: Identity, namespace: string, room: string): Promise<boolean> {
    return isPresenceRoom(namespace, room) && (await mayRead(identity, namespace, room)) === true
  }

  function identityOf(socket: Socket): Identity {
    return (socket.data as { identity: Identity }).identity
  }

  function keep(socket: Socket, room: string, watch: Omit<Watch, 'asking'>): void {
    const rooms = watches.get(socket) ?? new Map<string, Watch>()
    watches.set(socket, rooms.set(room, { ...watch, asking: null }))
  }

  function unwatch(socket: Socket, room: string): void {
    watches.get(socket)?.delete(room)
    socket.leave(PREFIX + room)
  }

  /** After a refresh, a reload, or a recovery, which puts sockets back into rooms. */
  function isStale(socket: Socket, room: string): boolean {
    const watch = watches.get(socket)?.get(room)
    return watch === undefined || watch.rules !== rules || watch.identity !== identityOf(socket)
  }

  /** Whether it still may. Who was allowed stays so while that cannot be decided, and is asked about again. */
  function askAgain(socket: Socket, room: string): Promise<boolean> {
    const before = watches.get(socket)?.get(room)
    if (before?.asking) return before.asking
    const now = { identity: identityOf(socket), rules }
    const asking = reads(now.identity, socket.nsp.name, room).then(
      (may) => {
        if (!socket.rooms.has(PREFIX + room)) return false
        if (may) keep(socket, room, now)
        else unwatch(socket, room)
        return may
      },
      (error: unknown) => {
        if (before !== undefined) before.asking = null
        onError(error instanceof Error ? error : new Error('who may read presence could not be decided'))
        return before !== undefined && socket.rooms.has(PREFIX + room)
      },
    )
    if (before !== undefined) before.asking = asking
    return asking
  }

  return {
    public: {
      mayRead: reads,
      async watch(socket: Socket, room: string): Promise<boolean> {
        if (principalOf(socket) === null || !socket.rooms.has(room)) return false
        const now = { identity: identityOf(socket), rules }
        if (!(await reads(now.identity, socket.nsp.name, room))) return false
        // It may have left, or gone, while that was found out.
        if (!socket.rooms.has(room)) return false
        keep(socket, room, now)
        await socket.join(PREFIX + room)
        return true
      },
      unwatch,
    },
    /** Everybody who watches is asked about again before the next notice. */
    rulesChanged(): void {
      rules += 1
    },
    /** Whoever leaves a room does not watch it any more. */
    left({ adapter }: Namespace, room: string, id: string): void {
      if (adapter.sids.get(id)?.has(PREFIX + room)) adapter.del(id, PREFIX + room)
    },
    /** To this node's sockets: the others hear of it by themselves. */
    tell({ kind, namespace, room, issuer, subject, scheme, at }: PresenceChange): void {
      const there = io._nsps.get(namespace)
      if (there === undefined) return
      const event = `presence:${kind}`
      const notice = { room, issuer, subject, scheme, at }
      const stale = [...(there.adapter.rooms.get(PREFIX + room) ?? [])].filter((id) => {
        const socket = there.sockets.get(id)
        if (socket === undefined || !isStale(socket, room)) return false
        // Notices that come while it is asked about wait for the same answer, and keep their order.
        void askAgain(socket, room).then((may) => may && socket.emit(event, notice))
        return true
      })
      there.local
        .to(PREFIX + room)
        .except(stale)
        .emit(event, notice)
    },
  }
}
