/** A second policy beside the one in force: what it would have answered, and where that differs. */

import type { AuthErrorCode } from '../errors.ts'
import type { AuditStage } from './audit.ts'
import type { Identity } from './identity.ts'
import type { Policy } from './policy.ts'

/** What one of the two policies said. */
export interface ShadowVerdict {
  readonly effect: 'permit' | 'deny'
  readonly code: AuthErrorCode | null
  /** As the audit log names it: `events.news:publish`, `rooms.org:{id}`, `connect`, `memberships`. */
  readonly rule: string
}

/** One request that the two policies answer differently. Holds no claim and no argument. */
export interface ShadowDifference {
  /** Epoch seconds at which the difference was found, shortly after the request. */
  readonly at: number
  /** `connect`, `event` or `join`; a room that follows from `memberships` under one policy alone is a `join` by that rule. */
  readonly stage: Extract<AuditStage, 'connect' | 'event' | 'join'>
  readonly namespace: string
  readonly room?: string
  readonly event?: string
  readonly identity: Pick<Identity, 'scheme' | 'issuer' | 'subject'>
  /** What was answered. */
  readonly enforced: ShadowVerdict
  /** What the second policy would have answered. */
  readonly shadow: ShadowVerdict
}

/** A second policy, and who is told of differences. */
export interface ShadowOptions<I extends Identity, Events, Rooms extends string> {
  /** A whole policy: what it leaves out it refuses, like the one in force. */
  readonly policy: Policy<I, Events, Rooms>
  /** Told of each difference in effect or code, in a later tick. What it throws is reported to `onError`. */
  readonly onDifference: (difference: ShadowDifference) => unknown
}

/** What came of a second policy so far. */
export interface ShadowCounts {
  readonly namespace: string
  /** Requests that both policies have answered. */
  readonly compared: number
  /** Differences found; of one connect, at most 100 rooms are told of. */
  readonly differing: number
  /** Requests that were not compared: too many were waiting, or what was sent is larger than 64 KiB or could not be copied. */
  readonly skipped: number
}
