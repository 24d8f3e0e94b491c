/** What an application's `identify` says of a stored login, the check of it, and the authority that follows. */

import { createHash } from 'node:crypto'
import type { Clock } from '../core/clock.ts'
import type { Identity } from '../core/identity.ts'
import type { Authentication } from '../core/strategy.ts'
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

/** Whose subjects these are, and how long a login of theirs holds. */
export interface LoginTerms {
  readonly scheme: string
  readonly issuer: string
  readonly leaseSeconds: number
  readonly maxLifetimeSeconds: number
  readonly clock: Pick<Clock, 'now'>
}

/**
 * The authority of a login that a session holds. The lease ends after `leaseSeconds`, when the login is `maxLifetimeSeconds`
 * old, or with the session (`sessionEnd`, epoch seconds), whichever is first. The session's id revokes it.
 *
 * @throws AuthError AUTH_ERROR when `found` is malformed; AUTH_EXPIRED when the login is too old
 */
export function loginAuthentication<Scheme extends string, Claims>(
  found: LoginSubject<Claims>,
  sessionId: string,
  { scheme, issuer, leaseSeconds, maxLifetimeSeconds, clock }: LoginTerms,
  sessionEnd: number = Number.POSITIVE_INFINITY,
): Authentication<Identity<Scheme, Claims>> {
  const now = clock.now() / 1000
  const { subject, issuedAt, claims } = checkedSubject(found, now)
  const lifetimeEnd = (issuedAt === 0 ? now : issuedAt) + maxLifetimeSeconds
  if (lifetimeEnd <= now) throw new AuthError('AUTH_EXPIRED', { reason: 'max_lifetime' })
  return {
    identity: { scheme: scheme as Scheme, issuer, subject, claims: claims as Claims },
    lease: { id: leaseId(sessionId), issuedAt, expiresAt: Math.min(now + leaseSeconds, sessionEnd, lifetimeEnd) },
    revocableBy: [{ session: sessionId }],
  }
}

/** Names the lease in logs: a digest, since whoever reads the id of a session must not come to hold it. */
function leaseId(sessionId: string): string {
  return createHash('sha256').update(`lease:${sessionId}`).digest('base64url').slice(0, 22)
}
