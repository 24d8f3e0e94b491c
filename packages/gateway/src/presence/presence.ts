/** Who is in a room, by identity, on all nodes; and who comes and goes, told once for each identity. */

import { randomUUID } from 'node:crypto'
import type { Identity } from 'portcullis'
import type { Server, Socket } from 'socket.io'
import { type LocalMember, watchLocalMembers } from './local-members.ts'
import { createPutQueue } from './put-queue.ts'
import { bySeniority, type PresenceChange, type PresenceList, type PresenceStore } from './store.ts'
import { createWatchers, isWatchRoom } from './watchers.ts'

/** Options of `createPresence`. */
export interface PresenceOptions {
  /** With its adapter set already. */
  readonly io: Server
  /** Rooms whose members are kept. Must answer the same on every node, and until `rulesChanged`; where it throws, the room has none. */
  readonly isPresenceRoom: (namespace: string, room: string) => boolean
  readonly store: PresenceStore
  /** What this node is called in the store, of letters, digits and `._:-`. A new start gets another name behind it. Default `node`. */
  readonly node?: string
  /** How long members of a node stay that is not heard of any more. Default 10,000; at least 400. */
  readonly ttlMs?: number
  /** Whether somebody may know who is in a room, and watch it. Only `true` is a yes. */
  readonly mayRead: (identity: Identity, namespace: string, room: string) => boolean | Promise<boolean>
  /** Told of each change by one node only, of all: the one that has caused it, or found a node gone. Not after the process has died between. */
  readonly onChange?: (change: PresenceChange) => void
  readonly onError: (error: Error) => void
}

/** Body of `presence:join` and `presence:leave`; `at` is epoch seconds. */
export interface PresenceNotice {
  readonly room: string
  readonly issuer: string
  readonly subject: string
  readonly scheme: string
  readonly at: number
}

export interface Presence {
  /** Does not ask who wants to know. Does not reject: without the store it answers what this node has itself, as `partial`. */
  members(namespace: string, room: string): Promise<PresenceList>
  /**
   * From now on this socket is sent `presence:join` and `presence:leave` of a room that it is in, until it leaves the room. False when it is
   * not in that room, or may not read it. Rejects with what `mayRead` throws. Watch first and list then, so that nothing is missed.
   */
  watch(socket: Socket, room: string): Promise<boolean>
  unwatch(socket: Socket, room: string): void
  /**
   * `isPresenceRoom` or `mayRead` answer otherwise from now on: who is in which room is looked at anew, and everybody who watches is asked
   * about again before the next notice.
   */
  rulesChanged(): void
  /** Whether this identity may list the members. Rejects with what `mayRead` throws. */
  mayRead(identity: Identity, namespace: string, room: string): Promise<boolean>
  /** Says that this node's members have left. Call it when its sockets are closed. Does not reject. */
  close(): Promise<void>
}

const NODE = /^[A-Za-z0-9._:-]{1,64}$/
const MIN_TTL_MS = 400
const ANSWER_MS = 2_000

/**
 * Keeps members for as long as a socket of theirs is in the room, on whatever node: a withheld one stays, a refreshed one too. Sockets that
 * Portcullis has not admitted are nobody.
 *
 * @throws TypeError quoting the option that is wrong; what the store throws when it cannot be reached
 * @see docs/presence.md
 */
export async function createPresence(options: PresenceOptions): Promise<Presence> {
  const { store, onChange, onError, node = 'node', ttlMs = 10_000 } = options
  if (!NODE.test(node)) throw new TypeError('"node" must be 1 to 64 letters, digits and . _ : -')
  if (!Number.isFinite(ttlMs) || ttlMs < MIN_TTL_MS) throw new TypeError(`"ttlMs" must be at least ${MIN_TTL_MS}`)
  for (const name of ['isPresenceRoom', 'mayRead', 'onError'] as const) {
    if (typeof options[name] !== 'function') throw new TypeError(`"${name}" must be a function`)
  }
  const isPresenceRoom = (namespace: string, room: string) => {
    let answer = false
    guarded(() => {
      answer = !isWatchRoom(room) && options.isPresenceRoom(namespace, room) === true
    })
    return answer
  }
  const watchers = createWatchers({
    ...options,
    isPresenceRoom,
    onError: (error) => guarded(() => onError(error)),
  })
  const queue = createPutQueue(store, (member) => {
    if (member.sockets.size === 0) local.forget(member)
  })
  const local = watchLocalMembers({
    ...options,
    isPresenceRoom,
    changed: (member) => queue.add(member),
    left: watchers.left,
  })

  await store
    .open({
      name: `${node}.${randomUUID().slice(0, 8)}`,
      ttlMs,
      noticed: (change) => guarded(() => watchers.tell(change)),
      changed: (change) => guarded(() => onChange?.(change)),
      rebuild(why) {
        // The other nodes need time to say whom they still have.
        if (why === 'lost') queue.holdLeaves(performance.now() + ttlMs)
        for (const member of local.all()) {
          member.lost = why === 'lost'
          queue.add(member)
        }
      },
      reachable: () => queue.resume(),
      failed: (error) => guarded(() => onError(error)),
    })
    .catch((error: unknown) => {
      local.close()
      throw error
    })

  return {
    async members(namespace, room) {
      const asked = store.members(namespace, room).catch(() => null)
      const found = await within(ANSWER_MS, asked)
      return found ?? { members: membersHere(local.all(), namespace, room), partial: true }
    },
    ...watchers.public,
    rulesChanged() {
      watchers.rulesChanged()
      local.rescan()
    },
    async close() {
      local.close()
      for (const member of local.all()) {
        member.sockets.clear()
        queue.add(member)
      }
      queue.resume()
      await within(ANSWER_MS, queue.drained())
      await within(ANSWER_MS, store.close())
    },
  }

  /** What the application does must not end a beat or a subscription, or keep a socket from joining. */
  function guarded(work: () => void): void {
    try {
      work()
    } catch (error) {
      queueMicrotask(() => onError(error instanceof Error ? error : new Error('a listener of presence threw')))
    }
  }
}

function membersHere(all: Iterable<LocalMember>, namespace: string, room: string) {
  return [...all]
    .filter((member) => member.namespace === namespace && member.room === room && member.sockets.size > 0)
    .map(({ issuer, subject, scheme, since, sockets }) => ({
      issuer,
      subject,
      scheme,
      since,
      connections: sockets.size,
    }))
    .sort(bySeniority)
}

/** Null when it takes longer. */
async function within<T>(ms: number, work: Promise<T>): Promise<T | null> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), ms)
  })
  return Promise.race([work, late]).finally(() => clearTimeout(timer))
}
