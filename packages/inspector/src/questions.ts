/** What a request asks, taken from its address and its body and checked. */

import type { DecisionQuestion, Question, RevocationKey, Whom } from 'portcullis'
import { Problem } from './http.ts'
import type { DecisionFilter } from './source.ts'

type Body = Readonly<Record<string, unknown>>

/** Nothing that is asked for has a longer name. Characters. */
const MAX_TEXT = 1_024

/** A parameter of the address; absent and empty are the same. @throws Problem 400 when it is too long */
export function param(params: URLSearchParams, name: string): string | undefined {
  const value = params.get(name) ?? ''
  if (value.length > MAX_TEXT) throw new Problem(400, `"${name}" is too long.`)
  return value === '' ? undefined : value
}

/** A whole number of the address. @throws Problem 400 when it is none from `min` to `max` */
export function count(params: URLSearchParams, name: string, standard: number, min: number, max: number): number {
  const value = param(params, name)
  if (value === undefined) return standard
  const number = /^\d{1,9}$/.test(value) ? Number(value) : Number.NaN
  if (!(number >= min && number <= max)) throw new Problem(400, `"${name}" must be a number from ${min} to ${max}.`)
  return number
}

/** @throws Problem 400 */
export function filterOf(params: URLSearchParams): DecisionFilter {
  const effect = param(params, 'effect')
  if (effect !== undefined && effect !== 'permit' && effect !== 'deny') {
    throw new Problem(400, '"effect" must be permit or deny.')
  }
  const filter: Record<string, string> = effect === undefined ? {} : { effect }
  for (const name of ['code', 'stage', 'namespace', 'subject', 'issuer']) {
    const value = param(params, name)
    if (value !== undefined) filter[name] = value
  }
  return filter as DecisionFilter
}

/**
 * A question of the form: about `decision`; or about `socketId`, `issuer` and `subject`, or those with `scheme` and `claims`.
 *
 * @throws Problem 400
 */
export function questionOf(body: Body): Question | DecisionQuestion {
  const args = argsOf(body.args)
  if (body.decision !== undefined) return { decision: requireText(body, 'decision'), ...args }
  const asked = { namespace: requireText(body, 'namespace'), ...one(body, 'room'), ...one(body, 'event'), ...args }
  if (asked.room !== undefined && asked.event !== undefined) {
    throw new Problem(400, 'Ask about a room or an event, not both.')
  }
  return { identity: whomOf(body), ...asked }
}

function whomOf(body: Body): Whom {
  if (body.socketId !== undefined) return { socketId: requireText(body, 'socketId') }
  const principal = { issuer: requireText(body, 'issuer'), subject: requireText(body, 'subject') }
  if (body.scheme === undefined) return principal
  return { scheme: requireText(body, 'scheme'), ...principal, claims: body.claims ?? {} }
}

/** @throws Problem 400 */
export function keyOf(value: unknown): RevocationKey {
  if (typeof value !== 'object' || value === null) throw new Problem(400, '"key" must be an object.')
  const body = value as Body
  const shape = Object.keys(body).sort().join()
  if (shape === 'issuer,subject') return { issuer: requireText(body, 'issuer'), subject: requireText(body, 'subject') }
  if (shape === 'session') return { session: requireText(body, 'session') }
  if (shape === 'tokenId') return { tokenId: requireText(body, 'tokenId') }
  if (shape === 'tag') return { tag: requireText(body, 'tag') }
  throw new Problem(400, '"key" must be { issuer, subject }, { session }, { tokenId } or { tag }.')
}

const MAX_GRACE_MS = 3_600_000

/** @throws Problem 400 */
export function graceOf(value: unknown): { readonly graceMs?: number } {
  if (value === undefined) return {}
  if (typeof value !== 'number' || !(value >= 0 && value <= MAX_GRACE_MS)) {
    throw new Problem(400, `"graceMs" must be a number from 0 to ${MAX_GRACE_MS}.`)
  }
  return { graceMs: value }
}

function argsOf(value: unknown): { readonly args?: readonly unknown[] } {
  if (value === undefined) return {}
  if (!Array.isArray(value)) throw new Problem(400, '"args" must be a list.')
  return { args: value }
}

function one<K extends string>(body: Body, name: K): { readonly [key in K]?: string } {
  return (body[name] === undefined ? {} : { [name]: requireText(body, name) }) as { readonly [key in K]?: string }
}

function requireText(body: Body, name: string): string {
  const value = body[name]
  if (typeof value !== 'string' || value === '' || value.length > MAX_TEXT) {
    throw new Problem(400, `"${name}" must be a string of 1 to ${MAX_TEXT} characters.`)
  }
  return value
}
