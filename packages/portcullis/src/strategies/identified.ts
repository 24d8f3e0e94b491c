/** What an application's `identify` says of a stored login, and the check of it. */

import type { Clock } from '../core/clock.ts'
import { AuthError } from '../errors.ts'

/** Who is logged in. */
export interface LoginSubject<Claims = unknown> {
  /** Unique among the users of this issuer, and never given to someone else later. */
  readonly subject: string
  /** Plain JSON for the rules. Default `{}`. */
  readonly claims?: Claims
  /**
   * When this login happened, epoch seconds. Default 0, "unknown": every revocation of the subject then covers the
   * session, also one that preceded the login. Store the moment of login to tell the two apart.
   */
  readonly issuedAt?: number
}

/** A subject that has been checked. `claims` is what was given, or `{}`. */
export interface CheckedSubject {
  readonly subject: string
  readonly issuedAt: number
  readonly claims: unknown
}

/** Clocks of two nodes may differ by this much; a login further ahead is a mistake, such as milliseconds for seconds. */
const SKEW_SECONDS = 60

/** @throws AuthError AUTH_ERROR when it is malformed. A polluted prototype logs nobody in. */
export function checkedSubject(found: object, nowSeconds: number): CheckedSubject {
  const { subject, issuedAt = 0, claims = {} }: Record<string, unknown> = Object.assign(Object.create(null), found)
  const dated = typeof issuedAt === 'number' && issuedAt >= 0 && issuedAt <= nowSeconds + SKEW_SECONDS
  if (typeof subject !== 'string' || subject === '' || !dated) {
    throw new AuthError('AUTH_ERROR', { reason: 'identify_answer_malformed' })
  }
  // Dated ahead, a login would escape a revocation of this moment.
  return { subject, issuedAt: Math.min(issuedAt, nowSeconds), claims }
}

/** How long a login read at this moment holds. */
export interface LoginTerms {
  readonly leaseSeconds: number
  readonly maxLifetimeSeconds: number
  readonly clock: Pick<Clock, 'now'>
}

/**
 * Epoch seconds at which a lease from a login ends: after `leaseSeconds`, or when the login is `maxLifetimeSeconds` old.
 *
 * @throws AuthError AUTH_EXPIRED when it is already
 */
export function loginEnd(issuedAt: number, { leaseSeconds, maxLifetimeSeconds, clock }: LoginTerms): number {
  const now = clock.now() / 1000
  const lifetimeEnd = (issuedAt === 0 ? now : issuedAt) + maxLifetimeSeconds
  if (lifetimeEnd <= now) throw new AuthError('AUTH_EXPIRED', { reason: 'max_lifetime' })
  return Math.min(now + leaseSeconds, lifetimeEnd)
}
