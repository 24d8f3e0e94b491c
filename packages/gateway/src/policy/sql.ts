/** SQL conditions: named parameters become `$1`, `$2` …, so that no value is ever part of a statement. */

import { AuthError } from 'portcullis'

/** What is used of a `pg` pool. */
export interface SqlPool {
  query(statement: {
    readonly text: string
    readonly values: readonly unknown[]
  }): Promise<{ readonly rows: readonly unknown[] }>
}

/** A statement whose parameters are read from a request. */
export interface SqlQuery {
  readonly text: string
  /** One for each `$n`, as paths into the request: `['identity', 'subject']`. */
  readonly parameters: readonly (readonly string[])[]
}

/** A query of the file that cannot work. */
export class SqlMistake extends Error {
  override readonly name = 'SqlMistake'
}

/** Quoted text, quoted names, dollar quotes and comments are passed over; `::` is a cast. */
const TOKENS =
  /'(?:[^']|'')*'|"(?:[^"]|"")*"|\$([A-Za-z_]*)\$[\s\S]*?\$\1\$|--[^\n]*|\/\*[\s\S]*?\*\/|::|:([a-z]+(?:\.[A-Za-z0-9_]+)*)|\$\d+/g

/**
 * @param source a query with parameters such as `:identity.subject`, `:params.id`, `:identity.claims.org`, `:args.0`, `:room`
 * @param roots what a parameter may begin with
 * @throws SqlMistake
 */
export function compileSql(source: string, roots: readonly string[]): SqlQuery {
  const parameters: (readonly string[])[] = []
  const numbers = new Map<string, number>()
  const text = source.replace(TOKENS, (token: string, _quote: string | undefined, name: string | undefined) => {
    if (/^\$\d+$/.test(token)) throw new SqlMistake(`names ${token}; write parameters as :identity.subject`)
    if (name === undefined) return token
    const path = name.split('.')
    const [root = ''] = path
    if (!roots.includes(root)) throw new SqlMistake(`names :${name}, which is none of :${roots.join(', :')}`)
    if ((root === 'identity' || root === 'params' || root === 'args') && path.length === 1) {
      throw new SqlMistake(`names :${root} as a whole; name what is in it, such as :${EXAMPLES[root]}`)
    }
    const known = numbers.get(name)
    if (known !== undefined) return `$${known}`
    parameters.push(path)
    numbers.set(name, parameters.length)
    return `$${parameters.length}`
  })
  return { text, parameters }
}

const EXAMPLES: Readonly<Record<string, string>> = {
  identity: 'identity.subject',
  params: 'params.id',
  args: 'args.0',
}

/**
 * What says that a column cannot hold a value, such as a word where there are numbers: then no row has it, and clients choose the names of rooms.
 *
 * @see PostgreSQL documentation, appendix A: numeric_value_out_of_range, datetime, character_not_in_repertoire, invalid_text_representation
 */
const UNHOLDABLE = new Set(['22003', '22007', '22008', '22021', '22P02'])

/**
 * What a column cannot hold: text of another form, a number out of range, a date that is none, a character that no database text has.
 * Where a client has sent it, it is an answer (there is no such row), and neither a mistake of the file nor an outage.
 */
const NO_SUCH_VALUE = /^(22P02|22003|22007|22008|22021|22P05)$/

/**
 * The rows that it finds. A parameter that is missing is null, and so is one that is no text, number or truth. With one that is of no
 * value of its column's type, there is no row.
 *
 * @throws AuthError AUTH_UNAVAILABLE when the database does not answer; the error itself when the statement is wrong
 */
export async function runSql(
  pool: SqlPool,
  { text, parameters }: SqlQuery,
  request: Readonly<Record<string, unknown>>,
): Promise<readonly unknown[]> {
  try {
    const { rows } = await pool.query({ text, values: parameters.map((path) => valueAt(request, path)) })
    return rows
  } catch (error) {
    const state = String((error as { code?: unknown } | null)?.code ?? '')
    if (parameters.length > 0 && NO_SUCH_VALUE.test(state)) return []
    if (UNHOLDABLE.has(state)) return []
    // Classes 22, 23, 26, 34 and 42 of SQLSTATE: the statement or its data; anything else passes.
    if (/^(22|23|26|34|42)/.test(state))
      throw Object.assign(new Error(`the query was refused (SQLSTATE ${state})`), { code: state })
    throw new AuthError('AUTH_UNAVAILABLE', { reason: 'database', cause: error })
  }
}

function valueAt(root: unknown, path: readonly string[]): string | number | boolean | null {
  let value = root
  for (const part of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return null
    value = (value as Record<string, unknown>)[part]
  }
  return ['string', 'number', 'boolean'].includes(typeof value) ? (value as string | number | boolean) : null
}
