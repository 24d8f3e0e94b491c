/** An authority looked at again while its socket stands: everything that was decided under the old one is decided anew. */

import type { AuditStage } from '../core/audit.ts'
import type { CompiledPolicy } from '../core/compiled-policy.ts'
import { isSamePrincipal } from '../core/identity.ts'
import { type Lease, shorten } from '../core/lease.ts'
import type { Authentication, Strategy } from '../core/strategy.ts'
import { AuthError, type AuthErrorCode } from '../errors.ts'
import { askMemberships, askPolicy, isUndecided, type Permission } from './apply-policy.ts'
import { endEntry } from './end-entry.ts'
import { armLease } from './entry-lease.ts'
import { endGrant, holdGrant } from './grants.ts'
import { endOf, type Guard, requireInForce } from './guard.ts'
import { codeOfVerdict, judgeRoom, type Verdict } from './judge-room.ts'
import { type Entry, namesOf } from './registry.ts'
import { restore } from './withhold.ts'

/** The rooms that a renewal changed. */
export interface Difference {
  readonly joined: readonly string[]
  readonly left: readonly string[]
}

/** What an entry becomes. */
interface Renewed extends Pick<Entry, 'identity' | 'names' | 'lease' | 'strategy' | 'handle'> {}

/**
 * Asks `connect`, `memberships` and the rule of every room held again, under `given` or, with null, under the authority that there is,
 * and puts the answers into force together. Renewals of one socket wait for one another. Where the policy no longer permits
 * the connect, the socket is closed. A revocation that comes meanwhile wins.
 *
 * @throws AuthError AUTH_SUBJECT_CHANGED for another principal, AUTH_CREDENTIAL_INVALID for an older credential of the same
 * strategy, the code of whatever ended the authority, AUTH_UNAVAILABLE or AUTH_ERROR where a rule could not decide, that of a
 * room included; nothing has changed then, unless the socket was closed
 */
export function renew(
  guard: Guard,
  entry: Entry,
  given: Authentication | null,
  strategy: Strategy = entry.strategy,
): Promise<Difference> {
  return inTurnUnderOnePolicy(entry, async () => {
    requireOpen(entry)
    requireInForce(guard, strategy)
    const { policy } = entry
    const next = given === null ? entry : renewedBy(entry, given, strategy)
    requireAuthority(guard, next)
    let permission: Permission
    try {
      permission = await askPolicy(guard, { ...partsOf(entry), ...next })
    } catch (error) {
      requireSame(entry, policy)
      if (AuthError.is(error) && error.reason === 'connect_rule' && !isUndecided(error.code)) {
        requireOpen(entry)
        endEntry(guard, entry, error.code)
      }
      throw error
    }
    const lease = permission.lease
    const asker = { ...partsOf(entry), ...next, lease }
    const held = [...entry.grants]
    const verdicts = await Promise.all(held.map(([room, { presented }]) => judgeRoom(guard, asker, room, presented)))
    requireOpen(entry)
    requireSame(entry, policy)
    requireInForce(guard, next.strategy)
    requireAuthority(guard, { ...next, lease })
    requireVerdicts(entry, verdicts)
    put(guard, entry, { ...next, lease }, permission)
    return rooms(guard, entry, permission.memberships, verdicts)
  })
}

/**
 * A later end for the same authority: identity, claims and names are what they were, so that no rule would decide otherwise.
 *
 * @throws AuthError as `renew`
 */
export function extend(guard: Guard, entry: Entry, given: Authentication): Promise<void> {
  return inTurn(entry, async () => {
    requireOpen(entry)
    const next = renewedBy(entry, given, entry.strategy)
    const lease = shorten(next.lease, entry.permittedUntil)
    requireAuthority(guard, { ...next, lease })
    put(guard, entry, { ...next, lease }, { permittedUntil: entry.permittedUntil })
  })
}

/** Asks `memberships` again, and nothing else. @throws AuthError; whatever the application threw */
export function reconcile(guard: Guard, entry: Entry): Promise<Difference> {
  return inTurnUnderOnePolicy(entry, async () => {
    requireOpen(entry)
    const { policy } = entry
    const memberships = await askMemberships(guard, entry)
    requireOpen(entry)
    requireSame(entry, policy)
    return rooms(guard, entry, memberships, [])
  })
}

export function inTurn<T>(entry: Entry, work: () => Promise<T>): Promise<T> {
  const turn = entry.renewal === null ? work() : entry.renewal.then(work, work)
  entry.renewal = turn
  const done = () => {
    if (entry.renewal === turn) entry.renewal = null
  }
  turn.then(done, done)
  return turn
}

function partsOf({ socket, connection, namespace, policy }: Entry) {
  return { socket, connection, namespace, policy }
}

function renewedBy(entry: Entry, given: Authentication, strategy: Strategy): Renewed {
  const { identity, lease, handle } = given
  if (!isSamePrincipal(entry.identity, identity)) throw new AuthError('AUTH_SUBJECT_CHANGED')
  if (strategy === entry.strategy && lease.issuedAt < entry.lease.issuedAt) {
    throw new AuthError('AUTH_CREDENTIAL_INVALID', { reason: 'older' })
  }
  return { identity, names: namesOf(given), lease, strategy, handle }
}

/** Begins again where `requireSame` finds that a reload has brought another policy: nobody could say what the two make together. */
function inTurnUnderOnePolicy<T>(entry: Entry, attempt: () => Promise<T>): Promise<T> {
  return inTurn(entry, async () => {
    for (;;) {
      try {
        return await attempt()
      } catch (error) {
        if (!(AuthError.is(error) && error.reason === POLICY_REPLACED)) throw error
      }
    }
  })
}

const POLICY_REPLACED = 'policy_replaced'

function requireSame(entry: Entry, policy: CompiledPolicy): void {
  if (entry.policy !== policy) throw new AuthError('AUTH_UNAVAILABLE', { reason: POLICY_REPLACED })
}

export function requireOpen(entry: Entry): void {
  const code: AuthErrorCode | null = entry.ended ?? (entry.state === 'connected' ? null : 'AUTH_UNAVAILABLE')
  if (code !== null) throw new AuthError(code, { reason: 'ended' })
}

function requireAuthority(
  guard: Guard,
  { lease, names }: { readonly lease: Lease; readonly names: readonly string[] },
) {
  const code = endOf(guard, lease, names)
  if (code !== null) throw new AuthError(code)
}

function requireVerdicts({ grants }: Entry, verdicts: readonly Verdict[]): void {
  for (const { room, decision } of verdicts) {
    if (decision.effect === 'permit' || !isUndecided(decision.code) || !grants.has(room)) continue
    throw new AuthError(decision.code, { reason: 'room' })
  }
}

function put(guard: Guard, entry: Entry, next: Renewed, { permittedUntil }: Pick<Permission, 'permittedUntil'>): void {
  guard.registry.rename(entry, next.names)
  entry.identity = next.identity
  // Never the same object: whoever was being judged under it is judged again.
  entry.lease = Object.freeze({ ...next.lease })
  entry.strategy = next.strategy
  entry.handle = next.handle
  entry.permittedUntil = permittedUntil
  armLease(guard, entry)
  Object.assign(entry.socket.data, { identity: entry.identity, lease: entry.lease })
  if (restore(entry, 'expired')) return
  endEntry(guard, entry, 'AUTH_UNAVAILABLE')
  requireOpen(entry)
}

/** Joins and leaves what changed, and tells the client of grants that ended. `stage` is for the audit log. */
export function rooms(
  guard: Guard,
  entry: Entry,
  memberships: readonly string[],
  verdicts: readonly Verdict[],
  stage: AuditStage = 'expire',
): Difference {
  const before = roomsOf(entry)
  const now = guard.clock.now() / 1000
  const former = entry.memberships
  entry.memberships = memberships
  for (const verdict of verdicts) {
    const grant = entry.grants.get(verdict.room)
    // Left, or at its end, while the rules were asked.
    if (grant === undefined) continue
    const code = codeOfVerdict(verdict, now)
    if (code !== null) endGrant(guard, entry, verdict.room, code, stage)
    else if (verdict.decision.effect === 'permit')
      holdGrant(guard, entry, verdict.room, verdict.decision.expiresAt, grant.presented)
  }
  const after = roomsOf(entry)
  const joined = [...after].filter((room) => !before.has(room))
  const left = [...before].filter((room) => !after.has(room))
  const { socket } = entry
  for (const room of former) if (!after.has(room)) socket.leave(room)
  if (joined.length > 0) Promise.resolve(socket.join(joined)).catch((error) => guard.onError(error, 'renewal'))
  return { joined, left }
}

function roomsOf({ memberships, grants }: Entry): Set<string> {
  return new Set([...memberships, ...grants.keys()])
}
