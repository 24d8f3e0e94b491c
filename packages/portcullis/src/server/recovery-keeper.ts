/** Stands between Socket.IO and what an adapter keeps of sockets that are away. */

import type { Namespace, Socket } from 'socket.io'
import type { Guard } from './guard.ts'
import { principalRoom } from './reach.ts'
import { createSince, type History, type Keeping, type Session, type Since } from './recovery-history.ts'
import { memoryHistory } from './recovery-memory.ts'
import { type Departed, type Mark, RECORD_KEY, writeRecord } from './recovery-record.ts'
import { streamsHistory } from './recovery-streams.ts'
import type { Entry } from './registry.ts'

/** An adapter whose sessions are guarded. */
export interface Keeper {
  readonly adapter: Keeping
  readonly history: History
  readonly since: Since
}

/**
 * From now on Socket.IO itself restores nothing on this adapter, and keeps only sockets whose authority stands. Null for an
 * adapter of which it cannot be told what was sent to which room: nothing is kept there.
 *
 * @param departed what is known of a socket whose connection has just closed
 */
export function keepSessions(guard: Guard, namespace: Namespace, departed: WeakMap<Socket, Departed>): Keeper | null {
  const adapter = namespace.adapter as unknown as Keeping
  const { persistSession, restoreSession } = adapter
  // It would be called before any middleware, and its packets written before anybody has been asked.
  adapter.restoreSession = () => null
  adapter.persistSession = () => {}
  const history =
    memoryHistory(adapter, restoreSession) ?? streamsHistory(namespace, adapter, { persistSession, restoreSession })
  if (history === null) return null
  const since = createSince(adapter, history.mark)

  adapter.persistSession = (session) => {
    try {
      // Hidden sockets are not found: nothing was to reach them, and nothing of them is kept.
      const socket = namespace.sockets.get(session.sid)
      const last = socket === undefined ? null : standing(guard, socket, departed)
      if (last !== null) persistSession.call(adapter, sessionOf(session, last))
    } catch (error) {
      guard.onError(error, 'recovery')
    }
  }

  function sessionOf({ sid, pid, rooms, data }: Session, last: Departed): Session {
    const marks = new Map<string, Mark>()
    for (const room of rooms) marks.set(room, history?.settle(since.of(sid, room)) ?? null)
    // Whoever emits to a principal means those who are away as well.
    const principal = principalRoom(last.identity)
    marks.set(principal, marks.get(sid) ?? null)
    const record = writeRecord(last, marks)
    const kept = { sid, pid, rooms: [...marks.keys()], data: { ...withoutOurs(data), [RECORD_KEY]: record } }
    if (!history?.inProcess) return kept
    return { ...kept, presented: new Map([...last.grants].map(([room, { presented }]) => [room, presented])) }
  }

  return { adapter, history, since }
}

/** Null when its authority has ended, or is not its own any more. */
function standing(guard: Guard, socket: Socket, departed: WeakMap<Socket, Departed>): Departed | null {
  const last = departed.get(socket)
  if (last !== undefined) return last
  const entry = guard.registry.of(socket)
  return entry === undefined ? null : departedOf(entry)
}

/** To be taken before anything is let go. Null for a socket that is not to come back. */
export function departedOf({ identity, lease, names, memberships, grants, ...entry }: Entry): Departed | null {
  if (entry.state !== 'connected' || entry.ended !== null || entry.lapsed) return null
  return { identity, lease, names, memberships, grants: new Map(grants) }
}

/** Identity and lease are set anew: what a store outside keeps of them nobody should read. */
function withoutOurs(data: unknown): object {
  const { identity: _identity, lease: _lease, ...own } = (data ?? {}) as Record<string, unknown>
  return own
}
