/** Explanations: what was asked about a decision, in which order, and what decided. */

import { type AuthErrorCode, CODES } from '../errors.ts'
import type { AuditEvent } from './audit.ts'
import type { Identity } from './identity.ts'

/** One check, as it came out. `none`: it did not apply, or could not be made. */
export interface Step {
  /**
   * As the audit log names it: `connect`, `events.news:publish`, `rooms.org:{id}`, `memberships`; `events.news:publish.args` for the
   * schema of an event. `namespace`: is it under a policy? `node`: has this node heard of every revocation? `lease`, `revocation`:
   * does the credential hold? `authority`: has that of the socket ended? `memberships.room`: does the room follow from them?
   */
  readonly rule: string
  readonly effect: 'permit' | 'deny' | 'none'
  readonly code: AuthErrorCode | null
  /** A fixed word, such as `threw` or `deadline`; or, in a step of `rule.explain`, what the rule says of itself. */
  readonly reason?: string
  readonly tookUs: number
}

/** A rule that tells how it comes to its decision, in steps that stand before its own. */
export interface Explained<Request> {
  /** Asked only for explanations, with what the rule is asked with. Must change nothing, and name no claim's value. */
  explain?(request: Request): readonly Step[] | Promise<readonly Step[]>
}

/** Whom a question is about: an identity as given, a socket of this node, or a principal that is connected to it. */
export type Whom = Identity | { readonly socketId: string } | Pick<Identity, 'issuer' | 'subject'>

/** May this identity do that? Without `room` and `event`: may it connect? */
export interface Question {
  readonly identity: Whom
  readonly namespace: string
  readonly room?: string
  readonly event?: string
  /** The event's arguments, as a client would send them. Left out: its schema is not asked, and its rule sees none. */
  readonly args?: readonly unknown[]
  /** The second argument of `auth:join`, such as a signed grant. */
  readonly presented?: unknown
}

/** Why was it decided so? The arguments of events are not kept: give them again in `args`. */
export interface DecisionQuestion {
  readonly decision: string
  readonly args?: readonly unknown[]
}

/** The answer to a question, at this moment, on this node. Holds no claim and no credential. */
export interface Explanation {
  /** `none` where the question cannot be answered here; `notes` say why. */
  readonly effect: 'permit' | 'deny' | 'none'
  readonly code: AuthErrorCode | null
  /** The check that decided. */
  readonly rule: string
  /** In the order in which they were made. */
  readonly steps: readonly Step[]
  readonly identity: Pick<Identity, 'scheme' | 'issuer' | 'subject'> | null
  /** Epoch seconds, with a fraction. */
  readonly at: number
  /** What was assumed, and what is not known; sentences for people. */
  readonly notes: readonly string[]
  /** The decision that was asked about, as it was written down. */
  readonly decision: AuditEvent | null
}

const QUESTION = new Set(['identity', 'namespace', 'room', 'event', 'args', 'presented'])
const DECISION_QUESTION = new Set(['decision', 'args'])

/**
 * The question, copied from its own properties.
 *
 * @throws TypeError quoting what is wrong
 */
export function readQuestion(value: unknown): Question | DecisionQuestion {
  if (typeof value !== 'object' || value === null) throw new TypeError('explain: the question must be an object')
  const isReplay = Object.hasOwn(value, 'decision')
  const own: Record<string, unknown> = Object.assign(Object.create(null), value)
  for (const name of Object.keys(own)) {
    if (!(isReplay ? DECISION_QUESTION : QUESTION).has(name)) fail(name, 'is no part of this question')
  }
  if (own.args !== undefined && !Array.isArray(own.args)) fail('args', 'must be an array')
  for (const name of isReplay ? ['decision'] : ['namespace'])
    if (!isText(own[name])) fail(name, 'must be a non-empty string')
  for (const name of ['room', 'event']) {
    if (own[name] !== undefined && typeof own[name] !== 'string') fail(name, 'must be a string')
  }
  if (own.room !== undefined && own.event !== undefined) fail('event', 'cannot be asked together with "room"')
  if (isReplay) return own as unknown as DecisionQuestion
  return { ...own, identity: readWhom(own.identity) } as unknown as Question
}

function readWhom(value: unknown): Whom {
  if (typeof value !== 'object' || value === null) fail('identity', 'must be an object')
  const own: Record<string, unknown> = Object.assign(Object.create(null), value)
  const fields = Object.keys(own).sort().join()
  if (fields === 'socketId' && isText(own.socketId)) return { socketId: own.socketId }
  const { issuer, subject, scheme, claims } = own
  const isPrincipal = isText(issuer) && isText(subject)
  if (fields === 'issuer,subject' && isPrincipal) return { issuer, subject }
  if (fields === 'claims,issuer,scheme,subject' && isPrincipal && isText(scheme)) {
    return { scheme, issuer, subject, claims: copyOfClaims(claims) }
  }
  return fail('identity', 'must be { socketId }, { issuer, subject } or { scheme, issuer, subject, claims }')
}

/** Rules may keep what they are given, and memoise by it: they get a copy, as frozen as a strategy's. */
function copyOfClaims(claims: unknown): unknown {
  try {
    const copy: unknown = structuredClone(claims)
    return typeof copy === 'object' && copy !== null ? Object.freeze(copy) : copy
  } catch {
    return fail('identity.claims', 'must be plain data')
  }
}

const MAX_STEPS = 64
const MAX_TEXT = 200

/** What `rule.explain` answered, cut to size; null when it is no list of steps. */
export function readSteps(value: unknown): readonly Step[] | null {
  if (!Array.isArray(value) || value.length > MAX_STEPS) return null
  const steps = value.map(readStep)
  return steps.every((step) => step !== null) ? steps : null
}

function readStep(value: unknown): Step | null {
  if (typeof value !== 'object' || value === null) return null
  const {
    rule,
    effect,
    code = null,
    reason,
    tookUs = 0,
  }: Record<string, unknown> = Object.assign(Object.create(null), value)
  if (typeof rule !== 'string' || !(effect === 'permit' || effect === 'deny' || effect === 'none')) return null
  if (code !== null && !(typeof code === 'string' && Object.hasOwn(CODES, code))) return null
  if (reason !== undefined && typeof reason !== 'string') return null
  return {
    rule: rule.slice(0, MAX_TEXT),
    effect,
    code: code as AuthErrorCode | null,
    ...(reason === undefined ? {} : { reason: reason.slice(0, MAX_TEXT) }),
    tookUs: typeof tookUs === 'number' && Number.isFinite(tookUs) ? Math.max(0, Math.round(tookUs)) : 0,
  }
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}

function fail(option: string, why: string): never {
  throw new TypeError(`explain: "${option}" ${why}`)
}
