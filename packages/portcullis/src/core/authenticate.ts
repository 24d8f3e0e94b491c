/** Asks the strategies in order: the first that recognises a credential decides, well or ill. */

import { AuthError } from '../errors.ts'
import type { Connect, Handshake } from './handshake.ts'
import { freezeIdentity, type Identity } from './identity.ts'
import type { Authentication, Strategy } from './strategy.ts'

/** An authentication and the strategy that gave it. */
export interface Authenticated<I extends Identity = Identity> {
  readonly strategy: Strategy<I>
  readonly authentication: Authentication<I>
}

/**
 * Null when no strategy recognised a credential. With `connect`, only credentials of the CONNECT packet are looked at:
 * the request's own were for the handshake to decide.
 *
 * @throws AuthError of the strategy; AUTH_ERROR when it threw anything else or answered with something malformed
 */
export async function authenticate<I extends Identity>(
  strategies: readonly Strategy<I>[],
  handshake: Handshake,
  connect: Connect | null,
): Promise<Authenticated<I> | null> {
  for (const strategy of strategies) {
    let authentication: Authentication<I> | null
    try {
      authentication = await strategy.authenticate(handshake, connect)
    } catch (error) {
      throw AuthError.is(error) ? error : new AuthError('AUTH_ERROR', { reason: 'strategy_threw', cause: error })
    }
    if (authentication === null) continue
    return { strategy, authentication: wellFormed(strategy, authentication) }
  }
  return null
}

/** True when any strategy may find its credential in the CONNECT packet, so that the handshake cannot decide alone. */
export function readsConnect(strategies: readonly Strategy[]): boolean {
  return strategies.some((strategy) => strategy.from.some((source) => source.in === 'auth'))
}

/**
 * A strategy may be the application's own: what it answered is checked before anyone believes it.
 *
 * @throws AuthError AUTH_ERROR
 */
export function wellFormed<I extends Identity>(strategy: Strategy<I>, value: Authentication<I>): Authentication<I> {
  const { identity, lease, revocableBy = [], handle } = value ?? {}
  const sound =
    isText(identity?.scheme) &&
    identity.scheme === strategy.scheme &&
    isText(identity.issuer) &&
    isText(identity.subject) &&
    isText(lease?.id) &&
    Number.isFinite(lease.issuedAt) &&
    (lease.expiresAt === null || Number.isFinite(lease.expiresAt)) &&
    Array.isArray(revocableBy)
  if (!sound) throw new AuthError('AUTH_ERROR', { reason: 'strategy_answer_malformed' })
  return {
    identity: freezeIdentity(identity),
    lease: Object.freeze({ id: lease.id, issuedAt: lease.issuedAt, expiresAt: lease.expiresAt }),
    revocableBy,
    ...(handle === undefined ? {} : { handle }),
  }
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}
