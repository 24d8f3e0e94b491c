/** New strategies, origins and policies without a restart: valid as a whole or not at all, and for those who are connected too. */

import type { Namespace, Server } from 'socket.io'
import { monotonicMs } from '../core/clock.ts'
import { type CompiledPolicy, compilePolicy } from '../core/compiled-policy.ts'
import type { Strategy } from '../core/strategy.ts'
import { AuthError, type AuthErrorCode } from '../errors.ts'
import { type Configuration, warnOfQuery } from './configuration.ts'
import type { Connection } from './connection.ts'
import type { Guard } from './guard.ts'
import type { Policies } from './policies.ts'
import type { ProtectedServer } from './protect.ts'
import type { Entry } from './registry.ts'
import { closeByReload, condemn, stands } from './reload-judge.ts'
import { createReloadPass, inSlices } from './reload-pass.ts'
import { planReload, type ReloadOptions, type ReloadPlan } from './reload-plan.ts'
import type { OnError } from './report.ts'

/** What a reload did to the sockets of this node. */
export interface Reloaded {
  /** Sockets that were connected and stood under something that was replaced. */
  readonly checked: number
  /** Sockets that were disconnected. */
  readonly closed: number
  /** Rooms left, over all sockets. */
  readonly left: number
  /** Rooms joined, over all sockets. */
  readonly gained: number
  /** Sockets of which a rule could not decide: they keep what they have, and are judged again until it can. */
  readonly undecided: number
  readonly tookMs: number
}

/** What a reload reads and replaces. */
export interface Reloadable {
  readonly guard: () => Guard
  readonly policies: Policies
  readonly servers: ReadonlyMap<Server, ProtectedServer>
  readonly allowReferer: boolean
  readonly configuration: () => Configuration
  readonly replace: (configuration: Configuration) => void
}

export interface Reloader {
  /** One after another. @throws TypeError, see `Auth.reload` */
  reload(options: ReloadOptions): Promise<Reloaded>
  close(): void
}

/** Where a namespace has been closed, nothing is permitted to those who have not been disconnected yet. */
const NOTHING: CompiledPolicy = compilePolicy('/', { events: {} })

/** Whom the new configuration leaves nothing. */
interface Ending {
  readonly entry: Entry
  readonly code: AuthErrorCode
  readonly rule: string
}

export function createReloader(parts: Reloadable): Reloader {
  const pass = createReloadPass(parts.guard)
  let last: Promise<unknown> = Promise.resolve()
  let closed = false

  async function reloadNow(options: ReloadOptions): Promise<Reloaded> {
    if (closed) throw new TypeError('reload: this guard was closed')
    const guard = parts.guard()
    const startedMs = monotonicMs(guard.clock)
    const plan = planReload(options, {
      configuration: parts.configuration(),
      allowReferer: parts.allowReferer,
      deferMs: guard.deferMs,
      policies: parts.policies,
      servers: [...parts.servers.keys()],
    })
    const waiting = [...pass.undecided()]
    const { ending, judging, inherited } = swap(plan)
    const again = new Set([...waiting, ...judging])
    for (const { entry } of ending) again.delete(entry)
    // First whoever has to go: none of them waits for a rule of somebody else's.
    let ended = 0
    const close = ({ entry, code, rule }: Ending) => {
      if (entry.state !== 'connected') return
      ended += 1
      closeByReload(guard, entry, code, rule)
    }
    const strangers = plan.originsGiven ? await strangersAmong(connections()) : []
    for (const { entry } of strangers) again.delete(entry)
    await inSlices([...ending, ...strangers], close)
    const judged = await pass.judge([...again])
    const sum = (count: (each: (typeof judged)[number]) => number) => judged.reduce((all, each) => all + count(each), 0)
    return {
      checked: ending.length + strangers.length + again.size + inherited,
      closed: ended + sum((each) => Number(each.closed)),
      left: sum(({ left }) => left),
      gained: sum(({ gained }) => gained),
      undecided: sum(({ undecided }) => Number(undecided)),
      tookMs: Math.round(monotonicMs(guard.clock) - startedMs),
    }
  }

  /** In one tick: whoever looks sees all of the old, or all of the new. */
  function swap({ configuration, replaced, added, closed: shut }: ReloadPlan) {
    const guard = parts.guard()
    const former = parts.configuration()
    // First of all, since listeners of the application hear of a new namespace, and may throw.
    const fresh = added.map(({ server, namespace, policy }) => ({ server, namespace: namespace(), policy }))
    if (configuration !== null) {
      parts.replace(configuration)
      if (configuration.sources.length > former.sources.length) warnOfQuery(configuration.strategies)
    }
    for (const [namespace, policy] of replaced) parts.policies.set(namespace, policy)
    for (const namespace of shut) {
      parts.policies.delete(namespace)
      guard.shadows.delete(namespace)
    }
    for (const { server, namespace, policy } of fresh) {
      // One of those listeners may have protected it.
      if (parts.policies.has(namespace)) parts.policies.set(namespace, policy)
      else parts.servers.get(server)?.setPolicy(namespace, policy)
    }
    const heirOf = heirs(former.strategies, guard.strategies)
    const policyOf = remembered((namespace) => guard.policyOf(namespace))
    const ending: Ending[] = []
    const judging: Entry[] = []
    // Of the same identity no rule would decide otherwise.
    let inherited = 0
    for (const entry of guard.registry.all()) {
      // Whoever is connecting finds out by itself what is in force.
      if (!stands(entry)) continue
      const policy = policyOf(entry.socket.nsp)
      const strategy = heirOf(entry)
      if (policy === undefined) ending.push({ entry, code: 'AUTH_FORBIDDEN', rule: 'policies' })
      else if (strategy === undefined) ending.push({ entry, code: 'AUTH_EXPIRED', rule: 'strategies' })
      else if (policy !== entry.policy) judging.push(entry)
      else if (strategy !== entry.strategy) inherited += 1
      entry.policy = policy ?? NOTHING
      if (strategy !== undefined && strategy !== entry.strategy) {
        entry.strategy = strategy
        guard.revalidation.inherit(entry)
      }
    }
    for (const { entry, code } of ending) condemn(entry, code)
    return { ending, judging, inherited }
  }

  /** Sockets of pages that may no longer connect. */
  async function strangersAmong(all: readonly Connection[]): Promise<readonly Ending[]> {
    const guard = parts.guard()
    const strangers: Ending[] = []
    let told = false
    const onError: OnError = (error, where) => {
      if (!told) guard.onError(error, where)
      told = true
    }
    await inSlices(all, (connection) => {
      const code = refusalOfOrigin(connection, onError)
      if (code === null) return
      for (const entry of guard.registry.ofConnection(connection)) {
        if (!stands(entry)) continue
        condemn(entry, code)
        strangers.push({ entry, code, rule: 'origins' })
      }
    })
    return strangers
  }

  function connections(): readonly Connection[] {
    return [...parts.servers.values()].flatMap((server) => [...server.connections()])
  }

  return {
    reload(options) {
      const turn = last.then(() => reloadNow(options))
      last = turn.catch(() => {})
      return turn
    },
    close() {
      closed = true
      pass.close()
    },
  }
}

/** What the application's function threw is no verdict: it takes nothing away. */
function refusalOfOrigin({ admission }: Connection, onError: OnError): AuthErrorCode | null {
  try {
    admission.origin.proof()
    return null
  } catch (error) {
    if (AuthError.is(error) && error.code === 'AUTH_ORIGIN_REFUSED') return error.code
    onError(AuthError.is(error) ? (error.cause ?? error) : error, 'reload')
    return null
  }
}

/**
 * Who goes on with whom a strategy has accepted: itself, or of those with its scheme and the issuer the one in its place, or the first;
 * undefined for none.
 */
function heirs(former: readonly Strategy[], now: readonly Strategy[]) {
  const known = new Map<Strategy, Map<string, Strategy | undefined>>()

  function heirOf(strategy: Strategy, issuer: string): Strategy | undefined {
    if (now.includes(strategy)) return strategy
    const isAlike = ({ scheme, issuers }: Strategy) =>
      scheme === strategy.scheme && (issuers === undefined || issuers.includes(issuer))
    const candidates = now.filter(isAlike)
    return candidates[former.filter(isAlike).indexOf(strategy)] ?? candidates[0]
  }

  return ({ strategy, identity: { issuer } }: Entry) => {
    const byIssuer = known.get(strategy) ?? new Map<string, Strategy | undefined>()
    known.set(strategy, byIssuer)
    if (!byIssuer.has(issuer)) byIssuer.set(issuer, heirOf(strategy, issuer))
    return byIssuer.get(issuer)
  }
}

function remembered(find: (namespace: Namespace) => CompiledPolicy | undefined) {
  const known = new Map<Namespace, CompiledPolicy | undefined>()
  return (namespace: Namespace) => {
    if (!known.has(namespace)) known.set(namespace, find(namespace))
    return known.get(namespace)
  }
}
