/** `createAuth`: the strategies, origins and limits of a server, and the two things done with them: protect and revoke. */

import type { Namespace, Server, Socket } from 'socket.io'
import type { AuditSink } from './core/audit.ts'
import { readsConnect } from './core/authenticate.ts'
import type { Clock } from './core/clock.ts'
import { compilePolicy } from './core/compiled-policy.ts'
import type { ConnectionInfo, Connections, ConnectionsOptions } from './core/connections.ts'
import type { DecisionQuestion, Explanation, Question } from './core/explanation.ts'
import type { Handshake } from './core/handshake.ts'
import type { Identity } from './core/identity.ts'
import type { Lease } from './core/lease.ts'
import type { Policy } from './core/policy.ts'
import type { ReconcileOptions, ReconcileTarget, Reconciliation } from './core/reconciliation.ts'
import { createRevocationIndex, type RevocationKey } from './core/revocation.ts'
import type { RevocationLog } from './core/revocation-log.ts'
import type { ShadowCounts, ShadowOptions } from './core/shadow.ts'
import type { IdentityOf, Strategy } from './core/strategy.ts'
import { memory } from './revocations/memory.ts'
import { createAuditTrail } from './server/audit-trail.ts'
import { createAuthority } from './server/authority.ts'
import { createClientAddress } from './server/client-address.ts'
import { configure, requireStrategies, warnOfQuery } from './server/configuration.ts'
import type { Connection } from './server/connection.ts'
import { createDrain, type Drained, type DrainOptions } from './server/drain.ts'
import { endEntry } from './server/end-entry.ts'
import { createDecisionMemory } from './server/explain-memory.ts'
import type { Guard, LeaseSettings } from './server/guard.ts'
import { createInspection, keepOf } from './server/inspect.ts'
import { type ClusterLimits, resolveCluster, resolveLease } from './server/lease-settings.ts'
import { createLeaseTimer } from './server/lease-timer.ts'
import { type Limits, resolveLimits } from './server/limits.ts'
import type { Origins } from './server/origin.ts'
import { createPolicies } from './server/policies.ts'
import { type ProtectedServer, protectServer } from './server/protect.ts'
import { principalRoom } from './server/reach.ts'
import type { Receipt } from './server/receipts.ts'
import { createMembershipKeeper, RECONCILE } from './server/reconcile.ts'
import { createRegistry, nameOf } from './server/registry.ts'
import { createReloader, type Reloaded } from './server/reload.ts'
import type { ReloadOptions } from './server/reload-plan.ts'
import { type OnError, safely, warnOfError } from './server/report.ts'
import { createRevalidation } from './server/revalidation.ts'
import { type DisconnectOptions, type RevokeOptions, requireKey } from './server/revoke.ts'
import { describeSessions, SESSIONS, type Sessions, socketsUnder, toSessions } from './server/sessions.ts'
import { createShadows, requireShadow } from './server/shadows.ts'
import type { Status } from './server/status.ts'
import { systemClock } from './server/system-clock.ts'
import { createThrottle } from './server/throttle.ts'

export type { Drained, DrainOptions } from './server/drain.ts'
export type { LeaseSettings } from './server/guard.ts'
export type { ClusterLimits } from './server/lease-settings.ts'
export type { Limits } from './server/limits.ts'
export type { OriginRequest, Origins, OriginTest } from './server/origin.ts'
export type { NodeReceipt, Receipt } from './server/receipts.ts'
export type { Reloaded } from './server/reload.ts'
export type { AnyPolicy, ReloadOptions } from './server/reload-plan.ts'
export type { OnError } from './server/report.ts'
export type { DisconnectOptions, RevokeOptions } from './server/revoke.ts'
export type { SessionInfo, Sessions } from './server/sessions.ts'
export type { KnownNode, LogStatus, NodeStage, Status } from './server/status.ts'

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
  /**
   * How many of the last decisions are remembered for `explain`, with whom they were about and what was presented: 0 to 1,000,000,
   * default 1,024. In memory, and only where `audit` is given.
   */
  readonly explain?: { readonly keep?: number }
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
    const ShadowRooms extends string = never,
  >(
    namespace: Namespace<Listen, Emit, ServerSide, Data>,
    policy: Policy<I, Listen, Rooms>,
    options?: { readonly shadow?: ShadowOptions<I, Listen, ShadowRooms> },
  ): Namespace<Listen, Emit, ServerSide, WithAuth<Data, I>>
  /**
   * Has a second policy asked beside the one of a protected namespace, at connects, events and joins, and every difference in effect
   * or code told. It is asked in a later tick, with copies, within `ruleTimeoutMs`, of at most 256 requests at a time, and changes no
   * answer; how long permits last is not compared. A second call replaces it; null ends it. `reload` leaves it as it is.
   *
   * @throws TypeError quoting the option
   * @example auth.shadow(chat, { policy: next, onDifference: (difference) => log.info(difference) })
   */
  shadow<
    Listen extends EventsMap,
    Emit extends EventsMap,
    ServerSide extends EventsMap,
    Data,
    const Rooms extends string = never,
  >(namespace: Namespace<Listen, Emit, ServerSide, Data>, options: ShadowOptions<I, Listen, Rooms> | null): void
  /** What came of each second policy so far. */
  shadows(): readonly ShadowCounts[]
  /**
   * May this identity do that, and why? Or: why was it decided so? Asks the rules of this node as the gates do, in their order, and
   * lets nothing come of it: nobody joins, nothing is counted or written down. Rules see the identity's claims; the answer holds none.
   *
   * What was decided about the arguments of an event is not kept: give them again in `args`. Decisions are found on the node that made
   * them, as long as it remembers them (option `explain`).
   *
   * @throws TypeError quoting what is wrong with the question
   * @example await auth.explain({ identity: { socketId }, namespace: '/chat', room: 'org:7' })
   * @example await auth.explain({ decision: event.id })
   */
  explain(question: Question | DecisionQuestion): Promise<Explanation>
  /**
   * Everyone who is connected under a policy, on every node, with their rooms: a page at a time, in the order in which they
   * connected. Nodes have 500 ms to answer; what is silent then is named. Costs a look at every socket.
   *
   * @throws TypeError quoting the option
   * @example let page = await auth.connections({ limit: 200, namespace: '/chat' })
   */
  connections(options?: ConnectionsOptions): Promise<Connections>
  /** One connection, on whatever node; null when none that answered within 500 ms has it. @throws TypeError */
  connection(socketId: string): Promise<ConnectionInfo | null>
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
   * Replaces strategies, origins and policies without a restart: valid as a whole, or nothing changes. From one tick on the new ones
   * decide; then every connected socket is judged again, and it resolves when each has been. Who may no longer connect is closed with
   * the code of the rule, whose strategy is gone (none is left of its scheme and issuer) with AUTH_EXPIRED, whose origin is gone with
   * AUTH_ORIGIN_REFUSED; a room that is no longer permitted is left with `auth:left`, and `memberships` are asked again. Who was
   * accepted by a strategy of the same scheme and issuer keeps its lease. Where a rule cannot decide, the socket keeps what it has and
   * is judged again, less and less often. A connect, refresh or event under way meanwhile ends under what is new, or with AUTH_UNAVAILABLE.
   *
   * Concerns this node alone. Two strategies of one scheme are told apart by their `issuers`, then by their order. Revocations made
   * before are remembered for as long as the credentials of then could live.
   *
   * @throws TypeError quoting the option; nothing has changed then
   * @example await auth.reload({ policies: [[chat, { events: {} }]] })
   */
  reload(options: ReloadOptions<I>): Promise<Reloaded>
  /** How this node is: for readiness and metrics. Asks nobody. */
  status(): Status
  /**
   * Lets go of every connection, evenly over `overMs` and in random order, and takes no new ones: handshakes are answered 503 with
   * `Retry-After`. Each client hears `auth:closed` with AUTH_UNAVAILABLE and when to come back; then its connection is closed rather
   * than its sockets, so that clients come back by themselves, and recover where that is configured. Those who are still connected
   * are served until their turn. Resolves when all have gone. A second call is the same drain; `close()` ends it at once.
   *
   * @throws TypeError quoting the option
   * @example process.once('SIGTERM', () => auth.drain().then(() => auth.close()))
   */
  drain(options?: DrainOptions): Promise<Drained>
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
  const { origins, allowReferer = false } = options
  let configuration = configure({ strategies, origins, allowReferer }, null)
  const policies = createPolicies()
  const decisions = createDecisionMemory(keepOf(options.explain))
  const memberships = createMembershipKeeper(() => guard)
  const revalidation = createRevalidation(() => guard)
  const guard: Guard = {
    get strategies() {
      return configuration.strategies
    },
    limits,
    clock,
    audit: createAuditTrail(options.audit, clock, decisions),
    onError: safely(options.onError ?? warnOfError),
    registry: createRegistry(),
    revocations: createRevocationIndex(),
    leases: createLeaseTimer(clock),
    throttle: createThrottle(limits),
    get redaction() {
      return configuration.redaction
    },
    policyOf: policies.of,
    isDraining: () => drain.isDraining(),
    deferMs: deferMsOf(options),
    lease: resolveLease(options.lease),
    ready: () => authority.ready(),
    isFresh: () => authority.isFresh(),
    replaceOthers: options.singleConnection
      ? (entry) => authority.replaceOthers(entry).catch((error) => guard.onError(error, 'singleConnection'))
      : null,
    memberships,
    revalidation,
    shadows: createShadows(() => guard),
  }
  const door = {
    checkOrigin: () => configuration.checkOrigin,
    policies,
    opened: (connection: Connection) => drain.opened(connection),
    clientAddress: createClientAddress(options.trustedProxies ?? []),
    strictFetchMetadata: options.strictFetchMetadata ?? false,
    requireSecure: options.requireSecure ?? false,
  }
  const servers = new Map<Server, ProtectedServer>()
  const drain = createDrain({
    clock,
    guard: () => guard,
    connections: () => [...servers.values()].flatMap((server) => [...server.connections()]),
  })
  const reloader = createReloader({
    guard: () => guard,
    policies,
    servers,
    allowReferer,
    configuration: () => configuration,
    replace(next) {
      configuration = next
    },
  })
  const inspection = createInspection({
    guard: () => guard,
    memory: decisions,
    servers: () => servers.keys(),
    cluster: () => authority,
  })
  const authority = createAuthority({
    log,
    clock,
    onError: guard.onError,
    ...resolveCluster(options.cluster),
    maxLifetimeSeconds: () => configuration.maxLifetimeSeconds,
    guard: () => guard,
    handlers: {
      [SESSIONS]: async ({ name }) => describeSessions(guard.registry, authority.node, name),
      [RECONCILE]: memberships.answer,
      ...inspection.handlers,
    },
  })

  return {
    protect(namespace, policy, { shadow } = {}) {
      if (state === 'closed') throw new TypeError('protect: this guard was closed')
      const target = requireNamespace(namespace)
      const compiled = compilePolicy(target.name, policy)
      const compared = shadow === undefined ? null : compileShadow(target, shadow)
      const io = target.server as Server
      let server = servers.get(io)
      if (server === undefined) {
        server = protectServer(guard, io, door)
        servers.set(io, server)
      }
      server.setPolicy(target, compiled)
      if (compared !== null) guard.shadows.set(target, compared.policy, compared.onDifference)
      return namespace as never
    },
    shadow(namespace, given) {
      if (state === 'closed') throw new TypeError('shadow: this guard was closed')
      const target = requireNamespace(namespace)
      const compared = given === null ? null : compileShadow(target, given)
      if (compared === null) guard.shadows.delete(target)
      else if (policies.has(target)) guard.shadows.set(target, compared.policy, compared.onDifference)
      else throw new TypeError(`shadow: namespace ${JSON.stringify(target.name)} has no policy`)
    },
    shadows: () => guard.shadows.counts(),
    explain: inspection.explain,
    connections: inspection.connections,
    connection: inspection.connection,
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
    reload: (reloadOptions) => reloader.reload(reloadOptions as ReloadOptions),
    status: () => authority.status(drain.sinceMs),
    async drain(drainOptions = {}) {
      if (state === 'closed') throw new TypeError('drain: this guard was closed')
      return drain.start(drainOptions)
    },
    async close() {
      state = 'closed'
      reloader.close()
      drain.end()
      for (const entry of guard.registry.all()) {
        // Who was let go comes back elsewhere, as what it was; a disconnection would take that away.
        if (!drain.hasReleased(entry.connection)) endEntry(guard, entry, 'AUTH_UNAVAILABLE')
      }
      memberships.close()
      guard.shadows.close()
      decisions.clear()
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
  'explain',
  'onError',
  'clock',
])

function requireOptions(options: AuthOptions<Strategy>): void {
  if (typeof options !== 'object' || options === null) throw new TypeError('createAuth: the options must be an object')
  for (const option of Object.keys(options)) {
    if (!OPTIONS.has(option)) throw new TypeError(`"${option}" is not an option of createAuth`)
  }
  requireStrategies(options.strategies)
  for (const option of ['strictFetchMetadata', 'requireSecure', 'singleConnection'] as const) {
    if (options[option] !== undefined && typeof options[option] !== 'boolean')
      throw new TypeError(`"${option}" must be true or false`)
  }
  for (const option of ['audit', 'onError'] as const) {
    if (options[option] !== undefined && typeof options[option] !== 'function')
      throw new TypeError(`"${option}" must be a function`)
  }
}

function deferMsOf({ deferMs, strategies }: AuthOptions<Strategy>): number | null {
  if (deferMs === undefined) return null
  if (!(Number.isFinite(deferMs) && deferMs > 0 && deferMs <= MAX_DEFER_MS)) {
    throw new TypeError(`"deferMs" must be a number above 0 and at most ${MAX_DEFER_MS}`)
  }
  if (!readsConnect(strategies)) throw new TypeError('"deferMs" needs a strategy that reads `auth`')
  return deferMs
}

function compileShadow(target: Namespace, given: unknown) {
  requireShadow(given)
  const { policy, onDifference } = given
  return { policy: compilePolicy(target.name, policy as Policy<Identity>), onDifference }
}

function requireNamespace(value: unknown): Namespace {
  const namespace = value as Partial<Namespace> | null
  if (typeof namespace?.use === 'function' && typeof namespace.name === 'string' && namespace.server !== undefined) {
    return namespace as Namespace
  }
  throw new TypeError('protect: pass a namespace, such as io.of("/chat") or io.of("/")')
}
