/** `createAuth`: the strategies, origins and limits of a server, and the two things done with them: protect and revoke. */

import type { Namespace, Server } from 'socket.io'
import { readsConnect } from './core/authenticate.ts'
import { compilePolicy } from './core/compiled-policy.ts'
import type { Identity } from './core/identity.ts'
import type { Policy } from './core/policy.ts'
import { createRevocationIndex } from './core/revocation.ts'
import type { IdentityOf, Strategy } from './core/strategy.ts'
import { memory } from './revocations/memory.ts'
import { createAuditTrail } from './server/audit-trail.ts'
import type { Auth, AuthOptions } from './server/auth.ts'
import { createAuthority } from './server/authority.ts'
import { createClientAddress } from './server/client-address.ts'
import { configure, requireStrategies, warnOfQuery } from './server/configuration.ts'
import type { Connection } from './server/connection.ts'
import { createDrain } from './server/drain.ts'
import { endEntry } from './server/end-entry.ts'
import { createDecisionMemory } from './server/explain-memory.ts'
import type { Guard } from './server/guard.ts'
import { CLOSED } from './server/hidden-namespaces.ts'
import { createInspection, keepOf } from './server/inspect.ts'
import { resolveCluster, resolveLease } from './server/lease-settings.ts'
import { createLeaseTimer } from './server/lease-timer.ts'
import { resolveLimits } from './server/limits.ts'
import { createPolicies } from './server/policies.ts'
import { type ProtectedServer, protectServer } from './server/protect.ts'
import { principalRoom } from './server/reach.ts'
import { createMembershipKeeper, RECONCILE } from './server/reconcile.ts'
import { createRegistry, nameOf } from './server/registry.ts'
import { createReloader } from './server/reload.ts'
import type { ReloadOptions } from './server/reload-plan.ts'
import { safely, warnOfError } from './server/report.ts'
import { createRevalidation } from './server/revalidation.ts'
import { requireKey } from './server/revoke.ts'
import { describeSessions, SESSIONS, socketsUnder, toSessions } from './server/sessions.ts'
import { createShadows, requireShadow } from './server/shadows.ts'
import { systemClock } from './server/system-clock.ts'
import { createThrottle } from './server/throttle.ts'
import { createUnadmitted } from './server/unadmitted.ts'

export type { Auth, AuthData, AuthOptions } from './server/auth.ts'
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
  const unadmitted = createUnadmitted(limits)
  const log = options.revocations ?? memory()
  warnOfQuery(strategies)
  let state: 'open' | 'closed' = 'open'
  const { origins, allowReferer = false, hideNamespaces = false } = options
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
    audit: createAuditTrail(options.audit, clock, decisions, limits),
    onError: safely(options.onError ?? warnOfError),
    registry: createRegistry(),
    revocations: createRevocationIndex(),
    leases: createLeaseTimer(clock),
    throttle: createThrottle(limits, unadmitted),
    unadmitted,
    get redaction() {
      return configuration.redaction
    },
    policyOf: hideNamespaces ? (namespace) => policies.of(namespace) ?? CLOSED : policies.of,
    isDraining: () => drain.isDraining(),
    discardRequest: options.discardRequest ?? false,
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
    hideNamespaces,
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
  'hideNamespaces',
  'discardRequest',
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

const FLAGS = ['strictFetchMetadata', 'requireSecure', 'hideNamespaces', 'discardRequest', 'singleConnection'] as const

function requireOptions(options: AuthOptions<Strategy>): void {
  if (typeof options !== 'object' || options === null) throw new TypeError('createAuth: the options must be an object')
  for (const option of Object.keys(options)) {
    if (!OPTIONS.has(option)) throw new TypeError(`"${option}" is not an option of createAuth`)
  }
  requireStrategies(options.strategies)
  for (const option of FLAGS) {
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
