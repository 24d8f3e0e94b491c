/** The history that `@socket.io/redis-streams-adapter` keeps in a Redis Stream, for all nodes. */

import { randomBytes } from 'node:crypto'
import type { Namespace } from 'socket.io'
import { EVENT, type Packet } from './packet.ts'
import { type Claim, type History, isFor, type Keeping, type Missed } from './recovery-history.ts'
import type { Mark } from './recovery-record.ts'
import { isAfter, isStreamId, latest, predecessor } from './recovery-stream-id.ts'

/** The part of the adapter that is used. */
interface Streaming extends Keeping {
  readonly uid: string
  broadcast(packet: Packet, options: Recipients): unknown
  /** Everything that comes from the stream comes through here, with its id, what this node has sent included. */
  onMessage(message: Message, offset?: string): void
  onRawMessage(...args: readonly unknown[]): void
}

interface Recipients {
  readonly rooms: Iterable<string>
  readonly except: Iterable<string>
  readonly flags?: object
}

interface Message {
  readonly uid: string
  readonly type: number
  readonly data?: { readonly packet?: Packet; readonly opts?: Recipients; readonly requestId?: string }
}

/** A session that comes back, from when it was taken until its socket has connected. */
interface Returning {
  /** What reached the sockets of this node meanwhile; null when it was too much. */
  live: { readonly id: string; readonly data: Missed; readonly to: Recipients }[] | null
  readonly gone: () => boolean
  /** Called when this node has come to that place in the stream. */
  awaiting: { readonly id: string; readonly resolve: () => void } | null
}

const BROADCAST = 3
/** Nobody is in it: a request about it does nothing, and takes its place in the stream. */
const NOBODY = 'auth|nobody'
const MAX_LIVE = 10_000
/** Rooms that were joined at different moments after the offset: each takes a reading of the stream. */
const MAX_READINGS = 4

/** `original` are the adapter's own ways. Null for an adapter of another kind. */
export function streamsHistory(
  namespace: Namespace,
  adapter: Keeping,
  original: Pick<Keeping, 'persistSession' | 'restoreSession'>,
): History | null {
  if (!isStreaming(adapter)) return null
  const returning = new Set<Returning>()
  let first: Mark = null
  let position: Mark = null
  watch(adapter)

  function watch({ onMessage, broadcast }: Streaming): void {
    const streaming = adapter as Streaming
    streaming.onMessage = (message, offset) => {
      onMessage.call(streaming, message, offset)
      if (!isStreamId(offset)) return
      first ??= offset
      position = offset
      if (message.uid !== streaming.uid && message.type === BROADCAST && message.data?.requestId === undefined)
        note(message.data?.packet?.data, message.data?.opts)
      for (const { awaiting } of returning) if (awaiting !== null && !isAfter(awaiting.id, offset)) awaiting.resolve()
    }
    streaming.broadcast = async (packet, options) => {
      // One socket's own acknowledgement: kept in the stream, it would come again as an event without one.
      const local = packet.id !== undefined && packet.id !== null
      const flags = local ? { ...options.flags, local: true } : options.flags
      await broadcast.call(streaming, packet, flags === undefined ? options : { ...options, flags })
      if (packet.type === EVENT && !local) note(packet.data, options)
    }
  }

  /** The adapter has put the offset behind the arguments of whatever can be recovered. */
  function note(data: unknown, to: Recipients | undefined): void {
    const id = Array.isArray(data) ? data.at(-1) : undefined
    if (!isStreamId(id) || to === undefined) return
    first ??= id
    for (const one of returning) {
      if (one.gone()) returning.delete(one)
      else if (one.live !== null && one.live.length < MAX_LIVE) one.live.push({ id, data: data as Missed, to })
      else one.live = null
    }
  }

  /** Resolves when everything up to `id` has reached the sockets of this node that are to have it. */
  function caughtUp(one: Returning, id: string): Promise<void> {
    if (position !== null && !isAfter(id, position)) return Promise.resolve()
    return new Promise((resolve) => {
      one.awaiting = { id, resolve }
      namespace.in(NOBODY).socketsLeave([])
    })
  }

  /** Which of the packets after `offset` were sent to these rooms: asked of the adapter as if for another session. */
  async function sentTo(rooms: readonly string[], offset: string): Promise<readonly string[]> {
    const pid = `portcullis-${randomBytes(16).toString('base64url')}`
    await original.persistSession.call(adapter, { sid: '', pid, rooms, data: {} })
    const packets = missedOf(await original.restoreSession.call(adapter, pid, offset))
    if (packets === null) throw new Error('the adapter gave no packets')
    return packets.map(idOf)
  }

  /** Null when it cannot be told which packets are owed. */
  async function choose(all: readonly Missed[], offset: string, { own, before, kept }: Claim) {
    const connected = before.get(own) ?? null
    if (connected === null) return null
    const start = latest(offset, connected)
    const byMark = new Map<string, string[]>([[start, []]])
    for (const room of kept) {
      const since = before.get(room) ?? null
      if (since === null) return null
      const from = latest(start, since)
      const rooms = byMark.get(from)
      if (rooms === undefined) byMark.set(from, [room])
      else rooms.push(room)
    }
    const late = all.filter((packet) => isAfter(idOf(packet), start))
    if (byMark.size === 1 && kept.size === before.size) return late
    if (byMark.size > MAX_READINGS) return null
    const owed = new Set<string>()
    for (const [from, rooms] of byMark) {
      for (const id of await sentTo(rooms, offset)) if (isAfter(id, from)) owed.add(id)
    }
    // Excepted rooms count also where they are not kept, so what the whole session was not owed, none of it is.
    return late.filter((packet) => owed.has(idOf(packet)))
  }

  return {
    inProcess: false,
    mark: () => position,
    settle: (mark) => mark ?? (first === null ? null : predecessor(first)),
    async take(pid, offset, gone) {
      if (!isStreamId(offset)) return null
      for (const other of returning) if (other.gone()) returning.delete(other)
      const one: Returning = { live: [], gone, awaiting: null }
      returning.add(one)
      try {
        const session = await original.restoreSession.call(adapter, pid, offset)
        const all = missedOf(session)
        return all === null ? null : { session, owed: (claim) => owedTo(one, all, offset, claim) }
      } catch (error) {
        // The adapter rejects with a text when it has no such session.
        if (typeof error === 'string') return null
        throw error
      }
    },
  }

  async function owedTo(one: Returning, all: readonly Missed[], offset: string, claim: Claim) {
    const stored = await choose(all, offset, claim)
    if (stored === null) return null
    const end = all.map(idOf).reduce(latest, offset)
    await caughtUp(one, end)
    return () => {
      if (one.live === null) return null
      const since = one.live.filter(({ id, to }) => isAfter(id, end) && isFor(to, claim))
      return [...stored, ...since.map(({ data }) => data)]
    }
  }
}

function isStreaming(adapter: Keeping): adapter is Streaming {
  const { onMessage, onRawMessage, broadcast } = adapter as Partial<Streaming>
  return typeof onMessage === 'function' && typeof onRawMessage === 'function' && typeof broadcast === 'function'
}

/** The packets of a session that an adapter restored; null where one of them is none. */
function missedOf(session: unknown): readonly Missed[] | null {
  const { missedPackets } = (session ?? {}) as { missedPackets?: unknown }
  if (!Array.isArray(missedPackets)) return null
  return missedPackets.every((packet) => Array.isArray(packet) && isStreamId(packet.at(-1))) ? missedPackets : null
}

function idOf(packet: Missed): string {
  return packet.at(-1) as string
}
