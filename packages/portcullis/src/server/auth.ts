/** What `createAuth` takes and gives. */

import type { Namespace, Socket } from 'socket.io'
import type { AuditSink } from '../core/audit.ts'
import type { Clock } from '../core/clock.ts'
import type { ConnectionInfo, Connections, ConnectionsOptions } from '../core/connections.ts'
import type { DecisionQuestion, Explanation, Question } from '../core/explanation.ts'
import type { Handshake } from '../core/handshake.ts'
import type { Identity } from '../core/identity.ts'
import type { Lease } from '../core/lease.ts'
import type { Policy } from '../core/policy.ts'
import type { ReconcileOptions, ReconcileTarget, Reconciliation } from '../core/reconciliation.ts'
import type { RevocationKey } from '../core/revocation.ts'
import type { RevocationLog } from '../core/revocation-log.ts'
import type { ShadowCounts, ShadowOptions } from '../core/shadow.ts'
import type { Strategy } from '../core/strategy.ts'
import type { Drained, DrainOptions } from './drain.ts'
import type { LeaseSettings } from './guard.ts'
import type { ClusterLimits } from './lease-settings.ts'
import type { Limits } from './limits.ts'
import type { Origins } from './origin.ts'
import type { Receipt } from './receipts.ts'
import type { Reloaded } from './reload.ts'
import type { ReloadOptions } from './reload-plan.ts'
import type { OnError } from './report.ts'
import type { DisconnectOptions, RevokeOptions } from './revoke.ts'
import type { Sessions } from './sessions.ts'
import type { Status } from './status.ts'

/** What Portcullis puts on `socket.data`. */
export interface AuthData<I extends Identity = Identity> {
  /** Who it is. Rules do not read it here: they are told by the gate. */
  identity: I
  /** Until when. A refresh replaces it. */
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
   * Answers for a namespace that does not exist, or has no policy, as for one whose `connect` rule denies: a credential is asked for first,
   * and whoever has shown one gets AUTH_FORBIDDEN. Otherwise Socket.IO itself says of a name that it does not exist. Each name that is
   * asked for is a dynamic namespace for that moment, so the server needs `cleanupEmptyChildNamespaces: true`. How long a `connect`
   * rule thinks is not hidden. Default false.
   */
  readonly hideNamespaces?: boolean
  /**
   * Lets go of the HTTP request once a namespace has admitted the connection and its `connection` listeners have run: about 1 kB
   * for each connection. From then on `socket.request` has no headers, no URL and nothing that middlewares put there, for namespaces that
   * the client connects to later too; `auth.handshakeOf(socket)` still has what the request said. Default false.
   */
  readonly discardRequest?: boolean
  /**
   * Lets a socket connect with nothing, for clients that send their credential afterwards: `auth:refresh` with what would
   * have been `auth`. Until then it can do and receive nothing, and no listener of the application sees it; after so many
   * milliseconds it is disconnected. A bad credential is refused as ever. Default: a credential must come with the connect.
   */
  readonly deferMs?: number
  /** What a client may cost before it has proved who it is, and ask for afterwards. Default: that of each limit. */
  readonly limits?: Partial<Limits>
  /** Durations around the end of a lease. Default: told 30 s before it, no grace, and 60 s while the store of a session is away. */
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
  /** For tests. Default: the system's. */
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
