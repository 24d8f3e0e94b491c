/** What recovery asks of an adapter, and since when each socket has been in each of its rooms. */

import type { Namespace } from 'socket.io'
import type { Mark } from './recovery-record.ts'

/** A session as Socket.IO hands it to an adapter when its client is gone. */
export interface Session {
  readonly sid: string
  readonly pid: string
  readonly rooms: readonly string[]
  readonly data: unknown
  /** What was shown for each room that was asked for. Only where sessions stay in the memory of this process. */
  readonly presented?: ReadonlyMap<string, unknown>
}

/** The part of an adapter through which Socket.IO keeps sessions. */
export interface Keeping {
  readonly sids: Map<string, Set<string>>
  persistSession(session: Session): unknown
  restoreSession(pid: string, offset: string): unknown
  on(event: 'join-room' | 'leave-room', listener: (room: string, socketId: string) => void): unknown
}

/** The arguments of an event, its offset last. */
export type Missed = readonly unknown[]

/** The rooms of a session that comes back. */
export interface Claim {
  /** The room that carries the id of the socket. */
  readonly own: string
  /** What it was in when it went, and since when. */
  readonly before: ReadonlyMap<string, Mark>
  /** Which of these it still may be in. */
  readonly kept: ReadonlySet<string>
}

/** A session that was taken out of its adapter: nobody can take it a second time. */
export interface Taken {
  /** As the adapter gave it. From outside of this process, it may be anything. */
  readonly session: unknown
  /**
   * To be called once it is known which rooms are kept. What it resolves with says at any later moment what was sent to them
   * until that very moment: null when that is not known. What is sent later reaches the socket as it reaches others.
   */
  owed(claim: Claim): Promise<(() => readonly Missed[] | null) | null>
}

/** What a namespace has sent, as far as its adapter keeps it. */
export interface History {
  /** True when sessions never leave this process, and may hold what must not. */
  readonly inProcess: boolean
  /** What is sent after this moment comes after this mark. */
  mark(): Mark
  /** The same mark, as it is to be written down. */
  settle(mark: Mark): Mark
  /** Null when there is no such session, or what came after `offset` is not known any more. `gone`: the asker is. */
  take(pid: string, offset: string, gone: () => boolean): Promise<Taken | null>
}

/** Since when a socket has been in a room. */
export interface Since {
  of(socketId: string, room: string): Mark
  /** A socket that came back was in these all the time. */
  carry(socketId: string, marks: ReadonlyMap<string, Mark>): void
}

/** What was sent before a socket joined a room is not its own, wherever the client says that it stopped listening. */
export function createSince(adapter: Keeping, mark: () => Mark): Since {
  const bySocket = new Map<string, Map<string, Mark>>()
  adapter.on('join-room', (room, socketId) => {
    const marks = bySocket.get(socketId)
    if (marks === undefined) bySocket.set(socketId, new Map([[room, mark()]]))
    else marks.set(room, mark())
  })
  adapter.on('leave-room', (room, socketId) => {
    const marks = bySocket.get(socketId)
    marks?.delete(room)
    if (marks?.size === 0) bySocket.delete(socketId)
  })
  return {
    of: (socketId, room) => bySocket.get(socketId)?.get(room) ?? null,
    carry(socketId, marks) {
      const own = bySocket.get(socketId)
      for (const [room, since] of marks) if (own?.has(room)) own.set(room, since)
    },
  }
}

/** As Socket.IO itself chooses: what names no room or one that is kept, and excepts none that the session was in. */
export function isFor(
  { rooms, except }: { readonly rooms: Iterable<string>; readonly except: Iterable<string> },
  { before, kept }: Claim,
  isOwed: (room: string) => boolean = () => true,
): boolean {
  for (const room of except) if (before.has(room)) return false
  const named = [...rooms]
  return named.length === 0 || named.some((room) => kept.has(room) && isOwed(room))
}

/** The adapter of a namespace, as far as it keeps sessions. */
export function keepingOf({ adapter }: Namespace): Keeping {
  return adapter as unknown as Keeping
}
