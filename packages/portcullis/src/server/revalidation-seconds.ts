/** What falls due, by the second: one timer, which wakes at the beginning of each. */

import { type Clock, monotonicMs } from '../core/clock.ts'

export interface Seconds<Item> {
  /** Due from the beginning of this second on, of the monotonic clock. */
  put(item: Item, second: number): void
  take(item: Item): void
  /** Takes out everything, and the timer. */
  clear(): void
}

/**
 * Calls `everySecond` with what is due at the moment, which is taken out, for as long as something is put in here or it returns
 * true. It must not throw.
 */
export function createSeconds<Item>(
  clock: () => Clock,
  everySecond: (due: readonly Item[], nowMs: number) => boolean,
): Seconds<Item> {
  const buckets = new Map<number, Set<Item>>()
  const secondOf = new Map<Item, number>()
  let cancel: (() => void) | null = null

  function arm(): void {
    if (cancel !== null) return
    const nowMs = monotonicMs(clock())
    cancel = clock().setTimer(wake, Math.ceil((Math.floor(nowMs / 1000) + 1) * 1000 - nowMs))
  }

  function wake(): void {
    cancel = null
    const nowMs = monotonicMs(clock())
    const due: Item[] = []
    for (const [second, bucket] of buckets) {
      if (second * 1000 > nowMs) continue
      buckets.delete(second)
      for (const item of bucket) {
        secondOf.delete(item)
        due.push(item)
      }
    }
    if (everySecond(due, nowMs) || secondOf.size > 0) arm()
  }

  function take(item: Item): void {
    const second = secondOf.get(item)
    if (second === undefined) return
    secondOf.delete(item)
    const bucket = buckets.get(second)
    bucket?.delete(item)
    if (bucket?.size === 0) buckets.delete(second)
  }

  return {
    put(item, second) {
      take(item)
      secondOf.set(item, second)
      const bucket = buckets.get(second)
      if (bucket === undefined) buckets.set(second, new Set([item]))
      else bucket.add(item)
      arm()
    },
    take,
    clear() {
      buckets.clear()
      secondOf.clear()
      cancel?.()
      cancel = null
    },
  }
}
