/** The last decisions of this node with what they were made of, so that they can be asked again. Never leaves the process. */

import type { AuditEvent } from '../core/audit.ts'
import type { Handshake } from '../core/handshake.ts'
import type { Identity } from '../core/identity.ts'

/** What a gate had before it, besides what the audit event says. */
export interface Material {
  readonly identity: Identity | null
  /** The second argument of `auth:join`. */
  readonly presented?: unknown
  /** The request that opened the connection, where it was the question. */
  readonly handshake?: Handshake | undefined
}

export interface Remembered extends Material {
  readonly event: AuditEvent
}

export interface DecisionMemory {
  keep(remembered: Remembered): void
  find(id: string): Remembered | undefined
  clear(): void
}

/** Keeps the last `capacity` decisions; 0 for none. Finding one costs a look at all of them. */
export function createDecisionMemory(capacity: number): DecisionMemory {
  const ring: (Remembered | undefined)[] = []
  let slot = 0
  return {
    keep(remembered) {
      if (capacity === 0) return
      ring[slot] = remembered
      slot = slot + 1 === capacity ? 0 : slot + 1
    },
    find: (id) => ring.find((remembered) => remembered?.event.id === id),
    clear() {
      ring.length = 0
      slot = 0
    },
  }
}
