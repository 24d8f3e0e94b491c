/** A policy's word on a connect: may it, until when, and which rooms follow from it. */

import { decide } from '../core/decide.ts'
import { shorten } from '../core/lease.ts'
import { AuthError } from '../errors.ts'
import { decideOptions, type Guard } from './guard.ts'
import type { Entry } from './registry.ts'

/** Asks `connect`, then `memberships`. @throws AuthError of the decision; whatever the application threw */
export async function applyPolicy(guard: Guard, entry: Entry): Promise<void> {
  const { policy, identity, namespace } = entry
  const options = decideOptions(guard)
  if (policy.connect !== null) {
    const { handshake } = entry.connection.admission
    const request = { identity, lease: entry.lease, namespace, handshake }
    const decision = await decide(policy.connect, request, `connect of ${namespace}`, options)
    if (decision.effect === 'deny') throw new AuthError(decision.code, { reason: 'connect_rule' })
    entry.lease = shorten(entry.lease, decision.expiresAt)
  }
  if (policy.memberships !== null) {
    const { memberships } = policy
    const rooms: unknown = await options.deadline(Promise.resolve().then(() => memberships(identity)))
    if (!Array.isArray(rooms) || !rooms.every((room) => typeof room === 'string' && room !== '')) {
      throw new TypeError(`"memberships" of ${namespace} must return an array of room names`)
    }
    entry.memberships = rooms
  }
}
