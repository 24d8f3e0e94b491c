/** What `tickets()` may be told, and the check of it at start-up. */

import type { Clock } from '../core/clock.ts'
import type { CredentialSource } from '../core/handshake.ts'
import {
  credentialSources,
  knownOptions,
  LONGEST_TIMER_MS,
  positive,
  systemClock,
  THIRTY_DAYS_SECONDS,
  text,
} from '../option-checks.ts'
import { fromAuth } from './from.ts'
import type { BoundedStore, TicketStore } from './ticket-store.ts'

/** Options of `tickets`; `store` is required. */
export interface TicketOptions<Scheme extends string> {
  /** Where tickets wait, the same for all nodes: `ticketStoreOfRedis(client)`, or `memoryTicketStore()` for one node. */
  readonly store: TicketStore
  /** Seconds in which a ticket must be presented, at most 600. Default 30. */
  readonly ttlSeconds?: number
  /** Where the ticket is read. Default: `auth.ticket` of the CONNECT packet. */
  readonly from?: readonly CredentialSource[]
  /** Whose subjects these are. Give the issuer of the login that tickets stand for, to revoke both by one name. Default `ticket`. */
  readonly issuer?: string
  /** Default `ticket`. */
  readonly scheme?: Scheme
  /** Seconds after which a connection needs another ticket. Default 3600. */
  readonly leaseSeconds?: number
  /**
   * Seconds that revocations are remembered: longer than a login may be old from which tickets are issued. Default 2,592,000,
   * which is 30 days.
   */
  readonly maxLifetimeSeconds?: number
  /** Milliseconds that the store has to answer, else AUTH_UNAVAILABLE. Default 1000. */
  readonly storeTimeoutMs?: number
  /** For tests. Default: the system's. Whether a ticket is too old, the store's clock decides. */
  readonly clock?: Clock
}

/** The options with their defaults, checked. */
export interface TicketSettings extends BoundedStore {
  readonly ttlSeconds: number
  readonly from: readonly CredentialSource[]
  readonly issuer: string
  readonly scheme: string
  readonly leaseSeconds: number
  readonly maxLifetimeSeconds: number
}

const OPTIONS = new Set(
  'store ttlSeconds from issuer scheme leaseSeconds maxLifetimeSeconds storeTimeoutMs clock'.split(' '),
)
const LONGEST_TTL_SECONDS = 600

/** @throws TypeError that quotes the option, never its value */
export function settingsOf(options: TicketOptions<string>): TicketSettings {
  knownOptions(options, OPTIONS, 'tickets')
  const { store, from = [fromAuth('ticket')], issuer = 'ticket', scheme = 'ticket', clock = systemClock } = options
  if (typeof store?.set !== 'function' || typeof store.take !== 'function') {
    throw new TypeError('"store" must be a store of tickets, such as ticketStoreOfRedis(client)')
  }
  return Object.freeze({
    store,
    ttlSeconds: positive(options.ttlSeconds ?? 30, 'ttlSeconds', LONGEST_TTL_SECONDS),
    from: credentialSources(from),
    issuer: text(issuer, 'issuer'),
    scheme: text(scheme, 'scheme'),
    leaseSeconds: positive(options.leaseSeconds ?? 3600, 'leaseSeconds'),
    maxLifetimeSeconds: positive(options.maxLifetimeSeconds ?? THIRTY_DAYS_SECONDS, 'maxLifetimeSeconds'),
    storeTimeoutMs: positive(options.storeTimeoutMs ?? 1000, 'storeTimeoutMs', LONGEST_TIMER_MS),
    clock,
  })
}
