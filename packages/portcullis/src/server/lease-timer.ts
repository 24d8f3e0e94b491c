/** Ends what is due: one timer for every lease and grant of the process. */

import { type Clock, secondsOf } from '../core/clock.ts'

/** Something that ends by itself. `expiresAt` is epoch seconds. */
export interface Expiring {
  readonly expiresAt: number
  /** Must not throw. */
  expire(): void
}

export interface LeaseTimer {
  add(item: Expiring): void
  /** Must be called with the `expiresAt` that the item was added with. */
  delete(item: Expiring): void
  readonly size: number
  close(): void
}

/** `setTimeout` past this fires at once, so longer waits are taken in steps. */
const MAX_DELAY_MS = 2 ** 31 - 1

/** Items that end within one second share a bucket; one ends at most a second late, and never early. */
export function createLeaseTimer(clock: Clock): LeaseTimer {
  const buckets = new Map<number, Set<Expiring>>()
  let armedFor = Number.POSITIVE_INFINITY
  let cancel = () => {}
  let size = 0

  function arm(second: number): void {
    cancel()
    armedFor = second
    const delay = Math.ceil(second * 1000 - clock.now())
    cancel = clock.setTimer(fire, Math.min(Math.max(delay, 0), MAX_DELAY_MS))
  }

  function fire(): void {
    const now = secondsOf(clock)
    let next = Number.POSITIVE_INFINITY
    armedFor = Number.POSITIVE_INFINITY
    for (const [second, items] of buckets) {
      if (second > now) {
        next = Math.min(next, second)
        continue
      }
      buckets.delete(second)
      size -= items.size
      for (const item of items) item.expire()
    }
    if (next < armedFor) arm(next)
  }

  return {
    add(item) {
      const second = Math.ceil(item.expiresAt)
      const items = buckets.get(second)
      if (items === undefined) buckets.set(second, new Set([item]))
      else items.add(item)
      size += 1
      if (second < armedFor) arm(second)
    },
    delete(item) {
      const second = Math.ceil(item.expiresAt)
      const items = buckets.get(second)
      if (!items?.delete(item)) return
      size -= 1
      if (items.size > 0) return
      buckets.delete(second)
      if (buckets.size > 0) return
      cancel()
      armedFor = Number.POSITIVE_INFINITY
    },
    get size() {
      return size
    },
    close() {
      cancel()
      buckets.clear()
      size = 0
    },
  }
}
