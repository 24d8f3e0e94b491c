/** Makes audit events of decisions and hands them to the application's sink. */

import { randomBytes } from 'node:crypto'
import type { AuditEvent, AuditSink } from '../core/audit.ts'
import { type Clock, secondsOf } from '../core/clock.ts'
import type { Identity } from '../core/identity.ts'
import type { AuthErrorCode } from '../errors.ts'

/** What a gate knows of its decision. `startedMs` is `performance.now()` at the request's arrival. */
export interface Decided extends Omit<AuditEvent, 'id' | 'at' | 'tookUs' | 'identity' | 'effect' | 'code'> {
  readonly identity: Identity | null
  /** Null is a permit. */
  readonly code: AuthErrorCode | null
  readonly startedMs: number
}

export interface AuditTrail {
  /** False when nobody listens: a gate then need not put a record together. */
  readonly enabled: boolean
  record(decided: Decided): void
}

/** A sink that throws, or whose promise rejects, changes nothing. */
export function createAuditTrail(sink: AuditSink | undefined, clock: Clock): AuditTrail {
  if (sink === undefined) return { enabled: false, record: () => {} }
  const node = randomBytes(6).toString('base64url')
  let count = 0
  return {
    enabled: true,
    record({ startedMs, identity, code, ...rest }) {
      count += 1
      const event: AuditEvent = {
        ...rest,
        id: `${node}-${count}`,
        at: secondsOf(clock),
        identity: identity && { scheme: identity.scheme, issuer: identity.issuer, subject: identity.subject },
        effect: code === null ? 'permit' : 'deny',
        code,
        tookUs: Math.round((performance.now() - startedMs) * 1000),
      }
      try {
        // A sink is often an async function; its rejection would otherwise end the process.
        Promise.resolve(sink(event) as unknown).catch(() => {})
      } catch {
        // The decision stands whether or not it was written down.
      }
    },
  }
}
