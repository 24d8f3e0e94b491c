/** Makes audit events of decisions and hands them to the application's sink. */

import { randomBytes } from 'node:crypto'
import type { AuditEvent, AuditSink } from '../core/audit.ts'
import { type Clock, secondsOf } from '../core/clock.ts'
import { isThenable } from '../core/decide.ts'
import type { AuthErrorCode } from '../errors.ts'
import type { DecisionMemory, Material } from './explain-memory.ts'

/** What a gate knows of its decision. `startedMs` is `performance.now()` at the request's arrival. */
export interface Decided extends Omit<AuditEvent, 'id' | 'at' | 'tookUs' | 'identity' | 'effect' | 'code'>, Material {
  /** Null is a permit. */
  readonly code: AuthErrorCode | null
  readonly startedMs: number
}

export interface AuditTrail {
  /** False when nobody listens: a gate then need not put a record together. */
  readonly enabled: boolean
  record(decided: Decided): void
}

/** A sink that throws, or whose promise rejects, changes nothing. What was decided with is kept in `memory` alone. */
export function createAuditTrail(sink: AuditSink | undefined, clock: Clock, memory: DecisionMemory): AuditTrail {
  if (sink === undefined) return { enabled: false, record: () => {} }
  const node = randomBytes(6).toString('base64url')
  let count = 0
  return {
    enabled: true,
    record(decided) {
      count += 1
      const event = eventOf(decided, `${node}-${count}`, secondsOf(clock))
      const { identity, presented, handshake } = decided
      memory.keep({ event, identity, presented, handshake })
      try {
        const answer: unknown = sink(event)
        // A sink is often an async function; its rejection would otherwise end the process.
        if (isThenable(answer)) Promise.resolve(answer).catch(() => {})
      } catch {
        // The decision stands whether or not it was written down.
      }
    },
  }
}

/** Field by field: what is made by spreading is laid out anew for each event, which takes more than ten times as long. */
function eventOf(decided: Decided, id: string, at: number): AuditEvent {
  const { stage, namespace, room, event, address, socketId, identity, code, rule, reason } = decided
  const made: { -readonly [Field in keyof AuditEvent]: AuditEvent[Field] } = {
    id,
    at,
    stage,
    namespace,
    identity: identity && { scheme: identity.scheme, issuer: identity.issuer, subject: identity.subject },
    effect: code === null ? 'permit' : 'deny',
    code,
    rule,
    tookUs: Math.round((performance.now() - decided.startedMs) * 1000),
  }
  if (room !== undefined) made.room = room
  if (event !== undefined) made.event = event
  if (address !== undefined) made.address = address
  if (socketId !== undefined) made.socketId = socketId
  if (reason !== undefined) made.reason = reason
  return made
}
