/** `createAuth`: the strategies, origins and limits of a server, and the two things done with them: protect and revoke. */

import type { Namespace, Server, Socket } from 'socket.io'
import type { AuditSink } from './core/audit.ts'
import { readsConnect } from './core/authenticate.ts'
import type { Clock } from './core/clock.ts'
import { compilePolicy } from './core/compiled-policy.ts'
import type { Handshake } from './core/handshake.ts'
import type { Identity } from './core/identity.ts'
import type { Lease } from './core/lease.ts'
import type { Policy } from './core/policy.ts'
import type { ReconcileOptions, ReconcileTarget, Reconciliation } from './core/reconciliation.ts'
import { createRevocationIndex, type RevocationKey } from './core/revocation.ts'
import type { RevocationLog } from './core/revocation-log.ts'
import type { IdentityOf, Strategy } from './core/strategy.ts'
import { memory } from './revocations/memory.ts'
import { createAuditTrail } from './server/audit-trail.ts'
import { createAuthority } from './server/authority.ts'
import { createClientAddress } from './server/client-address.ts'
import { endEntry } from './server/end-entry.ts'
import type { Guard, LeaseSettings } from './server/guard.ts'
import { type ClusterLimits, resolveCluster, resolveLease } from './server/lease-settings.ts'
import { createLeaseTimer } from './server/lease-timer.ts'
import { type Limits, resolveLimits } from './server/limits.ts'
import { createCheckOrigin, type Origins } from './server/origin.ts'
import { type ProtectedServer, protectServer } from './server/protect.ts'
import { principalRoom } from './server/reach.ts'
import type { Receipt } from './server/receipts.ts'
import { createMembershipKeeper, RECONCILE } from './server/reconcile.ts'
import { createRedaction } from './server/redact.ts'
import { createRegistry, nameOf } from './server/registry.ts'
import { type OnError, safely, warnOfError } from './server/report.ts'
import { createRevalidation } from './server/revalidation.ts'
import { requireRevalidation } from './server/revalidation-ask.ts'
import { type DisconnectOptions, type RevokeOptions, requireKey } from './server/revoke.ts'
import { describeSessions, SESSIONS, type Sessions, socketsUnder, toSessions } from './server/sessions.ts'
import { systemClock } from './server/system-clock.ts'
import { createThrottle } from './server/throttle.ts'

export type { LeaseSettings } from './server/guard.ts'
export type { ClusterLimits } from './server/lease-settings.ts'
export type { Limits } from './server/limits.ts'
export type { OriginRequest, Origins, OriginTest } from './server/origin.ts'
export type { NodeReceipt, Receipt } from './server/receipts.ts'
export type { OnError } from './server/report.ts'
export type { DisconnectOptions, RevokeOptions } from './server/revoke.ts'
export type { SessionInfo, Sessions } from './server/sessions.ts'

/** What Portcullis puts on `socket.data`. */
export interface AuthData<I extends Identity = Identity> {
  identity: I
  lease: Lease
}

/** The socket data of a protected namespace; Socket.IO's default is `any`, which would swallow the rest. */
type WithAuth<Data, I extends Identity> = 0 extends 1 & Data ? AuthData<I> : Data & AuthData<I>

/** Socket.IO's own constraint for a map of events. */
interface EventsMap {
  // biome-ignore lint/suspicious/noExplicitAny: it has to be exactly the type that Socket.IO constrains its maps with
  [event: string]: any
}

/** Options of `createAuth`; `origins` and `strategies` are required. */
export interface AuthOptions<S extends Strategy> {
  /**
   * The pages that may connect. Programs and apps send no `Origin` and may connect with a token.
   * - A list, each exactly as browsers send it: `https://app.example`. `*` admits every page, and is refused while a
   *   strategy reads cookies.
   * - `same-host`: pages of the host that the request itself names, over http or https as the request came. Not for a
   *   server that answers to any name: a page whose name was rebound to its address (DNS rebinding) is then of its host.
   * - A function of the origin, for what a list cannot say, such as one subdomain per tenant.
   */
  readonly origins: Origins
  /**
   * Where a request has no `Origin`, its `Referer` may say from which page it comes: for browsers that send neither
   * `Origin` nor `Sec-Fetch-Site` with a page's first polling request. Default false.
   */
  readonly allowReferer?: boolean
  /** Asked in order; the first that recognises a credential decides. */
  readonly strategies: readonly S[]
  /** Proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed, as addresses or ranges. Default: none. */
  readonly trustedProxies?: readonly string[]
  /** Refuse cookies on a request that the browser itself marks `Sec-Fetch-Site: cross-site`. Default false. */
  readonly strictFetchMetadata?: boolean
  /** Refuse every request that came without TLS, with AUTH_FORBIDDEN. Behind a proxy it needs `trustedProxies`. Default false. */
  readonly requireSecure?: boolean
  /**
   * Lets a socket connect with nothing, for clients that send their credential afterwards: `auth:refresh` with what would
   * have been `auth`. Until then it can do and receive nothing, and no listener of the application sees it; after so many
   * milliseconds it is disconnected. A bad credential is refused as ever. Default: a credential must come with the connect.
   */
  readonly deferMs?: number
  readonly limits?: Partial<Limits>
  readonly lease?: Partial<LeaseSettings>
  /** Where revocations are kept. Default: in this process, for one node. */
  readonly revocations?: RevocationLog
  /** How long a node may go without having read `revocations`. Of no effect on one node with the default log. */
  readonly cluster?: Partial<ClusterLimits>
  /** A principal that connects anew is disconnected everywhere else, with AUTH_REPLACED. Default false. */
  readonly singleConnection?: boolean
  /** Receives every decision. It must return quickly; what it throws is ignored. */
  readonly audit?: AuditSink
  /** Receives what rules, strategies and stores threw. Default: a process warning without the error's message. */
  readonly onError?: OnError
  readonly clock?: Clock
}

/** The guard of one or more servers. Made by `createAuth`. */
export interface Auth<I extends Identity = Identity> {
  /**
   * Puts a namespace under a policy and closes every other namespace of its server, those created later included. The
   * server must be attached; sockets that connected before are disconnected. Returns the same namespace, with
   * `socket.data.identity` and `socket.data.lease` typed.
   *
   * The application's own middlewares run after the gate when they are registered after this call.
   *
   * @throws TypeError for a policy, a server or an order of calls that cannot be made safe
   */
  protect<
    Listen extends EventsMap,
    Emit extends EventsMap,
    ServerSide extends EventsMap,
    Data,
    const Rooms extends string = never,
  >(
    namespace: Namespace<Listen, Emit, ServerSide, Data>,
    policy: Policy<I, Listen, Rooms>,
  ): Namespace<Listen, Emit, ServerSide, WithAuth<Data, I>>
  /**
   * Ends the authority of everyone under `key`: connected sockets hear `auth:closed` with AUTH_REVOKED and are
   * disconnected, connecting ones never connect, and later handshakes with an older credential are refused. On this node that
   * happens at once; it resolves when every other node has done the same, or can no longer serve anybody.
   *
   * @throws TypeError for a malformed key; AuthError AUTH_UNAVAILABLE when the log has not taken it within `timeoutMs`: then
   * it is in force on this node, and goes on being written until the log takes it
   * @example await auth.revoke({ issuer: 'https://id.example', subject: 'user-42' })
   */
  revoke(key: RevocationKey, options?: RevokeOptions): Promise<Receipt>
  /**
   * Disconnects everyone under `key` on every node, with AUTH_REPLACED, and leaves their credentials alone: who connects anew is
   * welcome. Errors as of `revoke`.
   *
   * @example await auth.disconnect(identity, { exceptSocket: socket.id }) // all my other devices
   */
  disconnect(key: RevocationKey, options?: DisconnectOptions): Promise<Receipt>
  /** The connected sockets under a key, on this node. @throws TypeError for a malformed key */
  sockets(key: RevocationKey): readonly Socket[]
  /**
   * The same on every node, as plain data. Nodes have 500 ms to answer; what is silent then is named.
   *
   * @throws TypeError for a malformed key
   */
  sessions(key: RevocationKey): Promise<Sessions>
  /**
   * Asks `memberships` again, on every node, and lets go of the rooms that no longer follow: the sockets leave, and hear `auth:left`
   * with AUTH_FORBIDDEN for each and `auth:joined` for what they gained. Nobody is disconnected. Rooms that are held by
   * `auth:join` stay. On this node it resolves when everybody meant has been asked once; other nodes have `timeoutMs`.
   *
   * Where `memberships` throws, answers something malformed or is too slow, the socket keeps its rooms and is asked again, less and less
   * often; after `lease.revalidateGraceMs` it is closed with AUTH_UNAVAILABLE. A node that was suspended asks for all its sockets when it
   * goes on.
   *
   * @throws TypeError for a malformed target or option
   * @example await auth.reconcile({ issuer: 'https://id.example', subject: 'user-42' })
   */
  reconcile(target: ReconcileTarget, options?: ReconcileOptions): Promise<Reconciliation>
  /**
   * The room of a principal, on every node and in every protected namespace: to emit to, or to except. It is in no `socket.rooms`, and
   * no client can ask to join it. Not with `@socket.io/redis-adapter`'s sharded adapter in its dynamic mode, which sends
   * only to nodes where somebody has joined.
   *
   * @example io.of('/chat').to(auth.room({ issuer, subject })).emit('news', item)
   */
  room(principal: Pick<Identity, 'issuer' | 'subject'>): string
  /** The request that opened the connection of a socket of a protected server. */
  handshakeOf(socket: Socket): Handshake
  /**
   * Ends every socket with AUTH_UNAVAILABLE, stops following the revocation log and cancels every timer. Protected
   * namespaces admit nobody afterwards.
   */
  close(): Promise<void>
}

/**
 * Creates the guard of one or more Socket.IO servers.
 *
 * @throws TypeError quoting the option that is wrong
 * @example
 * const auth = createAuth({ origins: ['https://app.example'], strategies: [jwt({ issuer, audience: 'chat', keys })] })
 */
export function createAuth<const S extends Strategy>(options: AuthOptions<S>): Auth<IdentityOf<S>> {
  requireOptions(options)
  const { strategies, clock = systemClock } = options
  const limits = resolveLimits(options.limits)
  const log = options.revocations ?? memory()
  warnOfQuery(strategies)
  let state: 'open' | 'closed' = 'open'
  const memberships = createMembershipKeeper(() => guard)
  const revalidation = createRevalidation(() => guard)
  const guard: Guard = {
    strategies: [...strategies],
    limits,
    clock,
    audit: createAuditTrail(options.audit, clock),
    onError: safely(options.onError ?? warnOfError),
    registry: createRegistry(),
    revocations: createRevocationIndex(),
    leases: createLeaseTimer(clock),
    throttle: createThrottle(limits),
    redaction: createRedaction(strategies),
    deferMs: deferMsOf(options),
    lease: resolveLease(options.lease),
    ready: () => authority.ready(),
    isFresh: () => authority.isFresh(),
    replaceOthers: options.singleConnection
      ? (entry) => authority.replaceOthers(entry).catch((error) => guard.onError(error, 'singleConnection'))
      : null,
    memberships,
    revalidation,
  }
  const door = {
    checkOrigin: createCheckOrigin({
      origins: options.origins,
      allowReferer: options.allowReferer ?? false,
      hasAmbientCredential: strategies.some(({ from }) => from.some((source) => source.ambient)),
    }),
    clientAddress: createClientAddress(options.trustedProxies ?? []),
    strictFetchMetadata: options.strictFetchMetadata ?? false,
    requireSecure: options.requireSecure ?? false,
  }
  const servers = new Map<Server, ProtectedServer>()
  const authority = createAuthority({
    log,
    clock,
    onError: guard.onError,
    ...resolveCluster(options.cluster),
    maxLifetimeSeconds: Math.max(...strategies.map((strategy) => strategy.maxLifetimeSeconds)),
    guard: () => guard,
    handlers: {
      [SESSIONS]: async ({ name }) => describeSessions(guard.registry, authority.node, name),
      [RECONCILE]: memberships.answer,
    },
  })

  return {
    protect(namespace, policy) {
      if (state === 'closed') throw new TypeError('protect: this guard was closed')
      const target = requireNamespace(namespace)
      const compiled = compilePolicy(target.name, policy)
      const io = target.server as Server
      let server = servers.get(io)
      if (server === undefined) {
        server = protectServer(guard, io, door)
        servers.set(io, server)
      }
      server.setPolicy(target, compiled)
      return namespace as never
    },
    revoke: (key, revokeOptions = {}) => authority.revoke(key, revokeOptions),
    disconnect: (key, disconnectOptions = {}) => authority.disconnect(key, disconnectOptions),
    sockets: (key) => socketsUnder(guard.registry, key),
    async sessions(key) {
      requireKey(key)
      return toSessions(await authority.ask(SESSIONS, { name: nameOf(key) }, SESSIONS_TIMEOUT_MS))
    },
    reconcile: (target, reconcileOptions) => memberships.reconcile(authority, target, reconcileOptions),
    room: principalRoom,
    handshakeOf(socket) {
      const handshake = servers.get(socket.nsp.server as Server)?.handshakeOf(socket)
      if (handshake === undefined) throw new TypeError('handshakeOf: the socket belongs to no server protected here')
      return handshake
    },
    async close() {
      state = 'closed'
      for (const entry of guard.registry.all()) endEntry(guard, entry, 'AUTH_UNAVAILABLE')
      memberships.close()
      revalidation.close()
      guard.leases.close()
      await authority.close()
    },
  }
}

/** Longer than this, whoever asks who is connected takes what has come. */
const SESSIONS_TIMEOUT_MS = 500

/** Whoever has not said in five minutes who it is will not. */
const MAX_DEFER_MS = 300_000

const OPTIONS = new Set([
  'origins',
  'strategies',
  'trustedProxies',
  'allowReferer',
  'strictFetchMetadata',
  'requireSecure',
  'deferMs',
  'limits',
  'lease',
  'revocations',
  'cluster',
  'singleConnection',
  'audit',
  'onError',
  'clock',
])

function requireOptions(options: AuthOptions<Strategy>): void {
  if (typeof options !== 'object' || options === null) throw new TypeError('createAuth: the options must be an object')
  for (const option of Object.keys(options)) {
    if (!OPTIONS.has(option)) throw new TypeError(`"${option}" is not an option of createAuth`)
  }
  const { strategies } = options
  if (!Array.isArray(strategies) || strategies.length === 0)
    throw new TypeError('"strategies" must be a non-empty array')
  for (const [i, strategy] of strategies.entries()) {
    const sound =
      typeof strategy?.authenticate === 'function' &&
      typeof strategy.scheme === 'string' &&
      Array.isArray(strategy.from) &&
      Number.isFinite(strategy.maxLifetimeSeconds)
    if (!sound) throw new TypeError(`"strategies[${i}]" must be a strategy, such as jwt({ … })`)
    requireRevalidation(strategy, `strategies[${i}]`)
  }
  for (const option of ['strictFetchMetadata', 'requireSecure', 'singleConnection'] as const) {
    if (options[option] !== undefined && typeof options[option] !== 'boolean')
      throw new TypeError(`"${option}" must be true or false`)
  }
  for (const option of ['audit', 'onError'] as const) {
    if (options[option] !== undefined && typeof options[option] !== 'function')
      throw new TypeError(`"${option}" must be a function`)
  }
}

/** At every start, since whoever reads a log may not have read the configuration. */
function warnOfQuery(strategies: readonly Strategy[]): void {
  const sources = strategies.flatMap(({ from }) => from.filter((source) => source.in === 'query'))
  if (sources.length === 0) return
  const names = sources.map(({ name }) => JSON.stringify(name)).join(', ')
  process.emitWarning(`credentials are read from the query (${names}): whatever logs URLs logs them`, {
    type: 'SecurityWarning',
    code: 'PORTCULLIS_QUERY_CREDENTIAL',
  })
}

function deferMsOf({ deferMs, strategies }: AuthOptions<Strategy>): number | null {
  if (deferMs === undefined) return null
  if (!(Number.isFinite(deferMs) && deferMs > 0 && deferMs <= MAX_DEFER_MS)) {
    throw new TypeError(`"deferMs" must be a number above 0 and at most ${MAX_DEFER_MS}`)
  }
  if (!readsConnect(strategies)) throw new TypeError('"deferMs" needs a strategy that reads `auth`')
  return deferMs
}

function requireNamespace(value: unknown): Namespace {
  const namespace = value as Partial<Namespace> | null
  if (typeof namespace?.use === 'function' && typeof namespace.name === 'string' && namespace.server !== undefined) {
    return namespace as Namespace
  }
  throw new TypeError('protect: pass a namespace, such as io.of("/chat") or io.of("/")')
}
