/** What was last known of a connected socket: for an outage, which lets it be for a while, and for when it is refused. */

import type { Identity } from '../core/identity.ts'
import type { Authentication } from '../core/strategy.ts'

export interface Kept<I extends Identity> {
  readonly put: (name: string, found: Authentication<I>) => void
  /** Forgets it, and says what it was. */
  readonly drop: (name: string) => Authentication<I> | undefined
  /** What was found within the grace, or undefined. */
  readonly get: (name: string) => Authentication<I> | undefined
}

/** Those of one back end, by name. The same name is the same one, with the `keepMs` that it was made with. */
export function createKepts(now: () => number, graceMs: number) {
  const byName = new Map<string, Kept<Identity>>()
  return function keptOf<I extends Identity>(name: string, keepMs: number): Kept<I> {
    const kept = byName.get(name) ?? createKept<Identity>(now, graceMs, keepMs)
    byName.set(name, kept)
    return kept as unknown as Kept<I>
  }
}

/** One more drops the one that was not looked at for longest. */
const MAX_KEPT = 100_000

/**
 * Names are digests, so that no credential is kept here. `keepMs`: how long after it was found somebody may be refused, whatever the
 * grace.
 */
function createKept<I extends Identity>(now: () => number, graceMs: number, keepMs: number): Kept<I> {
  const dropMs = Math.max(graceMs, keepMs)
  const kept = new Map<string, { readonly found: Authentication<I>; readonly atMs: number }>()
  return {
    put(name, found) {
      const atMs = now()
      kept.delete(name)
      kept.set(name, { found, atMs })
      for (const [oldest, { atMs: then }] of kept) {
        if (kept.size <= MAX_KEPT && then + dropMs > atMs) break
        kept.delete(oldest)
      }
    },
    drop(name) {
      const last = kept.get(name)
      kept.delete(name)
      return last?.found
    },
    get(name) {
      const last = kept.get(name)
      return last !== undefined && last.atMs + graceMs > now() ? last.found : undefined
    },
  }
}
