/** Telling a client, and the audit log, of rooms that came and went because memberships changed. */

import type { AuditStage } from '../core/audit.ts'
import type { AuthErrorCode } from '../errors.ts'
import { refusalOf } from '../errors.ts'
import { JOINED, type JoinedNotice, LEFT, type LeftNotice } from '../protocol.ts'
import type { Guard } from './guard.ts'
import { notify } from './packet.ts'
import type { Entry } from './registry.ts'
import type { Difference } from './renew.ts'

/** `startedMs` is `performance.now()` at the question; `cause` is the stage of the audit log for a room that was left. */
export function tellDifference(
  guard: Guard,
  entry: Entry,
  { joined, left }: Difference,
  startedMs: number,
  cause: AuditStage = 'expire',
): void {
  const refusal = refusalOf('AUTH_FORBIDDEN')
  for (const room of left) {
    record(room, 'AUTH_FORBIDDEN')
    notify(entry.socket, LEFT, { ...refusal, room } satisfies LeftNotice)
  }
  for (const room of joined) record(room, null)
  if (joined.length > 0) notify(entry.socket, JOINED, { rooms: joined } satisfies JoinedNotice)

  function record(room: string, code: AuthErrorCode | null): void {
    if (!guard.audit.enabled) return
    const { namespace, socket, identity } = entry
    const stage = code === null ? 'join' : cause
    guard.audit.record({ stage, namespace, socketId: socket.id, room, identity, code, rule: 'memberships', startedMs })
  }
}
