/** What to do after a refusal: refresh once, wait and try again, or stop. Plain state; no timers, no socket. */

import type { Refusal } from '../protocol.ts'

export type Step =
  | { readonly step: 'stop' }
  | { readonly step: 'refresh' }
  | { readonly step: 'wait'; readonly delayMs: number }

export interface RetryPlan {
  next(refusal: Refusal): Step
  /** A connection ended after `durationMs`. One that lasted is a fresh start. */
  lasted(durationMs: number): void
  /** The network failed in between, so that the next refusal is not "twice running". */
  interrupted(): void
  /** The application began anew. */
  forget(): void
}

/** A connection shorter than this proves nothing. Also the shortest backoff, so that no cycle is faster. */
export const LASTING_MS = 1_000
const MAX_DELAY_MS = 30_000

/**
 * `backoff` waits 1 to 2 s, then 2 to 4 s, doubling up to 15 to 30 s, for ever; where the server says when to come back, at first
 * for that long and up to a quarter more, and never less afterwards. `refresh` is taken once for each code;
 * the same code again is terminal, unless a connection lasted 1 s, a backoff or a failure of the network lay between.
 */
export function retryPlan(random: () => number): RetryPlan {
  const refreshed = new Set<string>()
  let waits = 0

  function forget(): void {
    refreshed.clear()
    waits = 0
  }

  return {
    next({ code, retry, retryAfterMs }) {
      if (retry === 'backoff') {
        refreshed.clear()
        const ceiling = Math.min(MAX_DELAY_MS, LASTING_MS * 2 ** ++waits)
        const ownMs = (ceiling * (1 + random())) / 2
        if (retryAfterMs === undefined) return { step: 'wait', delayMs: ownMs }
        // Whoever is sent away once comes back when it was told to; whoever is sent away again and again waits as ever.
        const toldMs = retryAfterMs * (1 + random() / 4)
        return { step: 'wait', delayMs: waits === 1 ? toldMs : Math.max(ownMs, toldMs) }
      }
      if (retry === 'refresh' && !refreshed.has(code)) {
        refreshed.add(code)
        return { step: 'refresh' }
      }
      forget()
      return { step: 'stop' }
    },
    lasted(durationMs) {
      if (durationMs >= LASTING_MS) forget()
    },
    interrupted() {
      refreshed.clear()
    },
    forget,
  }
}
