/** A reload read and checked as a whole, before anything of it is in force. */

import type { Namespace, Server } from 'socket.io'
import { type CompiledPolicy, compilePolicy } from '../core/compiled-policy.ts'
import type { Identity } from '../core/identity.ts'
import type { ConnectRequest, EventRule, Policy, RoomRequest, Rule } from '../core/policy.ts'
import type { Strategy } from '../core/strategy.ts'
import { type Configuration, configure } from './configuration.ts'
import type { Origins } from './origin.ts'
import { isParent, type Policies } from './policies.ts'
import { requireCleanup } from './protect.ts'

// biome-ignore lint/suspicious/noExplicitAny: which parameters and arguments there are is for each rule to say
type Anything = any

/** A policy of any namespace: whether its events and room parameters are those of the namespace is not checked. */
export interface AnyPolicy<I extends Identity = Identity> {
  readonly connect?: Rule<ConnectRequest<I>>
  readonly events: { readonly [event: string]: EventRule<I, Anything> | EventRule<I, never> }
  readonly rooms?: { readonly [pattern: string]: Rule<Omit<RoomRequest<I>, 'params'> & { readonly params: Anything }> }
  readonly memberships?: (identity: I) => readonly string[] | Promise<readonly string[]>
}

/** What to replace; what is left out stays as it is. */
export interface ReloadOptions<I extends Identity = Identity> {
  /** All of them: one that is not named is gone. That they yield the identities of `createAuth` is not checked. */
  readonly strategies?: readonly Strategy[]
  /**
   * Policies of protected namespaces, by namespace or by name: a list of pairs, or a Map. A namespace that is not named keeps its
   * policy. A dynamic namespace has no name that can be given: name it by itself.
   */
  readonly policies?: Iterable<readonly [Namespace | string, AnyPolicy<I>]>
  /** `policies` are all there are: others are closed, and namespaces that had none are protected. Default false. */
  readonly replaceAll?: boolean
  readonly origins?: Origins
}

export interface ReloadPlan {
  /** Null when strategies and origins stay. */
  readonly configuration: Configuration | null
  readonly originsGiven: boolean
  /** Namespaces that are protected already, and their new policies. */
  readonly replaced: ReadonlyMap<Namespace, CompiledPolicy>
  readonly added: readonly Added[]
  readonly closed: readonly Namespace[]
}

/** A namespace that will be protected; it comes into being by the reload where only its name was given. */
export interface Added {
  readonly server: Server
  readonly namespace: () => Namespace
  readonly policy: CompiledPolicy
}

/** What there is at the moment. */
export interface Present {
  readonly configuration: Configuration
  readonly allowReferer: boolean
  readonly deferMs: number | null
  readonly policies: Policies
  readonly servers: readonly Server[]
}

const OPTIONS = new Set(['strategies', 'policies', 'replaceAll', 'origins'])

/** @throws TypeError quoting the option; nothing has changed then */
export function planReload(options: ReloadOptions, present: Present): ReloadPlan {
  if (typeof options !== 'object' || options === null) throw new TypeError('reload: the options must be an object')
  for (const option of Object.keys(options)) {
    if (!OPTIONS.has(option)) throw new TypeError(`"${option}" is not an option of reload`)
  }
  const { strategies, origins, replaceAll = false, policies } = options
  if (typeof replaceAll !== 'boolean') throw new TypeError('"replaceAll" must be true or false')
  if (replaceAll && policies === undefined) throw new TypeError('"replaceAll" needs "policies"')
  const { configuration: former, allowReferer, deferMs } = present
  const isConfigured = strategies !== undefined || origins !== undefined
  const configuration = isConfigured
    ? configure(
        { strategies: strategies ?? former.strategies, origins: origins ?? former.origins, allowReferer },
        former,
      )
    : null
  if (deferMs !== null && configuration?.readsConnect === false) {
    throw new TypeError('"deferMs" needs a strategy that reads `auth`')
  }
  const placed = policies === undefined ? [] : place(policies, replaceAll, present)
  const named = new Set(placed.flatMap(({ known }) => (known === null ? [] : [known])))
  return {
    configuration,
    originsGiven: origins !== undefined,
    replaced: new Map(placed.flatMap(({ known, policy }) => (known === null ? [] : [[known, policy] as const]))),
    added: placed.flatMap(({ known, added }) => (known === null && added !== null ? [added] : [])),
    closed: replaceAll ? [...present.policies.namespaces()].filter((namespace) => !named.has(namespace)) : [],
  }
}

interface Placed {
  /** The namespace, where it is protected already. */
  readonly known: Namespace | null
  readonly added: Added | null
  readonly policy: CompiledPolicy
}

function place(
  policies: NonNullable<ReloadOptions['policies']>,
  replaceAll: boolean,
  present: Present,
): readonly Placed[] {
  if (typeof policies !== 'object' || policies === null || typeof policies[Symbol.iterator] !== 'function') {
    throw new TypeError('"policies" must be a Map, or a list of [namespace, policy]')
  }
  const taken = new Set<Namespace | string>()
  const isNew = new Set<string>()
  return [...policies].flatMap((pair): readonly Placed[] => {
    if (!Array.isArray(pair)) throw new TypeError('"policies" must be a Map, or a list of [namespace, policy]')
    const [target, policy] = pair as readonly [unknown, AnyPolicy]
    const name = nameOfTarget(target)
    const compiled = compilePolicy(name, policy as Policy<Identity, Record<string, never>, never>)
    const known = [...present.policies.namespaces()].filter((other) => other === target || other.name === target)
    for (const key of known.length > 0 ? known : [target as Namespace | string]) {
      if (taken.has(key)) throw new TypeError(`"policies": ${JSON.stringify(name)} is named twice`)
      taken.add(key)
    }
    if (known.length > 0) return known.map((namespace) => ({ known: namespace, added: null, policy: compiled }))
    if (!replaceAll) throw new TypeError(`"policies": ${JSON.stringify(name)} is not protected: protect() it first`)
    const found = addable(target as Namespace | string, present)
    // Once by its name and once itself, it is the same one.
    const key = `${present.servers.indexOf(found.server)} ${name}`
    if (isNew.has(key)) throw new TypeError(`"policies": ${JSON.stringify(name)} is named twice`)
    isNew.add(key)
    return [{ known: null, added: { ...found, policy: compiled }, policy: compiled }]
  })
}

function addable(target: Namespace | string, { servers }: Present): Omit<Added, 'policy'> {
  if (typeof target !== 'string') {
    const server = target.server as Server
    if (!servers.includes(server)) {
      throw new TypeError(`"policies": ${JSON.stringify(target.name)} belongs to no server protected here`)
    }
    if (isParent(target)) requireCleanup(server)
    return { server, namespace: () => target }
  }
  const [server] = servers
  if (server === undefined || servers.length > 1) {
    throw new TypeError(`"policies": ${JSON.stringify(target)} must be a namespace, since there is not just one server`)
  }
  return { server, namespace: () => server.of(target) }
}

function nameOfTarget(target: unknown): string {
  if (typeof target === 'string' && target.startsWith('/')) return target
  const namespace = target as Partial<Namespace> | null | undefined
  if (typeof namespace?.use === 'function' && typeof namespace.name === 'string') return namespace.name
  throw new TypeError('"policies": each must name a namespace, such as io.of("/chat") or "/chat"')
}
