/** Memberships that a test changes, slows down and breaks; every question is written down. */

import { permit } from 'portcullis'
import type { Socket } from 'socket.io-client'
import { expect } from 'vitest'
import { outcome, start, type User } from '../harness.ts'

export const ISSUER = 'https://issuer.example'
export const alice = { issuer: ISSUER, subject: 'alice' }

/** Rooms by subject, shared by all nodes of a test, as a database would be. */
export function memberTable() {
  const rooms = new Map<string, readonly string[]>()
  const asked: string[] = []
  const table = {
    rooms,
    /** The subjects that were asked for, in order. */
    asked,
    /** How many are being asked at the moment, and were at most. */
    underWay: 0,
    most: 0,
    /** What an answer waits for, after it was read. */
    hold: null as (() => Promise<void>) | null,
    fail: null as (() => Promise<unknown>) | null,
    async memberships({ subject }: { readonly subject: string }): Promise<readonly string[]> {
      asked.push(subject)
      table.underWay += 1
      table.most = Math.max(table.most, table.underWay)
      try {
        if (table.fail !== null) return (await table.fail()) as readonly string[]
        const read = rooms.get(subject) ?? []
        await table.hold?.()
        return read
      } finally {
        table.underWay -= 1
      }
    },
  }
  return table
}

export type MemberTable = ReturnType<typeof memberTable>

/** `/chat` with memberships of that table; rooms `open:…` may be asked for. */
export async function membersOnly(options: object = {}, table: MemberTable = memberTable()) {
  const harness = await start(options)
  const { io, auth, client, records } = harness
  function protect(namespace: string) {
    return auth.protect(io.of(namespace), {
      events: {},
      rooms: { 'open:{name}': () => permit() },
      memberships: (identity: User) => table.memberships(identity),
    })
  }
  const chat = protect('/chat')

  /** A connected client of this subject, with all that it hears. */
  async function enter(subject: string, namespace = '/chat') {
    records.set(subject, { subject })
    const socket = client(namespace, { auth: { token: subject } })
    const heard = listenTo(socket)
    expect(await outcome(socket)).toBeNull()
    return { socket, heard, id: socket.id as string }
  }

  return { ...harness, table, chat, protect, enter }
}

/** Everything that a client hears from now on, its disconnection included. */
export function listenTo(socket: Socket): unknown[][] {
  const heard: unknown[][] = []
  socket.onAny((...args: unknown[]) => heard.push(args))
  socket.on('disconnect', (reason) => heard.push(['disconnect', reason]))
  return heard
}

/** Rooms by the server's own account, without the room of the socket itself. */
export function roomsOf(namespace: object, id: string): readonly string[] {
  const { adapter } = namespace as { adapter: { sids: Map<string, Set<string>> } }
  return [...(adapter.sids.get(id) ?? [])].filter((room) => room !== id).sort()
}

/** The names of what was heard, and the rooms that it was about. */
export function news(heard: readonly (readonly unknown[])[]): readonly unknown[] {
  return heard.map(([event, body]) => {
    const { room, rooms, code } = (body ?? {}) as { room?: string; rooms?: string[]; code?: string }
    return [event, ...(room === undefined ? (rooms ?? [body]) : [room, code])]
  })
}
