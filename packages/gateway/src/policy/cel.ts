/** CEL expressions: checked when the configuration is read, evaluated for every request. */

import { TypeError as CelTypeError, Environment, EvaluationError, ParseError } from '@marcbachmann/cel-js'

/** What an expression may name, and of which CEL type it is. */
export type Variables = Readonly<Record<string, 'map' | 'list' | 'string' | 'dyn'>>

/** An expression of the file that cannot work. Says why in CEL's words, on one line. */
export class CelMistake extends Error {
  override readonly name = 'CelMistake'
}

/** A compiled expression. @throws Error naming the expression when it cannot be evaluated over these values */
export type Expression = (values: Readonly<Record<string, unknown>>) => unknown

/** The types that a place for an expression takes; `dyn`, which is known only when it runs, always passes. */
const FITS = {
  boolean: /^(bool|dyn)$/,
  text: /^(string|dyn)$/,
  rooms: /^(list(<(string|dyn)>)?|dyn)$/,
  anything: /./,
} as const
export type Wanted = keyof typeof FITS

/**
 * @param source the expression
 * @param variables what it may name
 * @param wanted what it must give
 * @throws CelMistake for what is no CEL, names something unknown, or gives something else
 */
export function compileCel(source: string, variables: Variables, wanted: Wanted): Expression {
  const environment = new Environment({ unlistedVariablesAreDyn: false })
  for (const [name, type] of Object.entries(variables)) environment.registerVariable(name, type)
  let parsed: ReturnType<typeof environment.parse>
  try {
    parsed = environment.parse(source)
  } catch (error) {
    throw new CelMistake(`is no CEL expression: ${firstLine(error)}`)
  }
  const checked = parsed.check()
  if (!checked.valid) {
    throw new CelMistake(`cannot work: ${firstLine(checked.error)} (it may name ${Object.keys(variables).join(', ')})`)
  }
  const unknown = unknownField(parsed.ast)
  if (unknown !== null) throw new CelMistake(`names identity.${unknown}; an identity has ${FIELDS.join(', ')}`)
  const type = String(checked.type)
  if (!FITS[wanted].test(type)) throw new CelMistake(`gives ${type}, where ${WANTED[wanted]} is wanted`)
  return function evaluate(values) {
    try {
      return parsed(values as Record<string, unknown>)
    } catch (error) {
      throw new Error(`CEL ${JSON.stringify(source)}: ${firstLine(error)}`)
    }
  }
}

/** What an identity is made of: CEL itself takes any name of a map, and would only fail when it is asked. */
const FIELDS = ['scheme', 'issuer', 'subject', 'claims']

/** The first field of `identity` that there is not, anywhere in the expression. */
function unknownField(node: unknown): string | null {
  if (Array.isArray(node)) {
    for (const each of node) {
      const found = unknownField(each)
      if (found !== null) return found
    }
    return null
  }
  if (typeof node !== 'object' || node === null || !('op' in node) || !('args' in node)) return null
  const { op, args } = node as { readonly op: unknown; readonly args: unknown }
  if (op === '.' && Array.isArray(args)) {
    const [of, field] = args as unknown as readonly [{ readonly op?: unknown; readonly args?: unknown }, unknown]
    if (of?.op === 'id' && of.args === 'identity' && !FIELDS.includes(String(field))) return String(field)
  }
  return unknownField(args)
}

const WANTED: Readonly<Record<Wanted, string>> = {
  boolean: 'true or false',
  text: 'text',
  rooms: 'a list of rooms',
  anything: 'a value',
}

/** CEL's whole numbers are bigint; what leaves an expression is JSON, in which one beyond 2^53 would become its neighbour: it is text. */
export function toJson(value: unknown): unknown {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value)
  if (Array.isArray(value)) return value.map(toJson)
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, each]) => [String(key), toJson(each)]))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, toJson(each)]))
}

/** The message is of the expression and of names in it, never of values. */
function firstLine(error: unknown): string {
  const known = error instanceof EvaluationError || error instanceof ParseError || error instanceof CelTypeError
  if (!known) return error instanceof Error ? error.name : 'unknown error'
  return (error.message.split('\n')[0] ?? '').trim()
}
