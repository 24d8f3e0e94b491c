/** Makes audit events of decisions and hands them to the application's sink. */

import { randomBytes } from 'node:crypto'
import type { AuditEvent, AuditSink } from '../core/audit.ts'
import { type Clock, secondsOf } from '../core/clock.ts'
import { isThenable } from '../core/decide.ts'
import type { AuthErrorCode } from '../errors.ts'
import { type Bucket, createBucket } from './bucket.ts'
import type { DecisionMemory, Material } from './explain-memory.ts'
import type { Limits } from './limits.ts'

/** What a gate knows of its decision. `startedMs` is `performance.now()` at the request's arrival. */
export interface Decided
  extends Omit<AuditEvent, 'id' | 'at' | 'tookUs' | 'identity' | 'effect' | 'code' | 'suppressed'>,
    Material {
  /** Null is a permit. */
  readonly code: AuthErrorCode | null
  readonly startedMs: number
  /** Whose decision it is, for one that its client can bring about as often as it likes. Not kept. */
  readonly of?: object
}

export interface AuditTrail {
  /** False when nobody listens: a gate then need not put a record together. */
  readonly enabled: boolean
  record(decided: Decided): void
}

/** A sink that throws, or whose promise rejects, changes nothing. What was decided with is kept in `memory` alone. */
export function createAuditTrail(
  sink: AuditSink | undefined,
  clock: Clock,
  memory: DecisionMemory,
  limits: Pick<Limits, 'auditedDenialsPerSecond'>,
): AuditTrail {
  if (sink === undefined) return { enabled: false, record: () => {} }
  const node = randomBytes(6).toString('base64url')
  let count = 0
  const denials = createDenials(clock, limits.auditedDenialsPerSecond)
  return {
    enabled: true,
    record(decided) {
      const suppressed = denials.count(decided)
      if (suppressed === null) return
      count += 1
      const event = eventOf(decided, `${node}-${count}`, secondsOf(clock), suppressed)
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
function eventOf(decided: Decided, id: string, at: number, suppressed: number): AuditEvent {
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
  if (suppressed > 0) made.suppressed = suppressed
  return made
}

/** So many of one socket are written down at once before the rate counts. */
const AT_ONCE = 1_000

/** Which refusals of a socket are not written down, so that no client can fill a log. */
function createDenials(clock: Clock, perSecond: number) {
  const sockets = new WeakMap<object, { readonly take: Bucket; suppressed: number }>()
  return {
    /** How many were suppressed since the last one that was not; null for one that is itself. */
    count({ of, code, stage }: Decided): number | null {
      if (of === undefined || code === null || perSecond === Number.POSITIVE_INFINITY) return 0
      let socket = sockets.get(of)
      if (stage === 'event' || stage === 'join') {
        socket ??= { take: createBucket(clock, perSecond, AT_ONCE), suppressed: 0 }
        sockets.set(of, socket)
        if (!socket.take()) {
          socket.suppressed += 1
          return null
        }
      }
      const suppressed = socket?.suppressed ?? 0
      if (socket !== undefined) socket.suppressed = 0
      return suppressed
    },
  }
}
