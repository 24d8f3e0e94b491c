// @ts-check
/** What the guards of the benchmark allow: all its clients come from one address, and many at a time. */

/** What a store or a database has, to answer. */
export const SLOW_MS = 60_000

export const LIMITS = {
  handshakesPerMinute: Number.POSITIVE_INFINITY,
  failuresPerMinute: Number.POSITIVE_INFINITY,
  maxPendingHandshakes: 1_000_000,
  // A slow machine measures slowness, and refuses nobody.
  authenticateTimeoutMs: SLOW_MS,
  connectTimeoutMs: SLOW_MS,
  // Not Infinity: by default events are counted, and that is part of what they cost.
  eventsPerSecond: 1_000_000_000,
}
