/** A node that cannot hear of revocations serves nobody: its sockets are hidden, and after a while closed. */

import { endEntry } from './end-entry.ts'
import type { Guard } from './guard.ts'
import type { Entry } from './registry.ts'
import { restore, withhold } from './withhold.ts'

export interface Suspension {
  suspend(): void
  /** To be called when all that was missed has been applied. */
  resume(): void
  close(): void
}

/** Closing one socket takes some 40 µs; after so many, everybody else has a turn. */
const SLICE = 100

export function createSuspension(guard: () => Guard, suspendedForMs: number): Suspension {
  let cancel = () => {}

  function end(entries: readonly Entry[]): void {
    for (const entry of entries.slice(0, SLICE)) endEntry(guard(), entry, 'AUTH_UNAVAILABLE')
    const rest = entries.slice(SLICE)
    cancel = rest.length === 0 ? () => {} : guard().clock.setTimer(() => end(rest), 0)
  }

  return {
    suspend() {
      for (const entry of guard().registry.all()) withhold(entry, 'suspended')
      cancel()
      cancel = guard().clock.setTimer(() => end([...guard().registry.all()]), suspendedForMs)
    },
    resume() {
      cancel()
      for (const entry of guard().registry.all()) {
        if (!restore(entry, 'suspended')) endEntry(guard(), entry, 'AUTH_UNAVAILABLE')
      }
      guard().memberships.missed()
    },
    close() {
      cancel()
    },
  }
}
