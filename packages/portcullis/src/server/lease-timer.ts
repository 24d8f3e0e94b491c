/** Ends what is due: one timer for every lease and grant of the process. */

import type { Clock } from '../core/clock.ts'

/** Something that ends by itself. `expiresAt` is epoch seconds. */
export interface Expiring {
  readonly expiresAt: number
  /** When it throws, the others have their turn all the same. */
  expire(): void
}

export interface LeaseTimer {
  add(item: Expiring): void
  /** Must be called with the `expiresAt` that the item was added with. */
  delete(item: Expiring): void
  readonly size: number
  close(): void
}

/** Ending a socket takes some 40 µs; after so many, everybody else has a turn. */
const SLICE = 100

/**
 * Items that end within one second share a bucket; one ends at most a second late, and never early. Many that end together
 * are ended over several turns of the event loop. The wall clock is looked at every second, since it may have been set, or the
 * machine may have slept.
 */
export function createLeaseTimer(clock: Clock): LeaseTimer {
  const buckets = new Map<number, Set<Expiring>>()
  /** No bucket is earlier than this second. */
  let from = Number.POSITIVE_INFINITY
  /** The second at which the timer wakes: infinite while there is none, and before all others when it wakes at once. */
  let wakesAt = Number.POSITIVE_INFINITY
  let cancel = () => {}
  let size = 0

  function arm(): void {
    cancel()
    if (size === 0) {
      wakesAt = Number.POSITIVE_INFINITY
      from = Number.POSITIVE_INFINITY
      cancel = () => {}
      return
    }
    const nowMs = clock.now()
    const next = Math.floor(nowMs / 1000) + 1
    wakesAt = from < next ? Number.NEGATIVE_INFINITY : next
    cancel = clock.setTimer(fire, from < next ? 0 : Math.ceil(next * 1000 - nowMs))
  }

  function fire(): void {
    const now = Math.floor(clock.now() / 1000)
    const start = from
    // What is added from here on may lower it again, and needs no timer of its own.
    from = now + 1
    wakesAt = Number.NEGATIVE_INFINITY
    let done = false
    try {
      done = endSlice(start, now)
    } finally {
      if (!done) from = Math.min(from, start)
      arm()
    }
  }

  /** False when there may be more. */
  function endSlice(start: number, now: number): boolean {
    let left = SLICE
    for (const second of dueSeconds(start, now)) {
      for (const item of buckets.get(second) ?? []) {
        if (left === 0) return false
        left -= 1
        remove(second, item)
        item.expire()
      }
    }
    return true
  }

  /** Second by second, as a rule; after the clock has leapt, there may be fewer buckets than seconds. */
  function* dueSeconds(start: number, now: number): Iterable<number> {
    if (now - start <= buckets.size) {
      for (let second = start; second <= now; second += 1) yield second
    } else {
      for (const second of buckets.keys()) if (second <= now) yield second
    }
  }

  function remove(second: number, item: Expiring): boolean {
    const items = buckets.get(second)
    if (!items?.delete(item)) return false
    if (items.size === 0) buckets.delete(second)
    size -= 1
    return true
  }

  return {
    add(item) {
      const second = Math.ceil(item.expiresAt)
      const items = buckets.get(second)
      if (items === undefined) buckets.set(second, new Set([item]))
      else items.add(item)
      size += 1
      if (second < from) from = second
      if (second < wakesAt) arm()
    },
    delete(item) {
      // The timer of an empty process is taken along.
      if (remove(Math.ceil(item.expiresAt), item) && size === 0) arm()
    },
    get size() {
      return size
    },
    close() {
      buckets.clear()
      size = 0
      arm()
    },
  }
}
