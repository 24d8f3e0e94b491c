/** The decisions of a facade, as events of the same kind as those of `createAuth`: they count what is left to migrate. */

import { randomUUID } from 'node:crypto'
import type { AuditEvent, AuditSink, AuditStage, AuthErrorCode, Identity } from 'portcullis'
import type { Socket } from 'socket.io'

/** One decision about a socket. `rule` is `compat/<library>`, and `reason` a fixed word. */
export interface LegacyDecision {
  readonly stage: AuditStage
  readonly rule: string
  readonly identity: Identity | null
  readonly code: AuthErrorCode | null
  readonly room?: string
  readonly reason?: string | undefined
  /** `performance.now()` when it began. */
  readonly startedMs: number
}

export function recordLegacy(audit: AuditSink | undefined, socket: Socket, decision: LegacyDecision): void {
  if (audit === undefined) return
  const { stage, rule, identity, code, room, reason, startedMs } = decision
  const event: AuditEvent = {
    id: randomUUID(),
    at: Date.now() / 1000,
    stage,
    namespace: socket.nsp.name,
    socketId: socket.id,
    // `socket.handshake` may be that of Socket.IO 0.9, whose address is an object.
    address: socket.conn.remoteAddress,
    identity:
      identity === null ? null : { scheme: identity.scheme, issuer: identity.issuer, subject: identity.subject },
    effect: code === null ? 'permit' : 'deny',
    code,
    rule,
    ...(room === undefined ? {} : { room }),
    ...(reason === undefined ? {} : { reason }),
    tookUs: Math.round((performance.now() - startedMs) * 1000),
  }
  toSink(audit, event)
}

/** What a sink throws, or rejects with where it is `async`, never changes a decision. */
export function toSink(audit: AuditSink, event: AuditEvent): void {
  try {
    Promise.resolve(audit(event) as unknown).catch(() => {})
  } catch {
    // As above.
  }
}
