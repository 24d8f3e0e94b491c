/** What a back end is told after the event: bounded, repeated a few times, and given up with a count. */

import type { Clock } from '../core/clock.ts'
import type { Item } from './http-item.ts'

/** For metrics. */
export interface NoticesState {
  readonly waiting: number
  /** Those that never arrived, since the start. */
  readonly dropped: number
}

export interface Notices {
  readonly put: (item: Item) => void
  readonly state: () => NoticesState
  /** Sends what waits, once, and takes no more. */
  readonly close: () => Promise<void>
}

export interface NoticesOptions {
  readonly send: (items: readonly Item[]) => Promise<void>
  readonly clock: Pick<Clock, 'setTimer'>
  readonly onError: (error: unknown, where: string) => void
  readonly size: number
  readonly waitMs: number
  /** Waiting at the same time; one more drops the oldest. */
  readonly limit: number
}

/** Between the tries of one batch. */
const PAUSES_MS = [1_000, 4_000, 16_000]

export function createNotices({ send, clock, onError, size, waitMs, limit }: NoticesOptions): Notices {
  let waiting: Item[] = []
  let dropped = 0
  let timer: ReturnType<typeof setTimeout> | null = null
  let working: Promise<void> | null = null
  let closed = false
  /** Ends the pause between two tries. */
  let hurry = () => {}

  function put(item: Item): void {
    if (closed) {
      dropped += 1
      return
    }
    waiting.push(item)
    if (waiting.length > limit) {
      waiting.shift()
      dropped += 1
    }
    if (working === null) timer ??= setTimeout(start, waitMs)
  }

  function start(): void {
    if (timer !== null) clearTimeout(timer)
    timer = null
    working ??= work().finally(() => {
      working = null
    })
  }

  /** One request at a time, so that a back end that comes back is not met by everything that waited. */
  async function work(): Promise<void> {
    while (waiting.length > 0) {
      const batch = waiting.slice(0, size)
      waiting = waiting.slice(size)
      await deliver(batch)
    }
  }

  async function deliver(batch: readonly Item[]): Promise<void> {
    for (let tries = 0; ; tries += 1) {
      try {
        return await send(batch)
      } catch (error) {
        const pauseMs = PAUSES_MS[tries]
        if (pauseMs === undefined || closed) {
          dropped += batch.length
          return onError(error, `${batch.length} notices of hooks were dropped`)
        }
        await pause(pauseMs)
      }
    }
  }

  function pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = clock.setTimer(resolve, ms)
      hurry = () => {
        cancel()
        resolve()
      }
      if (closed) hurry()
    })
  }

  return {
    put,
    state: () => ({ waiting: waiting.length, dropped }),
    async close() {
      closed = true
      hurry()
      start()
      await working
    },
  }
}
