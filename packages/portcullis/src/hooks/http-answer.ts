/** The answers of a back end, one by one: what is not exactly what was asked for decides nothing. */

import { type Decision, deny, permit } from '../core/decision.ts'
import type { HttpResponse } from '../outbound/http-call.ts'
import { isDate, isName } from '../strategies/registered-claims.ts'
import { type JsonObject, own, parseStrictJson } from '../strategies/strict-json.ts'
import { undecided } from './http-undecided.ts'
import type { HookDenyCode, HookPublication, HookTarget } from './http-wire.ts'

/** What came of an event that the back end acted upon. */
export interface HandledEvent {
  /** Arguments for the client's acknowledgement; left out when the back end gave none. */
  readonly reply?: readonly unknown[]
  /** What is to be sent to others. */
  readonly publish: readonly HookPublication[]
}

const DENY_CODES: ReadonlySet<unknown> = new Set<HookDenyCode>([
  'AUTH_FORBIDDEN',
  'AUTH_INSUFFICIENT_SCOPE',
  'AUTH_ARGUMENTS_INVALID',
  'AUTH_RATE_LIMITED',
])
/** Socket.IO's own names, which an application must not send, and ours. */
const RESERVED = /^(?:connect|connect_error|disconnect|disconnecting|newListener|removeListener|auth:.*)$/s
const MAX_ROOMS = 1_000
const MAX_ARGS = 100

/** By id; null where two items claim one. What is in no item is left to whoever reads it. @throws AuthError AUTH_UNAVAILABLE */
export function answersIn({ status, body }: HttpResponse): ReadonlyMap<string, JsonObject | null> {
  // Any other status speaks of the request as a whole, and says nothing of anybody in it.
  if (status !== 200) throw undecided('status', `the back end answered with status ${status}`)
  const answer = parseStrictJson(body) ?? malformed('it is not one JSON object')
  const items = own(answer, 'items')
  if (!Array.isArray(items)) malformed('"items"')
  const found = new Map<string, JsonObject | null>()
  for (const item of items as unknown[]) {
    if (!isObject(item)) continue
    const id = own(item, 'id')
    if (typeof id === 'string') found.set(id, found.has(id) ? null : item)
  }
  return found
}

/** @throws AuthError AUTH_UNAVAILABLE */
export function decisionOf(answer: JsonObject): Decision {
  const given = own(answer, 'permit')
  if (given === false) return deny(denyCodeOf(answer))
  if (given !== true) malformed('"permit"')
  onlyHas(answer, ['permit', 'expiresAt'])
  const expiresAt = own(answer, 'expiresAt')
  if (expiresAt === undefined) return permit()
  return isDate(expiresAt) ? permit({ expiresAt }) : malformed('"expiresAt"')
}

/** A code where the back end refuses. @throws AuthError AUTH_UNAVAILABLE */
export function handledOf(answer: JsonObject): HandledEvent | HookDenyCode {
  const given = own(answer, 'permit')
  if (given === false) return denyCodeOf(answer)
  if (given !== true) malformed('"permit"')
  onlyHas(answer, ['permit', 'reply', 'publish'])
  const [reply, publish = []] = [own(answer, 'reply'), own(answer, 'publish')]
  if (reply !== undefined && !isArgs(reply)) malformed('"reply"')
  if (!isArgs(publish)) malformed('"publish"')
  return { ...(reply === undefined ? {} : { reply }), publish: publish.map(publicationOf) }
}

/** @throws AuthError AUTH_UNAVAILABLE */
export function roomsOf(answer: JsonObject): readonly string[] {
  onlyHas(answer, ['rooms'])
  const rooms = own(answer, 'rooms')
  if (!Array.isArray(rooms) || rooms.length > MAX_ROOMS || !rooms.every(isName)) malformed('"rooms"')
  return Object.freeze([...(rooms as string[])])
}

/** The answer without what every answer may have. */
export function bareOf(answer: JsonObject): JsonObject {
  const { id: _id, maxAgeSeconds: _maxAge, ...bare } = answer
  return bare
}

/** Seconds; undefined when the item does not say. @throws AuthError AUTH_UNAVAILABLE */
export function maxAgeOf(answer: JsonObject): number | undefined {
  const value = own(answer, 'maxAgeSeconds')
  return value === undefined || isDate(value) ? value : malformed('"maxAgeSeconds"')
}

/** `what` is a name of ours, never a value of the answer. */
export function malformed(what: string): never {
  throw undecided('answer_malformed', `the answer of the back end is not usable: ${what}`)
}

function publicationOf(value: unknown): HookPublication {
  if (!isObject(value)) malformed('"publish"')
  onlyHas(value, ['namespace', 'to', 'event', 'args'], [])
  const [namespace, event, args = []] = [own(value, 'namespace'), own(value, 'event'), own(value, 'args')]
  if (namespace !== undefined && !(isName(namespace) && namespace.startsWith('/'))) malformed('"publish.namespace"')
  if (!isName(event) || RESERVED.test(event)) malformed('"publish.event"')
  if (!isArgs(args)) malformed('"publish.args"')
  return { ...(namespace === undefined ? {} : { namespace }), to: targetOf(own(value, 'to')), event, args }
}

function targetOf(value: unknown): HookTarget {
  if (!isObject(value) || Object.keys(value).length !== 1) malformed('"publish.to"')
  const [room, user, namespace] = [own(value, 'room'), own(value, 'user'), own(value, 'namespace')]
  if (isName(room)) return { room }
  if (namespace === true) return { namespace }
  if (!isObject(user)) malformed('"publish.to"')
  onlyHas(user, ['issuer', 'subject'], [])
  const [issuer, subject] = [own(user, 'issuer'), own(user, 'subject')]
  if (!isName(issuer) || !isName(subject)) malformed('"publish.to.user"')
  return { user: { issuer, subject } }
}

function denyCodeOf(answer: JsonObject): HookDenyCode {
  onlyHas(answer, ['permit', 'code'])
  const code = own(answer, 'code') ?? 'AUTH_FORBIDDEN'
  return DENY_CODES.has(code) ? (code as HookDenyCode) : malformed('"code"')
}

function onlyHas(value: JsonObject, names: readonly string[], always = ['id', 'maxAgeSeconds']): void {
  const known = Object.keys(value).every((name) => names.includes(name) || always.includes(name))
  if (!known) malformed('a member that is not known')
}

function isArgs(value: unknown): value is readonly unknown[] {
  return Array.isArray(value) && value.length <= MAX_ARGS
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
