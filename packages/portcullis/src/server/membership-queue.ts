/** Memberships asked again: a few sockets at a time, each until there is an answer or its grace is over. */

import { AuthError } from '../errors.ts'
import { endEntry } from './end-entry.ts'
import { createFairLanes, type Lane } from './fair-lanes.ts'
import type { Guard } from './guard.ts'
import type { Expiring } from './lease-timer.ts'
import type { Entry } from './registry.ts'
import { reconcile } from './renew.ts'
import { tellDifference } from './tell-difference.ts'

/** What came of one socket. Null when there was nothing to ask. */
export type Asked = { readonly joined: number; readonly left: number; readonly undecided: boolean } | null

export interface MembershipQueue {
  /**
   * Resolves when the memberships have been asked once, after this call. Asked for while it waits, a socket is asked once for all;
   * asked for while its answer is on the way, once more, since that answer may be older. Never rejects.
   */
  ask(entry: Entry, lane: Lane): Promise<Asked>
  /** To be called when a socket has connected: what was asked for meanwhile is asked now. */
  connected(entry: Entry): void
  close(): void
}

/** Membership queries under way on one node. */
const CONCURRENT = 16
const FIRST_DELAY_MS = 250
const MAX_DELAY_MS = 10_000
const UNDECIDED: Asked = { joined: 0, left: 0, undecided: true }

/** A socket whose memberships may have changed. */
interface Doubt {
  readonly entry: Entry
  /** `resting` after a failure, until it is asked again. */
  state: 'waiting' | 'asking' | 'resting'
  /** In which lane to wait once more, when it was asked for while it was being asked. */
  again: Lane | null
  failures: number
  /** Epoch seconds. After a failure beyond it, the socket is closed. */
  readonly graceEndsAt: number
  /** Closes the socket when not even a failure has come. */
  readonly end: Expiring
  cancelRest: () => void
  heard: ((asked: Asked) => void)[]
  /** Those who asked for it while it was being asked. */
  later: ((asked: Asked) => void)[]
}

export function createMembershipQueue(guard: () => Guard): MembershipQueue {
  const doubts = new Map<Entry, Doubt>()
  const lanes = createFairLanes<Doubt>()
  /** Connecting sockets, whose memberships may have been read before they changed. */
  const connecting = new WeakSet<Entry>()
  let asking = 0
  let scheduled = false
  let closed = false
  let failing = false

  function begin(entry: Entry): Doubt {
    const { clock, lease, limits, leases } = guard()
    const graceEndsAt = (clock.now() + lease.revalidateGraceMs) / 1000
    const expire = () => {
      if (stands(entry)) endEntry(guard(), entry, 'AUTH_UNAVAILABLE')
      finish(doubt, null)
    }
    const doubt: Doubt = {
      entry,
      state: 'waiting',
      again: null,
      failures: 0,
      graceEndsAt,
      end: { expiresAt: graceEndsAt + limits.ruleTimeoutMs / 1000, expire },
      cancelRest: () => {},
      heard: [],
      later: [],
    }
    doubts.set(entry, doubt)
    leases.add(doubt.end)
    return doubt
  }

  function finish(doubt: Doubt, asked: Asked): void {
    doubts.delete(doubt.entry)
    lanes.delete(doubt)
    guard().leases.delete(doubt.end)
    doubt.cancelRest()
    for (const hear of [...doubt.heard, ...doubt.later]) hear(asked)
  }

  function enqueue(doubt: Doubt, lane: Lane): void {
    doubt.cancelRest()
    doubt.state = 'waiting'
    lanes.add(doubt, lane)
    schedule()
  }

  /** After the callbacks of this turn, so that what comes at once is asked once. */
  function schedule(): void {
    if (scheduled || closed) return
    scheduled = true
    setImmediate(run)
  }

  function run(): void {
    scheduled = false
    while (asking < CONCURRENT) {
      const doubt = lanes.take()
      if (doubt === undefined) return
      asking += 1
      doubt.state = 'asking'
      void askNow(doubt)
    }
  }

  async function askNow(doubt: Doubt): Promise<void> {
    const { entry } = doubt
    const asked = await askOnce(entry)
    asking -= 1
    schedule()
    const { heard, again, later } = doubt
    doubt.heard = later
    doubt.later = []
    doubt.again = null
    for (const hear of heard) hear(asked)
    if (!stands(entry)) {
      finish(doubt, null)
    } else if (asked?.undecided) {
      failed(doubt, again)
    } else {
      doubt.heard = []
      finish(doubt, null)
      if (again === null) return
      const next = begin(entry)
      next.heard = later
      enqueue(next, again)
    }
  }

  async function askOnce(entry: Entry): Promise<Asked> {
    const startedMs = performance.now()
    try {
      const difference = await reconcile(guard(), entry)
      failing = false
      tellDifference(guard(), entry, difference, startedMs)
      return { joined: difference.joined.length, left: difference.left.length, undecided: false }
    } catch (error) {
      if (!stands(entry)) return null
      // The first failure of a row is told; the rest are the same outage.
      const cause = AuthError.is(error) ? (error.cause ?? error) : error
      if (!failing) guard().onError(cause, `memberships of ${entry.namespace}`)
      failing = true
      return UNDECIDED
    }
  }

  function failed(doubt: Doubt, again: Lane | null): void {
    const { clock } = guard()
    const leftMs = doubt.graceEndsAt * 1000 - clock.now()
    if (leftMs <= 0) {
      endEntry(guard(), doubt.entry, 'AUTH_UNAVAILABLE')
      finish(doubt, UNDECIDED)
      return
    }
    if (again !== null) {
      enqueue(doubt, again)
      return
    }
    const delayMs = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** doubt.failures) * (0.5 + 0.5 * Math.random())
    doubt.failures += 1
    doubt.state = 'resting'
    doubt.cancelRest = clock.setTimer(() => enqueue(doubt, 'all'), Math.ceil(Math.min(delayMs, leftMs)))
  }

  const queue: MembershipQueue = {
    ask(entry, lane) {
      if (closed || entry.policy.memberships === null || entry.ended !== null) return Promise.resolve(null)
      if (entry.state === 'connecting') connecting.add(entry)
      if (entry.state !== 'connected') return Promise.resolve(null)
      const doubt = doubts.get(entry) ?? begin(entry)
      return new Promise((resolve) => {
        if (doubt.state !== 'asking') {
          doubt.heard.push(resolve)
          enqueue(doubt, lane)
          return
        }
        doubt.later.push(resolve)
        if (doubt.again !== 'named') doubt.again = lane
      })
    },
    connected(entry) {
      if (connecting.delete(entry)) void queue.ask(entry, 'named')
    },
    close() {
      closed = true
      for (const doubt of [...doubts.values()]) finish(doubt, null)
    },
  }
  return queue
}

function stands({ ended, state }: Entry): boolean {
  return ended === null && state === 'connected'
}
