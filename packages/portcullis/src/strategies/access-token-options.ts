/** What `accessToken()` may be told, and the check of it at start-up. */

import type { Clock } from '../core/clock.ts'
import type { CredentialSource } from '../core/handshake.ts'
import {
  credentialSources,
  knownOptions,
  LONGEST_TIMER_MS,
  positive,
  systemClock,
  THIRTY_DAYS_SECONDS,
  text,
} from '../option-checks.ts'
import type { Row } from './access-token-batch.ts'
import { fromAuth, fromAuthorization } from './from.ts'
import { revalidateEveryMsOf } from './revalidated.ts'

/** What is needed of Postgres: a `pg.Pool`, or anything that answers like one. */
export interface AccessTokenDatabase {
  query(statement: AccessTokenStatement): Promise<{ readonly rows: readonly unknown[] }>
}

/** A prepared statement as `pg` takes it. */
export interface AccessTokenStatement {
  readonly name: string
  readonly text: string
  readonly values: [readonly string[]]
  /** Milliseconds after which `pg` gives up, and its pool drops the connection rather than wait for it. */
  readonly query_timeout: number
}

/** The row of one token: `user_id`, `expires_in` and further columns, without the token. */
export type AccessTokenRow = Row

/** Whose token it is. */
export interface AccessTokenSubject<Claims = unknown> {
  /** Unique among the users of this issuer, and never given to someone else later. */
  readonly subject: string
  /** Plain JSON for the rules. Default `{}`. */
  readonly claims?: Claims
  /**
   * When the token was issued, epoch seconds. Default 0, "unknown": every revocation of the subject then covers the
   * token, also one that preceded it.
   */
  readonly issuedAt?: number
}

/** Options of `accessToken`; `pool` is required. */
export interface AccessTokenOptions<Claims, Scheme extends string> {
  /** The application's pool. Only ever asked to select. */
  readonly pool: AccessTokenDatabase
  /** The table, or schema and table. Quoted, so exactly as Postgres keeps it. Default `oauth_access_tokens`. */
  readonly table?: string | readonly [schema: string, table: string]
  /** Further columns of the table for `identify`, each by its exact name. Default none. */
  readonly columns?: readonly string[]
  /**
   * Instead of `table` and `columns`: one select of your own, which is sent as it is. `$1::text[]` holds what is looked for.
   * Each live token gives one row with
   * - `access_token`, text: the value of `$1` that the row is for;
   * - `user_id`, text or integer: whose it is; null is nobody, and refused;
   * - `expires_in`, a number: seconds until it expires, by the database's clock; may be infinite; null is refused.
   *
   * Rows of revoked tokens must be left out. Other columns go to `identify`.
   */
  readonly query?: string
  /**
   * What the column `access_token` holds: the token itself, or its SHA-256 as 64 lower-case hexadecimal digits. Default
   * `none`, as OAuth servers fill such a table. Prefer `sha256`: whoever reads that table can use no token.
   */
  readonly hash?: 'none' | 'sha256'
  /**
   * Says whose token it is from its row; null refuses it. What it throws is answered AUTH_ERROR. Default: `user_id`, without
   * claims.
   */
  readonly identify?: (
    row: AccessTokenRow,
  ) => AccessTokenSubject<Claims> | null | Promise<AccessTokenSubject<Claims> | null>
  /** Where the token is read. Default: `Authorization: Bearer`, and `auth.token` of the CONNECT packet. */
  readonly from?: readonly CredentialSource[]
  /** Whose subjects these are. Default `access-token`. */
  readonly issuer?: string
  /** Default `access-token`. */
  readonly scheme?: Scheme
  /** Seconds after which the token must have been looked up or presented again, however long it lives. Default 3600. */
  readonly leaseSeconds?: number
  /** Seconds that a token can live at most; revocations are remembered this long. Default 2,592,000, which is 30 days. */
  readonly maxLifetimeSeconds?: number
  /**
   * How often a token is looked up again while its sockets are connected: what ended ends them, and what changed is in force. Milliseconds,
   * from 1,000; `Infinity` for never. Default 30,000.
   * All that are due together are one query.
   */
  readonly revalidateEveryMs?: number
  /** Milliseconds that the database has to answer, else AUTH_UNAVAILABLE. Default 1000. */
  readonly queryTimeoutMs?: number
  /** For tests. Default: the system's. Whether a token has expired, the database's clock decides. */
  readonly clock?: Clock
}

/** The options with their defaults, checked. */
export interface AccessTokenSettings {
  readonly pool: AccessTokenDatabase
  readonly query: string
  readonly hash: 'none' | 'sha256'
  readonly from: readonly CredentialSource[]
  readonly issuer: string
  readonly scheme: string
  readonly leaseSeconds: number
  readonly maxLifetimeSeconds: number
  readonly revalidateEveryMs: number
  readonly queryTimeoutMs: number
  readonly clock: Clock
}

const OPTIONS = new Set(
  (
    'pool table columns query hash identify from issuer scheme leaseSeconds maxLifetimeSeconds revalidateEveryMs' +
    ' queryTimeoutMs clock'
  ).split(' '),
)

/** @throws TypeError that quotes the option, never its value */
export function settingsOf(options: AccessTokenOptions<unknown, string>): AccessTokenSettings {
  knownOptions(options, OPTIONS, 'accessToken')
  const { pool, hash = 'none', issuer = 'access-token', scheme = 'access-token', clock = systemClock } = options
  const { from = [fromAuthorization('Bearer'), fromAuth('token')], identify } = options
  if (typeof pool?.query !== 'function') throw new TypeError('"pool" must have a method query, such as a pg.Pool')
  if (hash !== 'none' && hash !== 'sha256') throw new TypeError('"hash" must be none or sha256')
  if (identify !== undefined && typeof identify !== 'function') throw new TypeError('"identify" must be a function')
  return Object.freeze({
    pool,
    query: queryOf(options),
    hash,
    from: credentialSources(from),
    issuer: text(issuer, 'issuer'),
    scheme: text(scheme, 'scheme'),
    leaseSeconds: positive(options.leaseSeconds ?? 3600, 'leaseSeconds'),
    maxLifetimeSeconds: positive(options.maxLifetimeSeconds ?? THIRTY_DAYS_SECONDS, 'maxLifetimeSeconds'),
    revalidateEveryMs: revalidateEveryMsOf(options.revalidateEveryMs),
    queryTimeoutMs: positive(options.queryTimeoutMs ?? 1000, 'queryTimeoutMs', LONGEST_TIMER_MS),
    clock,
  })
}

function queryOf({ query, table, columns }: AccessTokenOptions<unknown, string>): string {
  if (query !== undefined) {
    if (table !== undefined || columns !== undefined) {
      throw new TypeError('"query" stands instead of "table" and "columns", not beside them')
    }
    if (!text(query, 'query').includes('$1')) throw new TypeError('"query" must use $1')
    return query
  }
  const from = [table ?? 'oauth_access_tokens'].flat()
  if (from.length > 2) throw new TypeError('"table" must be a table, or a schema and a table')
  if (columns !== undefined && !Array.isArray(columns)) throw new TypeError('"columns" must be an array')
  // Not `*`: a prepared statement whose columns change fails until its connection is closed.
  const more = (columns ?? []).map((name) => `, ${quoted(name, 'columns')}`).join('')
  // Not `expires - now()`: before Postgres 17, infinity cannot be subtracted from. `now()` stands still in a transaction.
  const expiresIn =
    'extract(epoch from expires::timestamptz)::float8 - extract(epoch from statement_timestamp())::float8'
  return (
    `select access_token::text as access_token, user_id, ${expiresIn} as expires_in${more}` +
    ` from ${from.map((name) => quoted(name, 'table')).join('.')}` +
    ' where access_token = any($1::text[]) and expires > statement_timestamp()'
  )
}

/** As an identifier in double quotes: PostgreSQL documentation, section 4.1.1. */
function quoted(name: unknown, option: string): string {
  if (text(name, option).includes('\0')) throw new TypeError(`"${option}" must not contain a NUL`)
  return `"${String(name).replaceAll('"', '""')}"`
}
