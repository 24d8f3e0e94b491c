/** Requests against their schemas: the value, or a problem that says where it is wrong. */

import type { z } from 'zod'
import { Problem, type ProblemError } from './problem.ts'

/** Whoever sends more faults than this hears of the first ones. */
const MAX_ERRORS = 20

/** The parsed body. @throws Problem REQUEST_INVALID with a JSON pointer to each fault, and no value of the body */
export function checkedBody<S extends z.ZodType>(schema: S, body: unknown): z.output<S> {
  const found = schema.safeParse(body)
  if (found.success) return found.data
  throw invalid(found.error.issues.flatMap(faultsOf))
}

/** The parsed query. A name that stands twice is refused. @throws Problem REQUEST_INVALID with the name of each parameter */
export function checkedQuery<S extends z.ZodType>(schema: S, query: URLSearchParams): z.output<S> {
  const twice = [...new Set(query.keys())].filter((name) => query.getAll(name).length > 1)
  if (twice.length > 0) throw invalid(twice.map((parameter) => ({ parameter, detail: 'stands twice' })))
  const found = schema.safeParse(Object.fromEntries(query))
  if (found.success) return found.data
  const whole = found.error.issues.find(({ code, path }) => code !== 'unrecognized_keys' && path.length === 0)
  if (whole !== undefined) throw new Problem('REQUEST_INVALID', { detail: `The query ${whole.message}.` })
  throw invalid(
    found.error.issues.flatMap((issue) =>
      issue.code === 'unrecognized_keys'
        ? issue.keys.map((parameter) => ({ parameter, detail: 'is not known' }))
        : [{ parameter: issue.path.join('.'), detail: detailOf(issue) }],
    ),
  )
}

/** @throws Problem REQUEST_INVALID with the name of each parameter, where there is one */
export function requireNoQuery(query: URLSearchParams): void {
  if (query.size > 0)
    throw invalid([...new Set(query.keys())].map((parameter) => ({ parameter, detail: 'is not known' })))
}

/** A request that fits its schema and means nothing. */
export function invalid(errors: readonly ProblemError[]): Problem {
  return new Problem('REQUEST_INVALID', { errors: errors.slice(0, MAX_ERRORS) })
}

/** RFC 6901. */
export function pointerOf(path: readonly PropertyKey[]): string {
  return path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
}

function faultsOf(issue: z.core.$ZodIssue): ProblemError[] {
  if (issue.code !== 'unrecognized_keys') return [{ pointer: pointerOf(issue.path), detail: detailOf(issue) }]
  return issue.keys.map((key) => ({ pointer: pointerOf([...issue.path, key]), detail: 'is not known' }))
}

/** Zod says what it expected and of which type the value was, and never the value. */
function detailOf({ code, message }: z.core.$ZodIssue): string {
  if (code === 'invalid_type' && message.endsWith('received undefined')) return 'is missing'
  return message.replace(/^Invalid input: /, '')
}
