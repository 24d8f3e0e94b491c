/** A policy's word on a connect or a renewal: may it, until when, and which rooms follow from it. */

import { decide } from '../core/decide.ts'
import type { Lease } from '../core/lease.ts'
import { shorten } from '../core/lease.ts'
import { AuthError, type AuthErrorCode, CODES } from '../errors.ts'
import type { Admission } from './connection.ts'
import { decideOptions, type Guard } from './guard.ts'
import type { Entry } from './registry.ts'

/** An authority that a policy is asked about; an `Entry` is one. */
export interface Authority extends Pick<Entry, 'policy' | 'identity' | 'lease' | 'namespace'> {
  readonly connection: { readonly admission: Pick<Admission, 'handshake'> }
}

export interface Permission {
  readonly lease: Lease
  /** When the `connect` rule said that its permission ends; null when it did not. */
  readonly permittedUntil: number | null
  readonly memberships: readonly string[]
}

/** Asks `connect`, then `memberships`. @throws AuthError of the decision; whatever the application threw */
export async function askPolicy(guard: Guard, authority: Authority): Promise<Permission> {
  const permittedUntil = await askConnect(guard, authority)
  const lease = shorten(authority.lease, permittedUntil)
  return { lease, permittedUntil, memberships: await askMemberships(guard, authority) }
}

/** When the permission to connect ends, or null. @throws AuthError of the decision */
export async function askConnect(
  guard: Guard,
  { policy, identity, lease, namespace, connection }: Authority,
): Promise<number | null> {
  if (policy.connect === null) return null
  const request = { identity, lease, namespace, handshake: connection.admission.handshake }
  const asked = { rule: policy.connect, name: 'connect', where: `connect of ${namespace}` }
  const decision = await decide(asked, request, decideOptions(guard))
  if (decision.effect === 'deny') throw new AuthError(decision.code, { reason: 'connect_rule' })
  const { expiresAt } = decision
  if (expiresAt !== null && expiresAt <= guard.clock.now() / 1000)
    throw new AuthError('AUTH_EXPIRED', { reason: 'connect_rule' })
  return expiresAt
}

/** True when a rule did not come to a verdict, which takes nothing away from a lease that holds. */
export function isUndecided(code: AuthErrorCode): boolean {
  return code === 'AUTH_ERROR' || CODES[code].retry === 'backoff'
}

const NO_ROOMS: readonly string[] = Object.freeze([])

/** The rooms that follow from an identity. @throws TypeError; whatever the application threw */
export async function askMemberships(
  guard: Guard,
  { policy, identity, namespace }: Pick<Authority, 'policy' | 'identity' | 'namespace'>,
): Promise<readonly string[]> {
  const { memberships } = policy
  if (memberships === null) return NO_ROOMS
  const startedMs = guard.trace === undefined ? 0 : performance.now()
  const rooms: unknown = await decideOptions(guard).deadline(Promise.resolve().then(() => memberships(identity)))
  if (!Array.isArray(rooms) || !rooms.every((room) => typeof room === 'string' && room !== '')) {
    throw new TypeError(`"memberships" of ${namespace} must return an array of room names`)
  }
  guard.trace?.check('memberships', null, startedMs)
  // The application may go on changing its array, from which nobody could tell then what has changed.
  return Object.freeze([...rooms])
}
