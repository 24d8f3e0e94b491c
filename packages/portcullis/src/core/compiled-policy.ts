/** A policy checked and put into maps at start-up, so that a request costs one look-up and a mistake never reaches one. */

import type { Identity } from './identity.ts'
import type { ConnectRequest, EventRequest, Policy, RoomRequest, Rule } from './policy.ts'
import { compileRoomPattern, type RoomPattern } from './room-pattern.ts'
import type { StandardSchemaV1 } from './standard-schema.ts'

export interface CompiledEvent {
  readonly event: string
  /** As the audit log names it: `events.message:send`. */
  readonly name: string
  /** As errors name it: `events.message:send of /chat`. */
  readonly where: string
  readonly rule: Rule<EventRequest>
  readonly args: StandardSchemaV1<unknown, readonly unknown[]> | null
}

export interface CompiledRoom {
  /** As the audit log names it: `rooms.org:{org}`. */
  readonly name: string
  readonly where: string
  readonly pattern: RoomPattern
  readonly rule: Rule<RoomRequest>
}

export interface CompiledPolicy {
  readonly connect: Rule<ConnectRequest> | null
  readonly events: ReadonlyMap<string, CompiledEvent>
  readonly rooms: readonly CompiledRoom[]
  readonly memberships: ((identity: Identity) => readonly string[] | Promise<readonly string[]>) | null
}

/** The parser of Socket.IO refuses these from a client: a rule for one would never be asked. */
const NEVER_RECEIVED = new Set([
  'connect',
  'connect_error',
  'disconnect',
  'disconnecting',
  'newListener',
  'removeListener',
])
const OPTIONS = new Set(['connect', 'events', 'rooms', 'memberships'])

/** @throws TypeError naming the namespace and the option */
export function compilePolicy<I extends Identity, Events, Rooms extends string>(
  namespace: string,
  policy: Policy<I, Events, Rooms>,
): CompiledPolicy {
  const fail = (option: string, why: string): never => {
    throw new TypeError(`policy of ${JSON.stringify(namespace)}: "${option}" ${why}`)
  }
  if (typeof policy !== 'object' || policy === null) {
    throw new TypeError(`policy of ${JSON.stringify(namespace)} must be an object`)
  }
  for (const option of Object.keys(policy)) if (!OPTIONS.has(option)) fail(option, 'is not an option of a policy')
  const { connect, memberships } = policy
  if (connect !== undefined && typeof connect !== 'function') fail('connect', 'must be a function')
  if (memberships !== undefined && typeof memberships !== 'function') fail('memberships', 'must be a function')
  if (!isRecord(policy.events)) fail('events', 'must be an object with one rule for each client event ({} for none)')
  if (policy.rooms !== undefined && !isRecord(policy.rooms))
    fail('rooms', 'must be an object with one rule for each pattern')

  const events = new Map<string, CompiledEvent>()
  for (const [event, value] of Object.entries(policy.events as Record<string, unknown>)) {
    const option = `events.${event}`
    if (event.startsWith('auth:')) fail(option, 'uses the reserved prefix "auth:"')
    if (NEVER_RECEIVED.has(event)) fail(option, 'names an event that Socket.IO never receives from a client')
    events.set(event, { event, ...compileEvent(option, value, fail), where: `${option} of ${namespace}` })
  }
  const rooms = Object.entries((policy.rooms ?? {}) as Record<string, unknown>).map(([source, rule]) => {
    if (typeof rule !== 'function') fail(`rooms.${source}`, 'must be a function')
    return {
      name: `rooms.${source}`,
      where: `rooms.${source} of ${namespace}`,
      pattern: compileRoomPattern(source),
      rule: rule as Rule<RoomRequest>,
    }
  })
  return {
    connect: (connect ?? null) as CompiledPolicy['connect'],
    events,
    rooms,
    memberships: (memberships ?? null) as CompiledPolicy['memberships'],
  }
}

function compileEvent(
  name: string,
  value: unknown,
  fail: (option: string, why: string) => never,
): Omit<CompiledEvent, 'event' | 'where'> {
  if (typeof value === 'function') return { name, rule: value as Rule<EventRequest>, args: null }
  if (!isRecord(value) || typeof value.rule !== 'function') fail(name, 'must be a function or { args, rule }')
  const { rule, args } = value as { rule: Rule<EventRequest>; args: unknown }
  const standard = (args as { '~standard'?: { validate?: unknown } } | null | undefined)?.['~standard']
  if (typeof standard?.validate !== 'function')
    fail(`${name}.args`, 'must be a Standard Schema for the tuple of arguments')
  return { name, rule, args: args as StandardSchemaV1<unknown, readonly unknown[]> }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
