/** Whose answers count no more: what was asked about a principal before it was forgotten is asked again. */

import type { Identity } from '../core/identity.ts'

/** Issuer and subject, which name a principal. */
export type Principal = Pick<Identity, 'issuer' | 'subject'>

export interface Forgotten {
  /** Grows with every forgetting: an answer carries the number of when it was asked for. */
  readonly now: () => number
  readonly forget: (principal: Principal) => void
  /** The number of when it was last forgotten; 0 for never, or for so long ago that no answer from before is left. */
  readonly at: (principal: Principal) => number
}

/** More of them are forgotten together with everybody else. */
const MAX_FORGOTTEN = 10_000

/** `keepMs`: how old an answer can be that is still remembered. `everything` is called when there are too many to tell apart. */
export function createForgotten(now: () => number, keepMs: number, everything: () => void): Forgotten {
  const found = new Map<string, { readonly sequence: number; readonly atMs: number }>()
  let sequence = 0

  function prune(): void {
    for (const [name, { atMs }] of found) {
      if (atMs > now() - keepMs) break
      found.delete(name)
    }
    if (found.size < MAX_FORGOTTEN) return
    found.clear()
    everything()
  }

  return {
    now: () => sequence,
    forget(principal) {
      prune()
      sequence += 1
      const name = nameOf(principal)
      // Last in the order of the map is the youngest.
      found.delete(name)
      found.set(name, { sequence, atMs: now() })
    },
    at: (principal) => found.get(nameOf(principal))?.sequence ?? 0,
  }
}

/** A principal as text. */
export function nameOf({ issuer, subject }: Principal): string {
  return JSON.stringify([issuer, subject])
}
