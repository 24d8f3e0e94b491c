/** What the store keeps of a ticket, and how it gets there. */

import { randomBytes } from 'node:crypto'
import { AuthError } from '../errors.ts'
import { canonicalAddress, digestOf, isOrigin, isSessionBinding, type TicketBindings } from './ticket-bindings.ts'
import type { TicketSettings } from './ticket-options.ts'
import { keepTicket, TAKEN } from './ticket-store.ts'

/** Whom a ticket is for, and where it may be presented. `claims` may be left out only where none are expected. */
export type TicketClaim<Claims = unknown> = TicketHolder &
  (Readonly<Record<string, never>> extends Claims ? Partial<TicketClaims<Claims>> : TicketClaims<Claims>)

interface TicketClaims<Claims> {
  /** Plain JSON for the rules, as it is now. Default `{}`. */
  readonly claims: Claims
}

interface TicketHolder {
  /** Unique among the users of this issuer, and never given to someone else later. */
  readonly subject: string
  /** Epoch seconds of the login that the ticket stands for; a revocation after it counts. Default: now. */
  readonly issuedAt?: number
  /** Only for a page of this origin, exactly as browsers send it in `Origin`. Default: any that the server admits. */
  readonly origin?: string
  /** Only for this client address, in any spelling. Default: any. */
  readonly address?: string
  /** Only for a client with this `User-Agent`, which is no secret. Default: any. */
  readonly userAgent?: string
  /**
   * Only together with this cookie, decoded: `{ cookie: 'connect.sid', value: req.cookies['connect.sid'] }`. It must be one
   * whose value stays, as express-session's does and Laravel's does not. Default: with any.
   */
  readonly session?: { readonly cookie: string; readonly value: string }
  /** Only for this namespace, and then only in the CONNECT packet. Default: any. */
  readonly namespace?: string
}

/** A new ticket. */
export interface IssuedTicket {
  /** For the client, and for nobody else. */
  readonly ticket: string
  /** Seconds in which it must be presented. */
  readonly expiresInSeconds: number
}

/** What stands in the store, as JSON. */
export interface TicketRecord extends TicketBindings {
  readonly subject: string
  readonly claims: unknown
  readonly issuedAt: number
}

/** Under which a ticket is kept: whoever reads the store can present none. */
export function keyOf(ticket: string): string {
  return digestOf(ticket)
}

/** `issue` of `tickets`. */
export function createIssue<Claims>(settings: TicketSettings) {
  return async function issue(claim: TicketClaim<Claims>): Promise<IssuedTicket> {
    const record = JSON.stringify(recordOf(claim, settings.clock.now() / 1000))
    const ticket = randomBytes(32).toString('base64url')
    await keepTicket(settings, keyOf(ticket), record, settings.ttlSeconds * 1000)
    return { ticket, expiresInSeconds: settings.ttlSeconds }
  }
}

/** @throws AuthError AUTH_CREDENTIAL_INVALID when there is none; AUTH_UNAVAILABLE when it is none of ours */
export function ticketRecordOf(stored: string | typeof TAKEN | null): TicketRecord {
  // One answer to the client, two words in the audit log: a ticket that comes twice was seen by somebody else.
  if (stored === TAKEN) throw new AuthError('AUTH_CREDENTIAL_INVALID', { reason: 'ticket_replayed' })
  if (stored === null) throw new AuthError('AUTH_CREDENTIAL_INVALID', { reason: 'ticket_unknown' })
  const { subject, claims, issuedAt, origin, address, userAgent, session, namespace } = parsed(stored)
  const isBinding = (value: unknown) => value === null || typeof value === 'string'
  const sound =
    typeof subject === 'string' &&
    subject !== '' &&
    typeof issuedAt === 'number' &&
    [origin, address, userAgent, namespace].every(isBinding) &&
    (session === null || isSessionBinding(session)) &&
    claims !== undefined
  if (!sound) throw new AuthError('AUTH_UNAVAILABLE', { reason: 'store_content' })
  return { subject, claims, issuedAt, origin, address, userAgent, session, namespace } as TicketRecord
}

function parsed(stored: string): Record<string, unknown> {
  try {
    return Object.assign(Object.create(null), JSON.parse(stored))
  } catch {
    // The error may quote the record: it is not kept.
    return {}
  }
}

function recordOf(claim: TicketClaim, now: number): TicketRecord {
  const own: TicketClaim = Object.assign(Object.create(null), claim)
  const { subject, claims = {}, issuedAt = now, origin = null, address = null, namespace = null } = own
  const { userAgent = null, session = null } = own
  if (typeof subject !== 'string' || subject === '') throw new TypeError('"subject" must be a non-empty string')
  if (!(Number.isFinite(issuedAt) && issuedAt >= 0)) throw new TypeError('"issuedAt" must be epoch seconds')
  if (JSON.stringify(claims) === undefined) throw new TypeError('"claims" must be plain JSON')
  if (origin !== null && !isOrigin(origin)) {
    throw new TypeError('"origin" must be an origin as browsers send it, such as https://app.example')
  }
  const canonical = address === null ? null : canonicalAddress(address)
  if (address !== null && canonical === null) throw new TypeError('"address" must be an IP address')
  if (userAgent !== null && typeof userAgent !== 'string') throw new TypeError('"userAgent" must be a string')
  if (namespace !== null && !(typeof namespace === 'string' && namespace.startsWith('/'))) {
    throw new TypeError('"namespace" must begin with /')
  }
  return {
    subject,
    claims,
    issuedAt,
    origin,
    address: canonical,
    userAgent: userAgent === null ? null : digestOf(userAgent),
    session: session === null ? null : sessionBindingOf(session),
    namespace,
  }
}

function sessionBindingOf(session: TicketClaim['session']): TicketBindings['session'] {
  const { cookie, value }: { cookie?: unknown; value?: unknown } = Object.assign(Object.create(null), session)
  if (typeof cookie !== 'string' || cookie === '' || typeof value !== 'string' || value === '') {
    throw new TypeError('"session" must be the name and the value of a cookie')
  }
  return { cookie, digest: digestOf(value) }
}
