/** What `createControlApi` may be told, and the check of it at start-up. */

import type { Auth } from 'portcullis'
import type { IssuedTicket, TicketClaim } from 'portcullis/strategies/ticket'
import type { Server } from 'socket.io'
import type { ControlKey } from './api-keys.ts'
import type { ControlJwt } from './authenticate.ts'
import { type IdempotencyStore, memoryIdempotency } from './idempotency-store.ts'
import type { ProblemCode } from './problem.ts'

/** One identity in a room; `since` is epoch seconds. */
export interface PresenceMember {
  readonly issuer: string
  readonly subject: string
  readonly since: number
  readonly connections: number
}

/** Who is in a room, on all nodes. `partial` when somebody may be missing. */
export interface PresenceReader {
  members(
    namespace: string,
    room: string,
  ): Promise<{ readonly members: readonly PresenceMember[]; readonly partial: boolean }>
}

/** Issues tickets of one issuer; `issue` is that of `tickets()`. */
export interface TicketIssuer {
  /** The `issuer` that those tickets were configured with. */
  readonly issuer: string
  issue(claim: TicketClaim): Promise<IssuedTicket>
}

/** What the control API asks of a guard; an `Auth` is one. */
export type ControlAuth = Pick<Auth, 'revoke' | 'disconnect' | 'sessions' | 'reconcile' | 'room' | 'explain'>

/** One event per request. Holds no credential, no claim and nothing of a body. */
export interface ControlAuditEvent {
  /** The id of the request, as the answer's `X-Request-Id` has it. */
  readonly id: string
  /** When the request was answered; epoch seconds, with a fraction. */
  readonly at: number
  /** Such as `publish`; null for a path that is none. */
  readonly operation: string | null
  readonly caller: { readonly kind: 'key' | 'jwt'; readonly name: string } | null
  /** Of the other end of the connection. */
  readonly address: string | null
  readonly status: number
  readonly code: ProblemCode | null
  /** The answer is that of an earlier request with the same `Idempotency-Key`. */
  readonly replayed: boolean
  readonly tookMs: number
}

/** Options of `createControlApi`; `auth`, `io`, `isProtected`, `presence`, `tickets`, `keys` and `jwt` are required. */
export interface ControlApiOptions {
  readonly auth: ControlAuth
  readonly io: Server
  /**
   * Whether a namespace is under a policy. What is not cannot be published to. True only for what exists, or what `io.of(name)`
   * would make a child of a dynamic namespace.
   */
  readonly isProtected: (namespace: string) => boolean
  /** False while this node may not serve (suspended, closing): publishing is then refused with 503. Default: always true. */
  readonly isReady?: () => boolean
  /** Null: the route answers 404 NOT_CONFIGURED. */
  readonly presence: PresenceReader | null
  /** Null: the route answers 404 NOT_CONFIGURED. A function where that changes: it is asked for each ticket. */
  readonly tickets: TicketIssuer | null | (() => TicketIssuer | null)
  /** May be empty where there is a `jwt`. */
  readonly keys: readonly ControlKey[]
  /** Null: tokens are not accepted. */
  readonly jwt: ControlJwt | null
  /** Default: a store of this process. With several nodes, `redisIdempotency`. */
  readonly idempotency?: IdempotencyStore
  /** A longer body is answered 413. Bytes, default 1,048,576. */
  readonly maxBodyBytes?: number
  /** Of one caller, on this node. */
  readonly limits?: { readonly requestsPerSecond?: number }
  /** Hears what callers are not told. */
  readonly onError: (error: unknown, where: string) => void
  /** Receives one event for each request. What it throws is ignored. Default: nobody does. */
  readonly audit?: (event: ControlAuditEvent) => void
}

/** The options with their defaults. */
export type ControlSettings = Required<Omit<ControlApiOptions, 'limits'>> & { readonly requestsPerSecond: number }

const OPTIONS = new Set(
  'auth io isProtected isReady presence tickets keys jwt idempotency maxBodyBytes limits onError audit'.split(' '),
)
const DEFAULT_MAX_BODY_BYTES = 1_048_576
const DEFAULT_REQUESTS_PER_SECOND = 100

/** @throws TypeError quoting the option that is wrong */
export function settingsOf(options: ControlApiOptions): ControlSettings {
  if (typeof options !== 'object' || options === null)
    throw new TypeError('createControlApi: the options must be an object')
  const own: ControlApiOptions = Object.assign(Object.create(null), options)
  const unknown = Object.keys(own).find((option) => !OPTIONS.has(option))
  if (unknown !== undefined) throw new TypeError(`"${unknown}" is not an option of createControlApi`)
  const { limits = {}, isReady = () => true, audit = () => {}, idempotency = memoryIdempotency(), ...rest } = own
  const { maxBodyBytes = DEFAULT_MAX_BODY_BYTES } = own
  const { requestsPerSecond = DEFAULT_REQUESTS_PER_SECOND, ...others } = limits
  if (Object.keys(others).length > 0) throw new TypeError(`"limits.${Object.keys(others)[0]}" is not an option`)
  for (const [option, value] of Object.entries({
    isProtected: own.isProtected,
    onError: own.onError,
    isReady,
    audit,
  })) {
    if (typeof value !== 'function') throw new TypeError(`"${option}" must be a function`)
  }
  requireParts(own)
  const numbers = { maxBodyBytes, 'limits.requestsPerSecond': requestsPerSecond }
  for (const [option, value] of Object.entries(numbers)) {
    if (!(Number.isInteger(value) && value > 0)) throw new TypeError(`"${option}" must be a positive integer`)
  }
  return { ...rest, isReady, audit, idempotency, maxBodyBytes, requestsPerSecond }
}

function requireParts({ auth, io, presence, tickets, keys, jwt, idempotency }: ControlApiOptions): void {
  if (typeof auth?.revoke !== 'function') throw new TypeError('"auth" must be what createAuth() made')
  if (typeof io?.of !== 'function') throw new TypeError('"io" must be a Socket.IO server')
  if (presence === undefined || (presence !== null && typeof presence.members !== 'function')) {
    throw new TypeError('"presence" must have members(), or be null')
  }
  const isLive = typeof tickets === 'function'
  if (tickets === undefined || (tickets !== null && !isLive && typeof tickets.issue !== 'function')) {
    throw new TypeError('"tickets" must have issue(), or be null')
  }
  if (tickets !== null && !isLive && (typeof tickets.issuer !== 'string' || tickets.issuer === '')) {
    throw new TypeError('"tickets.issuer" must be a non-empty string')
  }
  if (jwt === undefined || (jwt !== null && typeof jwt !== 'object'))
    throw new TypeError('"jwt" must be options, or null')
  if (!Array.isArray(keys) || (keys.length === 0 && jwt === null)) {
    throw new TypeError('"keys" must hold a key where "jwt" is null: nobody could call otherwise')
  }
  if (idempotency !== undefined && typeof idempotency.claim !== 'function') {
    throw new TypeError('"idempotency" must be a store, such as memoryIdempotency()')
  }
}
