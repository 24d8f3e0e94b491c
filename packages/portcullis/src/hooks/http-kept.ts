/** What was last known of a connected socket, for an outage: it is let be for a while, and given nothing new. */

import type { Identity } from '../core/identity.ts'
import type { Authentication } from '../core/strategy.ts'

export interface Kept<I extends Identity> {
  readonly put: (name: string, found: Authentication<I>) => void
  readonly drop: (name: string) => void
  /** What was found within the grace, or undefined. */
  readonly get: (name: string) => Authentication<I> | undefined
}

/** One more drops the one that was not looked at for longest. */
const MAX_KEPT = 100_000

/** Names are digests, so that no credential is kept here. */
export function createKept<I extends Identity>(now: () => number, graceMs: number): Kept<I> {
  const kept = new Map<string, { readonly found: Authentication<I>; readonly atMs: number }>()
  return {
    put(name, found) {
      if (graceMs === 0) return
      const atMs = now()
      kept.delete(name)
      kept.set(name, { found, atMs })
      for (const [oldest, { atMs: then }] of kept) {
        if (kept.size <= MAX_KEPT && then + graceMs > atMs) break
        kept.delete(oldest)
      }
    },
    drop: (name) => void kept.delete(name),
    get(name) {
      const last = kept.get(name)
      return last !== undefined && last.atMs + graceMs > now() ? last.found : undefined
    },
  }
}
