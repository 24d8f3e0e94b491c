/** Who it is, by the CEL expressions of a strategy over what its store held. */

import type { Identify } from '../config/strategies.ts'
import { compileCel, toJson } from '../policy/cel.ts'

/** Whom a session, row or record is of. `issuedAt` is epoch seconds. */
export interface Found {
  readonly subject: string
  readonly claims: Readonly<Record<string, unknown>>
  readonly issuedAt?: number
}

/**
 * @param name what the expressions call the thing: `session` or `row`
 * @throws CelMistake
 */
export function compileIdentify(
  { when, subject, issuedAt, claims }: Identify,
  name: 'session' | 'row',
): (thing: unknown) => Found | null {
  const variables = { [name]: 'map' } as const
  const asks = when === undefined ? null : compileCel(when, variables, 'boolean')
  const subjectOf = compileCel(subject, variables, 'anything')
  const issuedAtOf = issuedAt === undefined ? null : compileCel(issuedAt, variables, 'anything')
  const claimsOf = Object.entries(claims).map(
    ([claim, source]) => [claim, compileCel(source, variables, 'anything')] as const,
  )
  return function identify(thing) {
    const values = { [name]: plain(thing) }
    if (asks !== null && asks(values) !== true) return null
    const found = toJson(subjectOf(values))
    if (found === null || found === '') return null
    if (typeof found !== 'string' && !Number.isSafeInteger(found))
      throw new TypeError('"subject" gave neither text nor a whole number')
    const at = issuedAtOf === null ? undefined : toJson(issuedAtOf(values))
    return {
      subject: String(found),
      claims: Object.fromEntries(claimsOf.map(([claim, evaluate]) => [claim, toJson(evaluate(values))])),
      ...(typeof at === 'number' && Number.isFinite(at) ? { issuedAt: at } : {}),
    }
  }
}

/** PHP's objects as their properties, dates as epoch seconds, and no bytes: what CEL and JSON know. */
function plain(value: unknown, depth = 0): unknown {
  if (depth > 32 || value === undefined || typeof value === 'function' || ArrayBuffer.isView(value)) return null
  if (typeof value === 'bigint') return value
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Date) return value.getTime() / 1000
  if (Array.isArray(value)) return value.map((each) => plain(each, depth + 1))
  const properties = value as { properties?: unknown; className?: unknown }
  const record =
    typeof properties.className === 'string' && typeof properties.properties === 'object'
      ? properties.properties
      : value
  const copy: Record<string, unknown> = Object.create(null)
  for (const [key, each] of Object.entries(record as object)) copy[key] = plain(each, depth + 1)
  return copy
}
