/** One event per decision; of a socket that is refused all the time, one for many. */

import type { AuthErrorCode } from '../errors.ts'
import type { Identity } from './identity.ts'

/**
 * Where a decision was made: at the HTTP handshake, a connect, a refresh, an event, a join; or why authority ended: at its own
 * end, by a revocation, or because a reload brought other rules.
 */
export type AuditStage = 'handshake' | 'connect' | 'refresh' | 'event' | 'join' | 'expire' | 'revoke' | 'reload'

/** Holds no credential, no cookie and no claim. */
export interface AuditEvent {
  readonly id: string
  /** Epoch seconds, with a fraction. */
  readonly at: number
  /** Where it was made. */
  readonly stage: AuditStage
  readonly namespace: string | null
  readonly room?: string
  readonly event?: string
  /** The client's address, where it is known. */
  readonly address?: string
  readonly socketId?: string
  readonly identity: Pick<Identity, 'scheme' | 'issuer' | 'subject'> | null
  readonly effect: 'permit' | 'deny'
  /** Null for a permit. */
  readonly code: AuthErrorCode | null
  /** Which rule or check decided, such as `events.news:publish` or `strategies.jwt`. */
  readonly rule: string
  /** A fixed word that says which check failed, such as `signature`. */
  readonly reason?: string
  /** Refusals of the same socket since the last event that names it, which were too many to write down; left out for none. */
  readonly suppressed?: number
  /** Microseconds from the request to the decision. */
  readonly tookUs: number
}

/** A function that receives every decision. What it throws is ignored: an audit sink never changes a decision. */
export type AuditSink = (event: AuditEvent) => void
