/** Time, as everything in the library reads it, so that a test can move it. */

export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number
  /** Milliseconds of a clock that nobody sets, for durations. Default: `now`. */
  monotonic?(): number
  /** Runs `fn` once after `delayMs` (at most 2^31-1); the returned function cancels it. */
  setTimer(fn: () => void, delayMs: number): () => void
}

/** Epoch seconds (RFC 7519 NumericDate), with a fraction. */
export function secondsOf(clock: Clock): number {
  return clock.now() / 1000
}

/** Milliseconds, for durations only. */
export function monotonicMs(clock: Clock): number {
  return clock.monotonic?.() ?? clock.now()
}
