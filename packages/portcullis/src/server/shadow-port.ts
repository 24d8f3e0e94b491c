/** What the gates tell a second policy. Nothing that it does throws, or changes an answer. */

import type { Namespace } from 'socket.io'
import type { CompiledPolicy } from '../core/compiled-policy.ts'
import type { Decision } from '../core/decision.ts'
import type { Lease } from '../core/lease.ts'
import type { ShadowCounts, ShadowDifference } from '../core/shadow.ts'
import type { AuthErrorCode } from '../errors.ts'
import type { Entry } from './registry.ts'

/** What the policy in force said. */
export interface Enforced {
  readonly code: AuthErrorCode | null
  readonly rule: string
}

/** What it said of a room. */
export interface EnforcedRoom {
  readonly room: string
  readonly decision: Decision
  readonly rule: string
}

/** The second policy of one namespace. */
export interface Shadow {
  /** Copies an event as it was received; the answer is to be told when there is one. Undefined when it is left out. */
  event(entry: Entry, data: readonly unknown[]): ((enforced: Enforced) => void) | undefined
  join(entry: Entry, enforced: EnforcedRoom, presented: unknown): void
  /** `lease` is that of the credential, before the policy has shortened it; `asked` is the answer of `askPolicy`. */
  connect(entry: Entry, lease: Lease, asked: Promise<{ readonly memberships: readonly string[] }>): void
  readonly counts: ShadowCounts
}

/** The second policies of a guard, by namespace. */
export interface Shadows {
  /** That of a namespace, or of the dynamic one that it is a child of. */
  of(namespace: Namespace): Shadow | undefined
  set(namespace: Namespace, policy: CompiledPolicy, onDifference: (difference: ShadowDifference) => unknown): void
  delete(namespace: Namespace): void
  counts(): readonly ShadowCounts[]
  close(): void
}
