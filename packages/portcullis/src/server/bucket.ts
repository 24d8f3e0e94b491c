/** How often one socket may do something. */

import { type Clock, monotonicMs } from '../core/clock.ts'

/** Takes `count` at once, or nothing and says so. */
export type Bucket = (count?: number) => boolean

/**
 * So many at once as it holds, and `perSecond` from then on; after a pause at most twice what it holds, since the clock is only
 * read when nothing is left.
 */
export function createBucket(clock: Clock, perSecond: number, holds: number): Bucket {
  let left = holds
  let readMs = monotonicMs(clock)
  return function take(count = 1) {
    if (left < count) {
      const nowMs = monotonicMs(clock)
      // A clock that is not monotonic may have been set back.
      left = Math.min(holds, left + (Math.max(0, nowMs - readMs) / 1000) * perSecond)
      readMs = nowMs
      if (left < count) return false
    }
    left -= count
    return true
  }
}
