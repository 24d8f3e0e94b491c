/** The leaves of a configuration: text, numbers and secrets, each of which may come from an environment variable. */

import { readFileSync } from 'node:fs'
import { z } from 'zod'

export type Environment = Readonly<Record<string, string | undefined>>

const WRITTEN = '$' + '{NAME}'
/** `${NAME}` alone: what a secret must be written as. */
const REFERENCE = /^\$\{([A-Z_][A-Z0-9_]*)\}$/
/** `${NAME}`, or `${NAME:-text}` with a default, anywhere in a text. */
const REFERENCES = /\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}/g

/** The kinds of leaf, over one environment. Each makes a zod schema whose input side is what the file may hold. */
export interface Leaves {
  /** Text, with `${NAME}` and `${NAME:-default}` replaced. */
  text(check?: z.ZodType<string, string>, description?: string): z.ZodType<string>
  /** A whole number, or `${NAME}` that is one. */
  integer(min: number, max: number, description?: string): z.ZodType<number>
  flag(description?: string): z.ZodType<boolean>
  /** Written as `${NAME}` and nothing else: the variable, or the file that `NAME_FILE` names, has it. At least `minBytes` long. */
  secret(minBytes: number, description?: string): z.ZodType<string>
}

/** @param env where the variables are looked up */
export function createLeaves(env: Environment): Leaves {
  const expand = (context: z.RefinementCtx, text: string): string => {
    const missing: string[] = []
    const expanded = text.replace(REFERENCES, (_, name: string, fallback: string | undefined) => {
      const value = variable(env, name) ?? fallback
      if (value === undefined) missing.push(name)
      return value ?? ''
    })
    for (const name of missing) {
      context.addIssue(whyMissing(env, name) ?? `needs the environment variable ${name}, which is not set`)
    }
    return missing.length > 0 ? z.NEVER : expanded
  }
  const described = <T extends z.ZodType>(schema: T, description: string | undefined): T =>
    description === undefined ? schema : schema.describe(description)

  return {
    text(check = z.string().min(1, 'must not be empty'), description) {
      return described(
        z
          .string('must be text')
          .transform((value, context) => expand(context, value))
          .pipe(check),
        description,
      )
    },
    integer(min, max, description) {
      const message = `must be a whole number from ${min} to ${max}`
      const written = z.string().regex(/\$\{/, message)
      const schema = z
        .union([z.number(message), written], message)
        .transform((value, context) => {
          if (typeof value === 'number') return value
          const expanded: unknown = expand(context, value)
          // Not text where a variable is not set, which has been told then.
          return typeof expanded === 'string' ? numberOf(expanded) : z.NEVER
        })
        .pipe(z.number(message).int(message).min(min, message).max(max, message))
      return described(schema, description)
    },
    flag(description) {
      return described(z.boolean('must be true or false'), description)
    },
    secret(minBytes, description) {
      const schema = z
        .string(`must be written as ${WRITTEN}, the name of an environment variable`)
        .regex(REFERENCE, `is a secret: write ${WRITTEN}, and put the value into that environment variable`)
        .transform((reference, context) => {
          const name = REFERENCE.exec(reference)?.[1] ?? ''
          const value = variable(env, name)
          if (value === undefined) {
            context.addIssue(
              whyMissing(env, name) ?? `needs the environment variable ${name} (or ${name}_FILE), which is not set`,
            )
            return z.NEVER
          }
          if (Buffer.byteLength(value) < minBytes) {
            context.addIssue(`: the variable ${name} must hold at least ${minBytes} bytes`)
            return z.NEVER
          }
          return value
        })
      return described(schema, description)
    },
  }
}

/** Digits alone: `Number` takes 0x10, 1e3 and nothing at all. */
function numberOf(text: string): number {
  return /^\d+$/.test(text.trim()) ? Number(text) : Number.NaN
}

/** An empty variable counts as not set. `NAME_FILE` names a file, such as a container's or systemd's secret. */
function variable(env: Environment, name: string): string | undefined {
  const value = env[name]
  if (value !== undefined && value.trim() !== '') return value
  const file = env[`${name}_FILE`]
  if (file === undefined || file.trim() === '') return undefined
  try {
    const text = readFileSync(file, 'utf8').replace(/\r?\n$/, '')
    return text === '' ? undefined : text
  } catch {
    return undefined
  }
}

/** What is wrong with the file that `NAME_FILE` names; null where there is none. */
function whyMissing(env: Environment, name: string): string | null {
  const file = env[`${name}_FILE`]
  if (file === undefined || file.trim() === '') return null
  try {
    readFileSync(file)
    return `needs the file that ${name}_FILE names, which is empty`
  } catch (error) {
    return `needs the file that ${name}_FILE names, which cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unreadable'})`
  }
}
