/** What every gate of one `createAuth` shares: its configuration, and the places where state is kept. */

import type { Namespace } from 'socket.io'
import type { Clock } from '../core/clock.ts'
import type { CompiledPolicy } from '../core/compiled-policy.ts'
import type { DecideOptions } from '../core/decide.ts'
import type { Lease } from '../core/lease.ts'
import { isExpired } from '../core/lease.ts'
import type { RevocationIndex } from '../core/revocation.ts'
import type { Strategy } from '../core/strategy.ts'
import type { Trace } from '../core/trace.ts'
import { AuthError, type AuthErrorCode } from '../errors.ts'
import type { AuditTrail } from './audit-trail.ts'
import { withDeadline } from './deadline.ts'
import type { LeaseTimer } from './lease-timer.ts'
import type { Limits } from './limits.ts'
import type { Redaction } from './redact.ts'
import type { Entry, Registry } from './registry.ts'
import type { OnError } from './report.ts'
import type { Shadows } from './shadow-port.ts'
import type { Throttle } from './throttle.ts'
import type { Unadmitted } from './unadmitted.ts'

export interface Guard {
  /** Those in force at the moment: a reload may replace them. */
  readonly strategies: readonly Strategy[]
  readonly limits: Limits
  readonly clock: Clock
  readonly audit: AuditTrail
  readonly onError: OnError
  readonly registry: Registry
  readonly revocations: RevocationIndex
  readonly leases: LeaseTimer
  readonly throttle: Throttle
  readonly unadmitted: Unadmitted
  readonly redaction: Redaction
  /** The policy in force in a namespace at the moment; undefined where it is closed. */
  readonly policyOf: (namespace: Namespace) => CompiledPolicy | undefined
  /** Whether the request of a connection is let go of once it is admitted. */
  readonly discardRequest: boolean
  /** True once this node lets go of its connections: it takes no new ones. */
  readonly isDraining: () => boolean
  /** How long a socket may stay connected before it presents a credential; null when it must come with one. */
  readonly deferMs: number | null
  readonly lease: LeaseSettings
  /** Looks again at authority that a store can take back. */
  readonly revalidation: Revalidation
  /** Settles at once when this node has heard of every revocation; rejects with AUTH_UNAVAILABLE when it cannot know. */
  readonly ready: () => Promise<void>
  /** The same, at this very moment. */
  readonly isFresh: () => boolean
  /** A socket has connected: whoever it replaces is disconnected. Null where several connections are fine. */
  readonly replaceOthers: ((entry: Entry) => void) | null
  readonly memberships: MembershipWatch
  /** Second policies, which are asked for comparison. */
  readonly shadows: Shadows
  /** Follows how decisions come about; only in the copy of a guard that explanations are made with. */
  readonly trace?: Trace
}

/** What asks memberships again when they may have changed unheard. */
export interface MembershipWatch {
  /** A socket has connected: what it was admitted with may be older than the last change. */
  connected(entry: Entry): void
  /** This node was out of touch for a while: everybody is in doubt. */
  missed(): void
}

export interface Revalidation {
  /**
   * A socket has connected, or was refreshed: its authority was good just now, and is looked at again if it has a handle. It is
   * no longer looked at under a handle that it had before.
   */
  add(entry: Entry): void
  /** Another strategy has taken the place of the one that accepted it: it is that one which looks from now on. */
  inherit(entry: Entry): void
  /** A socket has gone. */
  delete(entry: Entry): void
  /** How many sockets are looked at again. */
  readonly size: number
  close(): void
}

/** Durations around a lease. Milliseconds. */
export interface LeaseSettings {
  /** How long before its end a client is told, by `auth:expiring`. Default 30,000; 0 for never. */
  readonly expiringMs: number
  /**
   * How long past its end a client may still refresh, without losing its connection. Meanwhile it receives nothing, and what it
   * sends is answered AUTH_EXPIRED. Default 0.
   */
  readonly graceMs: number
  /** How long a socket may stay whose session or token could not be looked at again. Default 60,000. */
  readonly revalidateGraceMs: number
}

/** Why an authority that no socket holds yet does not hold at this moment, or null. */
export function endOf(guard: Guard, lease: Lease, names: readonly string[]): AuthErrorCode | null {
  if (!guard.isFresh()) return 'AUTH_UNAVAILABLE'
  if (isExpired(lease, guard.clock.now() / 1000)) return 'AUTH_EXPIRED'
  return guard.revocations.find(names, lease.issuedAt) === null ? null : 'AUTH_REVOKED'
}

/** Why the authority of a tracked socket no longer holds, or null. Revocations have marked the entry themselves. */
export function endOfEntry(guard: Guard, entry: Entry): AuthErrorCode | null {
  if (entry.ended !== null) return entry.ended
  if (!guard.isFresh()) return 'AUTH_UNAVAILABLE'
  const { expiresAt } = entry.lease
  if (expiresAt !== null && guard.clock.now() / 1000 >= expiresAt) return 'AUTH_EXPIRED'
  // Also where the clock was set back since.
  return entry.withheld?.has('expired') ? 'AUTH_EXPIRED' : null
}

/**
 * What was decided under a strategy that a reload has replaced meanwhile, which may accept less.
 *
 * @throws AuthError AUTH_UNAVAILABLE, so that it is tried again under what is in force now
 */
export function requireInForce(guard: Guard, strategy: Strategy): void {
  if (!guard.strategies.includes(strategy)) throw new AuthError('AUTH_UNAVAILABLE', { reason: 'reloaded' })
}

/** True for what `requireInForce` throws: under what is in force now, it may be otherwise. */
export function isReloaded(error: unknown): boolean {
  return AuthError.is(error) && error.reason === 'reloaded'
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
export function decideOptions({ limits, clock, onError, trace }: Guard): DecideOptions {
  return { deadline: (promise) => withDeadline(promise, limits.ruleTimeoutMs, clock), onError, trace }
}
