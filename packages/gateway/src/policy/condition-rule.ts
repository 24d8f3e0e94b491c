/** Conditions of the file as rules of the library. */

import { type Decision, deny, permit, permitIf, type Rule, requireScope, type ScopedIdentity } from 'portcullis'
import type { Condition } from '../config/conditions.ts'
import type { AnyRequest, AnyRule, ConditionRule, Means, Place } from './any-rule.ts'
import { compileCel, type Variables } from './cel.ts'
import { explained } from './explain-condition.ts'
import { compileSql, runSql } from './sql.ts'

const VARIABLES: Readonly<Record<Place, Variables>> = {
  connect: { identity: 'map' },
  room: { identity: 'map', params: 'map', room: 'string' },
  presence: { identity: 'map', params: 'map', room: 'string' },
  event: { identity: 'map', event: 'string', args: 'list' },
}

/** A condition of the file that cannot work: which part of it, and why. */
export class ConditionMistake extends Error {
  override readonly name = 'ConditionMistake'
  readonly path: readonly (string | number)[]

  constructor(path: readonly (string | number)[], cause: Error) {
    super(cause.message, { cause })
    this.path = path
  }
}

/** @throws ConditionMistake */
export function conditionRule(condition: Condition, place: Place, means: Means): ConditionRule {
  if (typeof condition === 'object' && ('all' in condition || 'any' in condition)) {
    const kind = 'all' in condition ? 'all' : 'any'
    const parts = ('all' in condition ? condition.all : condition.any).map((each, index) =>
      under([kind, index], () => conditionRule(each, place, means)),
    )
    const rules = parts.map(({ rule }) => rule)
    const text = `${kind} of (${parts.map((part) => part.text).join('; ')})`
    return explained(kind, { rule: kind === 'all' ? allOf(rules) : anyOf(rules), text, parts })
  }
  return explained('leaf', { ...leafRule(condition, place, means), parts: [] })
}

type Leaf = Exclude<Condition, { readonly all: unknown } | { readonly any: unknown }>

function leafRule(condition: Leaf, place: Place, means: Means): Omit<ConditionRule, 'parts'> {
  if (typeof condition === 'boolean') {
    const decision = condition ? permit() : deny()
    return { rule: () => decision, text: condition ? 'everyone' : 'nobody' }
  }
  if (typeof condition === 'string') return { rule: celRule(condition, place), text: condition }
  if ('scope' in condition) {
    const scopes = [condition.scope].flat() as [string, ...string[]]
    const rule = requireScope(...scopes) as Rule<{ identity: ScopedIdentity } & Omit<AnyRequest, 'identity'>>
    return { rule: rule as unknown as AnyRule, text: `scope ${scopes.join(' ')}` }
  }
  if ('signed' in condition) return { rule: required(means.signed), text: 'signed by the backend' }
  if ('hook' in condition) return { rule: required(means.hook)(place), text: 'asks the backend' }
  return { rule: sqlRule(condition.sql, place, means), text: `sql ${shortened(condition.sql)}` }
}

/** On one line, and no longer than a line. */
function shortened(source: string): string {
  const line = source.replace(/\s+/g, ' ').trim()
  return line.length <= MAX_SHOWN ? line : `${line.slice(0, MAX_SHOWN)}…`
}

const MAX_SHOWN = 100

function celRule(source: string, place: Place): AnyRule {
  // It names nothing but the variables of its place, so that the request itself can stand for them.
  const evaluate = under([], () => compileCel(source, VARIABLES[place], 'boolean'))
  return function celCondition(request) {
    const answer = evaluate(request as unknown as Readonly<Record<string, unknown>>)
    if (typeof answer !== 'boolean') throw new Error(`CEL ${JSON.stringify(source)}: gave neither true nor false`)
    return permitIf(answer)
  }
}

function sqlRule(source: string, place: Place, { pool }: Means): AnyRule {
  const database = required(pool)
  const query = under(['sql'], () => compileSql(source, Object.keys(VARIABLES[place])))
  return async function sqlCondition(request) {
    const rows = await runSql(database, query, request as unknown as Record<string, unknown>)
    return permitIf(rows.length > 0)
  }
}

/** The first that denies decides; the earliest end counts. */
function allOf(rules: readonly AnyRule[]): AnyRule {
  return function allConditions(request) {
    let end: number | null = null
    for (const [index, rule] of rules.entries()) {
      const decision = rule(request)
      if (decision instanceof Promise) return restOfAll(decision, rules.slice(index + 1), request, end)
      if (decision.effect === 'deny') return decision
      end = earlier(end, decision.expiresAt)
    }
    return permit({ expiresAt: end })
  }
}

async function restOfAll(
  first: Promise<Decision>,
  rest: readonly AnyRule[],
  request: AnyRequest,
  before: number | null,
): Promise<Decision> {
  let end = before
  for (const rule of [() => first, ...rest]) {
    const decision = await rule(request)
    if (decision.effect === 'deny') return decision
    end = earlier(end, decision.expiresAt)
  }
  return permit({ expiresAt: end })
}

/**
 * The first that permits decides. One that could not decide does not stop the others, but where none permits, it was not decided:
 * the rule throws what that one threw.
 */
function anyOf(rules: readonly AnyRule[]): AnyRule {
  return function anyCondition(request) {
    const undecided: unknown[] = []
    let denied: Decision | null = null
    for (const [index, rule] of rules.entries()) {
      let decision: Decision | Promise<Decision>
      try {
        decision = rule(request)
      } catch (error) {
        undecided.push(error)
        continue
      }
      if (decision instanceof Promise) return restOfAny(decision, rules.slice(index + 1), request, undecided, denied)
      if (decision.effect === 'permit') return decision
      denied ??= decision
    }
    return conclude(undecided, denied)
  }
}

async function restOfAny(
  first: Promise<Decision>,
  rest: readonly AnyRule[],
  request: AnyRequest,
  undecided: unknown[],
  before: Decision | null,
): Promise<Decision> {
  let denied = before
  for (const rule of [() => first, ...rest]) {
    try {
      const decision = await rule(request)
      if (decision.effect === 'permit') return decision
      denied ??= decision
    } catch (error) {
      undecided.push(error)
    }
  }
  return conclude(undecided, denied)
}

function conclude(undecided: readonly unknown[], denied: Decision | null): Decision {
  if (undecided.length > 0) throw undecided[0]
  return denied ?? deny()
}

function earlier(a: number | null, b: number | null): number | null {
  return a === null ? b : b === null ? a : Math.min(a, b)
}

/** The file was checked: what a condition needs is configured. */
function required<T>(value: T | null): T {
  if (value === null) throw new TypeError('a condition needs something that is not configured')
  return value
}

function under<T>(path: readonly (string | number)[], work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (error instanceof ConditionMistake) throw new ConditionMistake([...path, ...error.path], error)
    if (error instanceof Error && /Mistake$/.test(error.name)) throw new ConditionMistake(path, error)
    throw error
  }
}
