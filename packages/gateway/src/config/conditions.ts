/** Conditions as the file writes them: a CEL expression, or one of a few kinds with a name. */

import { z } from 'zod'

export type Condition =
  | boolean
  | string
  | { readonly scope: string | readonly string[] }
  | { readonly signed: 'pusher' }
  | { readonly sql: string }
  | { readonly hook: true }
  | { readonly all: readonly Condition[] }
  | { readonly any: readonly Condition[] }

const KINDS = ['scope', 'signed', 'sql', 'hook', 'all', 'any'] as const
const EXPECTED = `must be a CEL expression, true, false, or an object with exactly one of ${KINDS.join(', ')}`

const scopeToken = z.string().regex(/^[\x21\x23-\x5B\x5D-\x7E]+$/, 'must be a scope token (RFC 6749 section 3.3)')

const kinds = {
  scope: z
    .union([scopeToken, z.array(scopeToken).min(1)])
    .describe('Scopes that claims.scope must contain, all of them.'),
  signed: z.literal('pusher').describe("A grant that the backend signed, as Pusher's private channels are."),
  sql: z
    .string()
    .min(1)
    .describe('A query; permits when it finds a row. :identity.subject, :params.id and the like are its parameters.'),
  hook: z.literal(true).describe('The HTTP backend is asked.'),
} as const

/** One condition. What is inside an expression or query is checked when the policy is compiled. */
export const condition: z.ZodType<Condition> = z
  .lazy(() =>
    z.union([
      z.boolean(),
      z.string().min(1).describe('A CEL expression over identity, params, args, room and event.'),
      z.strictObject({ scope: kinds.scope }),
      z.strictObject({ signed: kinds.signed }),
      z.strictObject({ sql: kinds.sql }),
      z.strictObject({ hook: kinds.hook }),
      z.strictObject({ all: z.array(condition).min(1) }),
      z.strictObject({ any: z.array(condition).min(1) }),
    ]),
  )
  .meta({ id: 'Condition', description: EXPECTED })

/** What to say of a value that is no condition: which of its parts, and why. */
export function whyNoCondition(value: unknown): {
  readonly path: readonly (string | number)[]
  readonly message: string
} {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return { path: [], message: EXPECTED }
  const keys = Object.keys(value)
  const unknown = keys.find((key) => !(KINDS as readonly string[]).includes(key))
  if (unknown !== undefined) return { path: [unknown], message: `is not a kind of condition; ${EXPECTED}` }
  const [kind] = keys
  if (kind === undefined || keys.length > 1) return { path: [], message: EXPECTED }
  const inner = (value as Record<string, unknown>)[kind]
  if (kind === 'all' || kind === 'any') {
    if (!Array.isArray(inner) || inner.length === 0) return { path: [kind], message: 'must be a list of conditions' }
    for (const [index, each] of inner.entries()) {
      if (condition.safeParse(each).success) continue
      const { path, message } = whyNoCondition(each)
      return { path: [kind, index, ...path], message }
    }
  }
  const expected =
    kind in kinds ? kinds[kind as keyof typeof kinds].safeParse(inner).error?.issues[0]?.message : undefined
  return { path: [kind], message: expected ?? EXPECTED }
}
