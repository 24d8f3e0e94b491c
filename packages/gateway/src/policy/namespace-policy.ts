/** One namespace of the file as a policy of the library, and what the gateway itself does with its rooms and events. */

import { compileRoomPattern, type Identity, type Policy, permit, permitIf, type RoomPattern } from 'portcullis'
import { z } from 'zod'
import type { EventTarget, NamespaceConfig } from '../config/namespaces.ts'
import { isReservedEvent } from '../reserved.ts'
import type { AnyRule, ConditionRule, Means } from './any-rule.ts'
import { argsSchema } from './args-schema.ts'
import { CelMistake, compileCel, type Expression, toJson } from './cel.ts'
import { ConditionMistake, conditionRule } from './condition-rule.ts'

/** The events that the gateway answers by itself, in a namespace with presence. */
export const PRESENCE_EVENTS = ['presence:list', 'presence:watch', 'presence:unwatch'] as const

/** Where a permitted event goes. */
export type CompiledTarget =
  | { readonly kind: 'hook' }
  | { readonly kind: 'nothing' }
  | { readonly kind: 'room'; readonly room: Expression; readonly event: string; readonly mayBeOutside: boolean }

/** A line of the table of who may do what. */
export interface Permission {
  readonly namespace: string
  /** `connect`, `join organization.{id}`, `send news:publish`, `see who is in organization.{id}`. */
  readonly action: string
  readonly who: string
}

/** A namespace, compiled. */
export interface NamespacePolicy {
  readonly name: string
  readonly policy: Policy<Identity, Record<string, (...args: unknown[]) => void>, string>
  readonly targets: ReadonlyMap<string, CompiledTarget>
  /** Patterns of rooms whose members may be seen, each with its rule. */
  readonly presence: readonly { readonly pattern: RoomPattern; readonly rule: AnyRule }[]
  readonly permissions: readonly Permission[]
}

/** What the policy needs besides the conditions' own means. */
export interface PolicyMeans extends Means {
  /** Rooms by a query of the file, kept up to date, or null where the file has none. */
  readonly sqlMemberships: ((namespace: string) => ((identity: Identity) => Promise<readonly string[]>) | null) | null
  readonly hookMemberships: ((identity: Identity, namespace: string) => Promise<readonly string[]>) | null
}

/** @throws ConditionMistake with the path below the namespace */
export function namespacePolicy(name: string, config: NamespaceConfig, means: PolicyMeans): NamespacePolicy {
  const permissions: Permission[] = []
  const told = (action: string, { text }: ConditionRule) => permissions.push({ namespace: name, action, who: text })
  const at = <T>(path: readonly (string | number)[], work: () => T): T => {
    try {
      return work()
    } catch (error) {
      if (error instanceof ConditionMistake) throw new ConditionMistake([...path, ...error.path], error)
      if (error instanceof TypeError || (error instanceof Error && /Mistake$/.test(error.name))) {
        throw new ConditionMistake(path, error)
      }
      throw error
    }
  }

  const connect = at(['connect'], () => conditionRule(config.connect, 'connect', means))
  told('connect', connect)

  const rooms: Record<string, AnyRule> = {}
  const presence: { pattern: RoomPattern; rule: AnyRule }[] = []
  for (const [source, { allow, presence: seen }] of Object.entries(config.rooms)) {
    const pattern = at(['rooms', source], () => compileRoomPattern(source))
    const { memberships } = config
    if (allow === undefined && memberships === undefined) {
      throw new ConditionMistake(
        ['rooms', source],
        new TypeError('has no rule: give "allow", or memberships that fill it'),
      )
    }
    if (allow !== undefined) {
      const rule = at(['rooms', source, 'allow'], () => conditionRule(allow, 'room', means))
      rooms[source] = rule.rule
      told(`join ${source}`, rule)
    } else {
      permissions.push({ namespace: name, action: `be in ${source}`, who: 'by its memberships alone' })
    }
    if (seen !== undefined) {
      const rule = at(['rooms', source, 'presence'], () => conditionRule(seen, 'presence', means))
      presence.push({ pattern, rule: rule.rule })
      told(`see who is in ${source}`, rule)
    }
  }

  const events: Record<string, unknown> = {}
  const targets = new Map<string, CompiledTarget>()
  for (const [event, { allow, args, to }] of Object.entries(config.events)) {
    if ((PRESENCE_EVENTS as readonly string[]).includes(event)) {
      throw new ConditionMistake(
        ['events', event],
        new TypeError('is answered by the gateway; see "presence" of rooms'),
      )
    }
    const { rule, text } = at(['events', event, 'allow'], () => conditionRule(allow, 'event', means))
    events[event] = args === undefined ? rule : { rule, args: at(['events', event, 'args'], () => argsSchema(args)) }
    targets.set(
      event,
      at(['events', event, 'to'], () => compileTarget(event, to)),
    )
    permissions.push({ namespace: name, action: `send ${event}`, who: text })
  }
  if (presence.length > 0) {
    const args = z.tuple([z.string().max(200)])
    // Who may see which room is asked for the room named, when it is answered.
    for (const event of PRESENCE_EVENTS) events[event] = { args, rule: () => permit() }
  }

  const memberships = membershipsOf(name, config, means, at)
  if (memberships !== null) permissions.push({ namespace: name, action: 'be in rooms', who: describe(config) })
  const policy = {
    connect: connect.rule,
    events,
    rooms,
    ...(memberships === null ? {} : { memberships }),
  } as unknown as NamespacePolicy['policy']
  return { name, policy, targets, presence, permissions }
}

function compileTarget(event: string, to: EventTarget): CompiledTarget {
  if (to === 'hook') return { kind: 'hook' }
  if (to === 'nothing') return { kind: 'nothing' }
  const variables = { identity: 'map', event: 'string', args: 'list' } as const
  const name = to.event ?? event
  if (isReservedEvent(name)) throw new TypeError(`sends ${JSON.stringify(name)}, which is not an application's to name`)
  return {
    kind: 'room',
    room: compileCel(to.room, variables, 'text'),
    event: name,
    mayBeOutside: to.mayBeOutside,
  }
}

function membershipsOf(
  name: string,
  { memberships }: NamespaceConfig,
  means: PolicyMeans,
  at: <T>(path: readonly (string | number)[], work: () => T) => T,
): ((identity: Identity) => readonly string[] | Promise<readonly string[]>) | null {
  if (memberships === undefined) return null
  if ('sql' in memberships) return means.sqlMemberships?.(name) ?? null
  if ('hook' in memberships) return (identity) => means.hookMemberships?.(identity, name) ?? []
  const evaluate = at(['memberships', 'cel'], () => compileCel(memberships.cel, { identity: 'map' }, 'rooms'))
  return (identity) => {
    const rooms = toJson(evaluate({ identity }))
    if (!Array.isArray(rooms) || !rooms.every((room) => typeof room === 'string')) {
      throw new CelMistake(`CEL ${JSON.stringify(memberships.cel)}: gave no list of rooms`)
    }
    return rooms
  }
}

function describe({ memberships }: NamespaceConfig): string {
  if (memberships === undefined) return 'nobody'
  if ('sql' in memberships) return `by the database, live on ${memberships.channel}`
  return 'hook' in memberships ? 'by the backend' : memberships.cel
}

/** May this identity see who is in this room? All patterns that match must permit; without one, nobody may. */
export async function maySeePresence(
  { name, presence }: NamespacePolicy,
  identity: Identity,
  room: string,
): Promise<ReturnType<typeof permitIf>> {
  const matching = presence.flatMap(({ pattern, rule }) => {
    const params = pattern.match(room)
    return params === null ? [] : [{ params, rule }]
  })
  for (const { params, rule } of matching) {
    const decision = await rule({ identity, namespace: name, room, params })
    if (decision.effect === 'deny') return decision
  }
  return permitIf(matching.length > 0)
}

/** True for a room whose members may be seen by somebody. */
export function hasPresence({ presence }: NamespacePolicy, room: string): boolean {
  return presence.some(({ pattern }) => pattern.match(room) !== null)
}
