/** A clock that moves only when a test moves it. */

import type { Clock } from 'portcullis'

/** A clock that only a test moves. Made by `fakeClock`. */
export interface FakeClock extends Clock {
  /**
   * Lets `ms` milliseconds pass: runs each timer that comes due at its own moment, in order, timers set meanwhile
   * included. Before the first, after each and at the end it yields one turn of the event loop, so that every promise
   * settled so far has had its say; input and output of the network it does not wait for.
   *
   * @throws RangeError when `ms` is not a number from 0 on; whatever a timer throws
   */
  advance(ms: number): Promise<void>
  /** The wall clock jumps to epoch milliseconds `ms`, as after a correction. No timer runs, or gets closer. */
  set(ms: number): void
  /** How many timers are set. 0 at the end of a test: nothing leaked. */
  readonly pending: number
}

interface Timer {
  readonly fn: () => void
  readonly dueAt: number
}

/** A longer `setTimeout` fires at once, in Node and in browsers. */
const MAX_DELAY_MS = 2 ** 31 - 1

// Taken at import, so that a runner's fake timers do not freeze this clock.
const nextTurn = globalThis.setImmediate ?? globalThis.setTimeout

/**
 * A `Clock` for tests. It starts at epoch milliseconds `startMs`, by default 2024-01-01T00:00:00Z.
 *
 * Its `setTimer` throws a RangeError for a delay that a real `setTimeout` would get wrong: above 2^31-1 ms, or NaN. It
 * does not replace `Date` or `setTimeout`; only code that is given this clock sees it.
 *
 * @example
 * const clock = fakeClock()
 * const auth = createAuth({ clock, strategies })
 * await clock.advance(60_000)
 */
export function fakeClock(startMs: number = Date.UTC(2024, 0, 1)): FakeClock {
  const timers = new Set<Timer>()
  let passedMs = 0
  let originMs = finite(startMs, 'startMs')

  function firstDueBy(endMs: number): Timer | undefined {
    let first: Timer | undefined
    for (const timer of timers) {
      if (timer.dueAt <= endMs && (first === undefined || timer.dueAt < first.dueAt)) first = timer
    }
    return first
  }

  return {
    now: () => originMs + passedMs,
    monotonic: () => passedMs,
    setTimer(fn, delayMs) {
      if (!(delayMs <= MAX_DELAY_MS)) throw new RangeError(`a timer of ${delayMs} ms would fire at once`)
      const timer = { fn, dueAt: passedMs + Math.max(0, delayMs) }
      timers.add(timer)
      return () => {
        timers.delete(timer)
      }
    },
    async advance(ms) {
      if (finite(ms, 'ms') < 0) throw new RangeError('"ms" must not be negative')
      const endMs = passedMs + ms
      await turn()
      for (let timer = firstDueBy(endMs); timer; timer = firstDueBy(endMs)) {
        timers.delete(timer)
        passedMs = Math.max(passedMs, timer.dueAt)
        timer.fn()
        await turn()
      }
      passedMs = Math.max(passedMs, endMs)
    },
    set(ms) {
      originMs = finite(ms, 'ms') - passedMs
    },
    get pending() {
      return timers.size
    },
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => {
    nextTurn(resolve)
  })
}

function finite(value: number, option: string): number {
  if (!Number.isFinite(value)) throw new RangeError(`"${option}" must be a finite number`)
  return value
}
