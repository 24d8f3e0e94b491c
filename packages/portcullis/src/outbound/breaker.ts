/** Stops asking a back end that fails, and asks again with one request. */

export type BreakerState = 'closed' | 'open' | 'half_open'

export interface Breaker {
  readonly state: () => BreakerState
  /** Whether a call may start now: not while it is open, and one at a time while it is half open. */
  readonly admits: () => boolean
  /** Starts a call; what it gives must be told once how the call went. */
  readonly start: () => (failed: boolean) => void
  /** Milliseconds until it asks again; 0 unless it is open. */
  readonly remainingMs: () => number
}

const WINDOW_MS = 10_000
const FAILURES = 5
const PAUSE_MS = 1000

/**
 * Opens after 5 failures within 10 s, when at least half of the calls failed: otherwise a few credentials that a back end
 * cannot digest would shut everybody out. Stays open for 1 to 2 s, at random, so that nodes do not come back in step.
 */
export function createBreaker(now: () => number, random: () => number = Math.random): Breaker {
  let outcomes: { readonly at: number; readonly failed: boolean }[] = []
  let openUntil: number | null = null
  let probing = false

  function state(): BreakerState {
    if (openUntil === null) return 'closed'
    return now() < openUntil ? 'open' : 'half_open'
  }

  function open(): void {
    openUntil = now() + PAUSE_MS * (1 + random())
    outcomes = []
  }

  function count(failed: boolean): void {
    const since = now() - WINDOW_MS
    // Bounded: beyond this many recent calls the oldest no longer count.
    outcomes = [...outcomes.filter(({ at }) => at > since).slice(-199), { at: now(), failed }]
    const failures = outcomes.filter((outcome) => outcome.failed).length
    if (failures >= FAILURES && failures * 2 >= outcomes.length) open()
  }

  return {
    state,
    admits: () => state() === 'closed' || (state() === 'half_open' && !probing),
    start() {
      const probe = state() === 'half_open'
      if (probe) probing = true
      return (failed) => {
        if (probe) {
          probing = false
          if (failed) open()
          else openUntil = null
        } else if (openUntil === null) {
          // A call from before it opened says nothing new.
          count(failed)
        }
      }
    },
    remainingMs: () => Math.max(0, (openUntil ?? 0) - now()),
  }
}
