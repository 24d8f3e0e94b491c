/** The rooms that a socket joined by asking, each until its own end or the lease's. */

import type { AuditStage } from '../core/audit.ts'
import { type AuthErrorCode, refusalOf } from '../errors.ts'
import { LEFT, type LeftNotice } from '../protocol.ts'
import type { Guard } from './guard.ts'
import { notify } from './packet.ts'
import { type Entry, type Grant, NO_GRANTS } from './registry.ts'

/** Keeps a room that was joined; `expiresAt` is the grant's own end, or null. */
export function holdGrant(
  guard: Guard,
  entry: Entry,
  room: string,
  expiresAt: number | null,
  presented: unknown,
): void {
  forgetGrant(guard, entry, room)
  const expiring = expiresAt === null ? null : { expiresAt, expire: () => endGrant(guard, entry, room, 'AUTH_EXPIRED') }
  if (expiring !== null) guard.leases.add(expiring)
  if (entry.grants === NO_GRANTS) entry.grants = new Map()
  entry.grants.set(room, { expiresAt, expiring, presented } satisfies Grant)
}

/** Ends a grant, and tells the client why. `stage` is for the audit log. The room is left unless it also follows from who the client is. */
export function endGrant(
  guard: Guard,
  entry: Entry,
  room: string,
  code: AuthErrorCode,
  stage: AuditStage = 'expire',
): void {
  if (!forgetGrant(guard, entry, room) || entry.state !== 'connected') return
  if (!entry.memberships.includes(room)) entry.socket.leave(room)
  if (guard.audit.enabled) {
    const { namespace, socket, identity } = entry
    const startedMs = performance.now()
    guard.audit.record({
      stage,
      namespace,
      socketId: socket.id,
      room,
      identity,
      code,
      rule: 'grant',
      startedMs,
    })
  }
  notify(entry.socket, LEFT, { ...refusalOf(code), room } satisfies LeftNotice)
}

/** Lets go of a grant and leaves the room alone. False when there was none. */
export function forgetGrant(guard: Guard, entry: Entry, room: string): boolean {
  const grant = entry.grants.get(room)
  if (grant === undefined) return false
  if (grant.expiring !== null) guard.leases.delete(grant.expiring)
  return entry.grants.delete(room)
}
