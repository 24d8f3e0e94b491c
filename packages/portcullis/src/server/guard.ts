/** What every gate of one `createAuth` shares: configuration that never changes, and the places where state is kept. */

import type { Clock } from '../core/clock.ts'
import type { DecideOptions } from '../core/decide.ts'
import type { Lease } from '../core/lease.ts'
import { isExpired } from '../core/lease.ts'
import type { RevocationIndex } from '../core/revocation.ts'
import type { Strategy } from '../core/strategy.ts'
import { AuthError, type AuthErrorCode } from '../errors.ts'
import type { AuditTrail } from './audit-trail.ts'
import { withDeadline } from './deadline.ts'
import type { LeaseTimer } from './lease-timer.ts'
import type { Limits } from './limits.ts'
import type { Redaction } from './redact.ts'
import type { Entry, Registry } from './registry.ts'
import type { OnError } from './report.ts'
import type { Throttle } from './throttle.ts'

export interface Guard {
  readonly strategies: readonly Strategy[]
  readonly limits: Limits
  readonly clock: Clock
  readonly audit: AuditTrail
  readonly onError: OnError
  readonly registry: Registry
  readonly revocations: RevocationIndex
  readonly leases: LeaseTimer
  readonly throttle: Throttle
  readonly redaction: Redaction
  /** How long a socket may stay connected before it presents a credential; null when it must come with one. */
  readonly deferMs: number | null
  /** Settles at once when the revocation log is being followed; rejects with AUTH_UNAVAILABLE when it is not. */
  readonly ready: () => Promise<void>
}

/** Why an authority that no socket holds yet does not hold at this moment, or null. */
export function endOf(guard: Guard, lease: Lease, names: readonly string[]): AuthErrorCode | null {
  if (isExpired(lease, guard.clock.now() / 1000)) return 'AUTH_EXPIRED'
  return guard.revocations.find(names, lease.issuedAt) === null ? null : 'AUTH_REVOKED'
}

/** Why the authority of a tracked socket no longer holds, or null. Revocations have marked the entry themselves. */
export function endOfEntry(guard: Guard, entry: Entry): AuthErrorCode | null {
  if (entry.ended !== null) return entry.ended
  const { expiresAt } = entry.lease
  return expiresAt !== null && guard.clock.now() / 1000 >= expiresAt ? 'AUTH_EXPIRED' : null
}

/** Any error as an `AuthError`; what the application's code threw is reported first. */
export function asAuthError(error: unknown, where: string, onError: OnError): AuthError {
  if (AuthError.is(error)) {
    if (error.cause !== undefined) onError(error.cause, where)
    return error
  }
  onError(error, where)
  return new AuthError('AUTH_ERROR', { reason: 'threw', cause: error })
}

/** How the rules of the application are asked: within `ruleTimeoutMs`, and with what they throw reported. */
export function decideOptions({ limits, clock, onError }: Guard): DecideOptions {
  return { deadline: (promise) => withDeadline(promise, limits.ruleTimeoutMs, clock), onError }
}
