/** Follows the decisions from a cursor on, in batches, no faster than whoever is told can take them. */

import type { DecisionBatch, DecisionFilter, Decisions } from './source.ts'

/** Options of `follow`. */
export interface FollowOptions {
  readonly decisions: Decisions
  readonly filter: DecisionFilter
  /** Where to go on; without one, at the last `limit`. */
  readonly after: string | undefined
  readonly limit: number
  /** How long decisions are gathered before they are read. Milliseconds. */
  readonly gatherMs: number
  /** False: no more until `wake` is called. */
  deliver(batch: DecisionBatch): boolean
  onError(error: unknown): void
}

/** What follows; it holds no decision itself, so one that is slow costs nothing but what it misses. */
export interface Following {
  wake(): void
  close(): void
}

/** So many batches in one turn; then everything else has its own. */
const BATCHES_A_TURN = 8

export function follow({ decisions, filter, after, limit, gatherMs, deliver, onError }: FollowOptions): Following {
  let cursor = after
  let timer: ReturnType<typeof setTimeout> | null = null
  let ready = true
  let closed = false

  function schedule(ms: number): void {
    if (timer !== null || closed || !ready) return
    timer = setTimeout(() => {
      timer = null
      try {
        pump()
      } catch (error) {
        onError(error)
      }
    }, ms)
    timer.unref()
  }

  function pump(): void {
    for (let i = 0; i < BATCHES_A_TURN; i += 1) {
      const batch = decisions.read({ ...filter, ...(cursor === undefined ? {} : { after: cursor }), limit })
      const moved = batch.next !== cursor
      cursor = batch.next
      if (batch.events.length > 0 || batch.missed > 0) ready = deliver(batch)
      if (!ready || closed || !moved || batch.events.length < limit) return
    }
    schedule(0)
  }

  const unsubscribe = decisions.subscribe(() => schedule(gatherMs))
  schedule(0)
  return {
    wake() {
      ready = true
      schedule(0)
    },
    close() {
      closed = true
      if (timer !== null) clearTimeout(timer)
      unsubscribe()
    },
  }
}
