/** One-time tickets: a page that is logged in fetches one over HTTP, and opens its socket with it. */

import type { Handshake } from '../core/handshake.ts'
import type { Identity } from '../core/identity.ts'
import type { Authentication, Strategy } from '../core/strategy.ts'
import { AuthError } from '../errors.ts'
import { MAX_CREDENTIAL_BYTES, readOne } from './from.ts'
import { assertBindings } from './ticket-bindings.ts'
import { createHandlers, type TicketHandlers } from './ticket-handlers.ts'
import { settingsOf, type TicketOptions, type TicketSettings } from './ticket-options.ts'
import {
  createIssue,
  type IssuedTicket,
  keyOf,
  type TicketClaim,
  type TicketRecord,
  ticketRecordOf,
} from './ticket-record.ts'
import { takeTicket } from './ticket-store.ts'

export type { TicketBinding, TicketEndpointOptions } from './ticket-endpoint-options.ts'
export type {
  ExpressTicketRequest,
  FastifyTicketReply,
  FastifyTicketRequest,
  TicketHandlers,
} from './ticket-handlers.ts'
export type { TicketOptions } from './ticket-options.ts'
export type { IssuedTicket, TicketClaim } from './ticket-record.ts'
export {
  memoryTicketStore,
  type RedisTicketClient,
  TAKEN,
  type TicketStore,
  ticketStoreOfRedis,
} from './ticket-store.ts'

/** Issues tickets, by a function and over HTTP, and recognises them. Made by `tickets`. */
export interface Tickets<Claims, Scheme extends string> extends TicketHandlers<Claims> {
  /**
   * A new ticket for someone who was authenticated by other means.
   *
   * @throws TypeError when the claim is malformed; AuthError AUTH_UNAVAILABLE when the store cannot keep it
   */
  issue(claim: TicketClaim<Claims>): Promise<IssuedTicket>
  readonly strategy: Strategy<Identity<Scheme, Claims>>
}

/** 32 bytes in base64url. */
const TICKET = /^[A-Za-z0-9_-]{43}$/

/**
 * Tickets of 256 random bits that admit once, within `ttlSeconds`. Read from `auth.ticket` of the CONNECT packet, unless `from`
 * says otherwise; with `allowQuery('ticket')`, from the URL too, where a ticket that was used does no harm in a log.
 *
 * The store keeps the ticket's SHA-256, and takes it by one atomic command: of several who present it, one is admitted, on
 * whatever node. When a ticket ends, the store's clock decides. It may be bound to an origin, an address, a user agent, the cookie
 * of a session and a namespace; whoever presents it elsewhere is refused, and the ticket is used up. One in the HTTP request
 * admits its connection, to every namespace and as long as the lease; one in a CONNECT packet admits to that namespace alone.
 *
 * The lease ends after `leaseSeconds`. It is dated by the claim's `issuedAt`, so that a revocation between issue and use counts;
 * where the clocks of two nodes differ, it may miss one by that much.
 *
 * Does not check: who asks for a ticket (`identify` does, or the route that calls `issue`), and, unless a ticket is bound to its
 * session, whether the same request carries another credential, of somebody else: who makes a visitor's page use a ticket of his
 * own has logged the visitor in as himself. A store that answered too late may have used the ticket up: the client fetches another.
 * A ticket is gone once it has admitted, so that nothing is looked at again while its socket stands: its lease ends it.
 *
 * @throws TypeError at once, when an option is missing or malformed
 * @throws AuthError from `authenticate`: AUTH_CREDENTIAL_INVALID (malformed, unknown or too old, `ticket_replayed` when it was
 * used, presented elsewhere: always 401, because another ticket helps), AUTH_UNAVAILABLE (the store failed or was slow)
 *
 * @example
 * const { strategy, express } = tickets({ store: ticketStoreOfRedis(redis) })
 * app.post('/ticket', express({ identify: (req) => (req.user ? { subject: req.user.id } : null) }))
 * // the page: io(url, { auth: async (send) => send(await (await fetch('/ticket', { method: 'POST' })).json()) })
 *
 * @see OWASP ASVS 5.0 section 4.4.4; subpath `portcullis/strategies/ticket`
 */
export function tickets<Claims = Readonly<Record<string, never>>, const Scheme extends string = 'ticket'>(
  options: TicketOptions<Scheme>,
): Tickets<Claims, Scheme> {
  // Without a prototype, so that a polluted one configures nothing.
  const own: typeof options = Object.assign(Object.create(null), options)
  const settings = settingsOf(own)
  type Answer = Authentication<Identity<Scheme, Claims>>
  // A connection is asked about its request again when it joins a namespace late: its ticket was used, and by itself.
  const redeemed = new WeakMap<Handshake, Promise<Answer>>()

  async function redeem(ticket: string, ...request: Parameters<Strategy['authenticate']>): Promise<Answer> {
    // Of sources, only those of this library bound what they read.
    if (ticket.length > MAX_CREDENTIAL_BYTES) throw invalid('too_long')
    if (!TICKET.test(ticket)) throw invalid('malformed')
    const key = keyOf(ticket)
    const record = ticketRecordOf(await takeTicket(settings, key))
    assertBindings(record, ...request)
    return authenticationOf<Scheme, Claims>(record, key, settings)
  }

  const strategy = Object.freeze({
    scheme: settings.scheme as Scheme,
    from: settings.from,
    issuers: Object.freeze([settings.issuer]),
    maxLifetimeSeconds: settings.maxLifetimeSeconds,
    async authenticate(handshake, connect) {
      const ticket = readOne(settings.from, handshake, connect)
      if (ticket === null) return null
      if (connect !== null) return redeem(ticket, handshake, connect)
      const known = redeemed.get(handshake)
      if (known !== undefined) return known
      const answer = redeem(ticket, handshake, connect)
      redeemed.set(handshake, answer)
      return answer
    },
  } satisfies Strategy<Identity<Scheme, Claims>>)
  const issue = createIssue<Claims>(settings)
  return Object.freeze({ issue, strategy, ...createHandlers(issue, settings.clock) })
}

function authenticationOf<Scheme extends string, Claims>(
  { subject, claims, issuedAt }: TicketRecord,
  key: string,
  { scheme, issuer, leaseSeconds, clock }: TicketSettings,
): Authentication<Identity<Scheme, Claims>> {
  const now = clock.now() / 1000
  return {
    identity: { scheme: scheme as Scheme, issuer, subject, claims: claims as Claims },
    // Dated ahead by another node's clock, it would escape a revocation of this moment.
    lease: { id: key, issuedAt: Math.min(issuedAt, now), expiresAt: now + leaseSeconds },
    revocableBy: [{ tokenId: key }],
  }
}

function invalid(reason: string): AuthError {
  return new AuthError('AUTH_CREDENTIAL_INVALID', { reason })
}
