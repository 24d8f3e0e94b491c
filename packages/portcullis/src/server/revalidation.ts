/** Authority that a store can take back, looked at again while its sockets are connected: what falls due together, together. */

import { setImmediate } from 'node:timers/promises'
import { monotonicMs, secondsOf } from '../core/clock.ts'
import { isExpired } from '../core/lease.ts'
import type { Strategy } from '../core/strategy.ts'
import { endEntry } from './end-entry.ts'
import type { Guard, Revalidation } from './guard.ts'
import type { Entry } from './registry.ts'
import { askAgain, type Finding } from './revalidation-ask.ts'
import { applyFound } from './revalidation-found.ts'
import { createSeconds } from './revalidation-seconds.ts'

/** All sockets with one handle of one strategy, for which one question suffices. */
interface Watched {
  readonly strategy: Strategy
  readonly handle: unknown
  readonly everyMs: number
  readonly sockets: Map<Entry, Good>
}

/** When a socket was last found good, by the monotonic clock. Another object takes its place when that was found out elsewhere. */
interface Good {
  atMs: number
}

/** What is due of one strategy. */
interface Queue {
  readonly waiting: Set<Watched>
  /** Who is asked for at the moment; null when nobody is. */
  asking: readonly Watched[] | null
}

/** A larger answer would be too large, and a larger failure too dear. */
const MAX_BATCH = 500
/** Sockets that are ended, or renewed, before everybody else has a turn. */
const SLICE = 100
/** What could not be looked at is tried again after so long, or up to a quarter less. */
const RETRY_MS = 5_000
/** Where looks are further apart than `revalidateGraceMs`, one that failed is repeated for so long. */
const LEAST_GRACE_MS = 10_000

/**
 * The first look falls due anywhere within the strategy's interval, so that those who connect together do not fall due together.
 * What falls due in one second is one question, of at most 500 handles; of a strategy, one is under way at a time. What has ended
 * closes its sockets. Where nothing could be learned they stay until `lease.revalidateGraceMs` after they were last found good, and
 * are then closed with AUTH_UNAVAILABLE.
 */
export function createRevalidation(guard: () => Guard, random: () => number = Math.random): Revalidation {
  const byStrategy = new Map<Strategy, Map<unknown, Watched>>()
  const bySocket = new Map<Entry, Watched>()
  const queues = new Map<Strategy, Queue>()
  const seconds = createSeconds<Watched>(() => guard().clock, everySecond)
  let closed = false

  const nowMs = () => monotonicMs(guard().clock)

  /** `goodAtMs`: when it was found good, by the monotonic clock. */
  function add(entry: Entry, goodAtMs = nowMs()): void {
    const { strategy, handle } = entry
    const everyMs = strategy.revalidateEveryMs
    if (closed || handle === undefined || everyMs === undefined || entry.state !== 'connected') {
      remove(entry)
      return
    }
    const byHandle = byStrategy.get(strategy) ?? new Map<unknown, Watched>()
    let watched = byHandle.get(handle)
    if (watched === undefined || watched !== bySocket.get(entry)) remove(entry)
    if (watched === undefined) {
      watched = { strategy, handle, everyMs, sockets: new Map() }
      byStrategy.set(strategy, byHandle.set(handle, watched))
      // Rounded down, here and below: nobody is looked at later than the interval says.
      seconds.put(watched, Math.floor((nowMs() + random() * everyMs) / 1000))
    }
    watched.sockets.set(entry, { atMs: goodAtMs })
    bySocket.set(entry, watched)
  }

  function remove(entry: Entry): void {
    const watched = bySocket.get(entry)
    if (watched === undefined) return
    bySocket.delete(entry)
    watched.sockets.delete(entry)
    if (watched.sockets.size > 0) return
    const { strategy, handle } = watched
    const byHandle = byStrategy.get(strategy)
    byHandle?.delete(handle)
    if (byHandle?.size === 0) byStrategy.delete(strategy)
    queues.get(strategy)?.waiting.delete(watched)
    seconds.take(watched)
    if (bySocket.size === 0) seconds.clear()
  }

  function everySecond(due: readonly Watched[], now: number): boolean {
    for (const watched of due) queueOf(watched.strategy).waiting.add(watched)
    for (const [strategy, queue] of queues) {
      // Also while a question is under way, which may take long to fail.
      for (const watched of [...(queue.asking ?? []), ...queue.waiting]) endOverdue(watched, now)
      ask(strategy, queue)
    }
    return bySocket.size > 0
  }

  function queueOf(strategy: Strategy): Queue {
    const queue = queues.get(strategy) ?? { waiting: new Set(), asking: null }
    queues.set(strategy, queue)
    return queue
  }

  function ask(strategy: Strategy, queue: Queue): void {
    if (queue.asking !== null || queue.waiting.size === 0) return
    const batch = [...queue.waiting].slice(0, MAX_BATCH)
    for (const watched of batch) queue.waiting.delete(watched)
    queue.asking = batch
    look(strategy, queue, batch).catch((error) => guard().onError(error, `revalidation of ${strategy.scheme}`))
  }

  async function look(strategy: Strategy, queue: Queue, batch: readonly Watched[]): Promise<void> {
    const askedAtMs = nowMs()
    // Whoever comes while the question is under way was found good later than its answer.
    const asked = batch.map((watched) => ({ watched, sockets: [...watched.sockets] }))
    const findings = await askAgain(
      guard(),
      strategy,
      batch.map(({ handle }) => handle),
    )
    queue.asking = null
    // Of a store that answers nothing, the others are asked for a second later.
    if (findings.some((finding) => finding !== null)) ask(strategy, queue)
    const failed = new Set(batch.filter((_watched, i) => findings[i] === null))
    const work = asked.flatMap(({ watched, sockets }, i) =>
      sockets.map(([entry, good]) => ({ watched, entry, good, finding: findings[i] as Finding })),
    )
    const isStill = ({ watched, entry, good }: (typeof work)[number]) => watched.sockets.get(entry) === good
    try {
      // First whoever has to go: none of them waits for a rule of somebody else's.
      await inSlices(work, async (socket) => {
        const { finding, entry } = socket
        if (finding === null || !('ended' in finding) || !isStill(socket)) return
        // A store forgets a session when it expires: its socket ends, or has its grace, because the lease does.
        if (!isExpired(entry.lease, secondsOf(guard().clock))) endEntry(guard(), entry, finding.ended)
      })
      await inSlices(work, async (socket) => {
        const { finding, entry, watched, good } = socket
        if (finding === null || 'ended' in finding) return
        if (await applyFound(guard(), entry, finding.found, () => isStill(socket))) good.atMs = askedAtMs
        else failed.add(watched)
        if (bySocket.get(entry) === watched && entry.handle !== watched.handle) add(entry)
      })
    } finally {
      for (const watched of batch) lookLater(watched, failed.has(watched) ? null : askedAtMs)
    }
  }

  /** `askedAtMs`: when it was found good; null when that failed. */
  function lookLater(watched: Watched, askedAtMs: number | null): void {
    if (watched.sockets.size === 0) return
    if (askedAtMs !== null) {
      seconds.put(watched, Math.floor((askedAtMs + watched.everyMs) / 1000))
      return
    }
    const goodAtMs = Math.min(...[...watched.sockets.values()].map(({ atMs }) => atMs))
    const endsAt = Math.ceil((goodAtMs + graceMsOf(watched)) / 1000)
    seconds.put(watched, Math.min(Math.floor((nowMs() + RETRY_MS * (1 - random() / 4)) / 1000), endsAt))
  }

  function endOverdue(watched: Watched, now: number): void {
    for (const [entry, { atMs }] of watched.sockets) {
      if (now - atMs >= graceMsOf(watched)) endEntry(guard(), entry, 'AUTH_UNAVAILABLE')
    }
  }

  function graceMsOf({ everyMs }: Watched): number {
    const { revalidateGraceMs } = guard().lease
    return Math.max(revalidateGraceMs, everyMs + Math.min(revalidateGraceMs, LEAST_GRACE_MS))
  }

  return {
    add: (entry) => add(entry),
    inherit: (entry) => add(entry, bySocket.get(entry)?.sockets.get(entry)?.atMs),
    delete: remove,
    get size() {
      return bySocket.size
    },
    close() {
      closed = true
      for (const entry of bySocket.keys()) remove(entry)
    },
  }
}

async function inSlices<Item>(items: readonly Item[], work: (item: Item) => Promise<void>): Promise<void> {
  for (let from = 0; from < items.length; from += SLICE) {
    if (from > 0) await setImmediate()
    await Promise.all(items.slice(from, from + SLICE).map(work))
  }
}
