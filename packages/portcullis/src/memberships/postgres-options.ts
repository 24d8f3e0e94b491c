/** What `postgresMemberships()` may be told, and the check of it at start-up. */

import type { Clock } from '../core/clock.ts'
import type { Identity } from '../core/identity.ts'
import { type ReconcileTarget, readTarget } from '../core/reconciliation.ts'
import { knownOptions, LONGEST_TIMER_MS, positive, systemClock, text } from '../option-checks.ts'
import type { Row } from './postgres-batch.ts'
import type { PostgresClient } from './postgres-listener.ts'
import { identifier } from './postgres-trigger.ts'

/** A statement as `pg` takes it. */
export interface MembershipStatement {
  readonly text: string
  readonly values: [readonly string[]]
  /** Milliseconds after which `pg` gives up, and its pool drops the connection rather than wait for it. */
  readonly query_timeout: number
}

/** What is needed of Postgres: a `pg.Pool`. */
export interface PostgresPool {
  query(statement: MembershipStatement): Promise<{ readonly rows: readonly unknown[] }>
  connect(): Promise<PostgresClient>
}

/** A row of the query. */
export type MembershipRow = Row

/** Options of `postgresMemberships`; `pool`, `issuer`, `query` and `channel` are required. */
export interface PostgresMembershipsOptions<I extends Identity = Identity> {
  /**
   * The application's pool, of two clients or more: one listens. Give it a `connectionTimeoutMillis` and a listener of `error`.
   */
  readonly pool: PostgresPool
  /**
   * Whose subjects stand in the table: one issuer, or several that share their users. Everybody else holds no room, since another issuer
   * may use the same subject for somebody else.
   */
  readonly issuer: string | readonly string[]
  /**
   * A query of `$1`, an array of keys: `where user_id = any($1)`. Each row has
   * - `subject`: the key that it is for, exactly as asked; a string or a whole number.
   * - `room`: a room of it, or whatever the option `room` makes one of.
   */
  readonly query: string
  /** What the rows of an identity are found by; null for nobody. Default: its `subject`. */
  readonly key?: (identity: I) => string | null
  /** The room of a row. Default: its column `room`. */
  readonly room?: (row: MembershipRow) => string
  /** The channel of NOTIFY, at most 63 bytes. */
  readonly channel: string
  /**
   * Who is concerned by a notification; null or an empty list for nobody. When it throws, everybody is. Default: the payload is a subject of
   * each `issuer`, or JSON of a target of `auth.reconcile`; everybody when it is empty.
   */
  readonly targetOf?: (payload: string) => ReconcileTarget | readonly ReconcileTarget[] | null
  /** How long the database has to answer. Milliseconds, default 1,000. */
  readonly queryTimeoutMs?: number
  /** How often the connection that listens is asked whether it is alive. Milliseconds, default 5,000. */
  readonly checkEveryMs?: number
  /** Hears of connections that were lost and of notifications that could not be acted upon. Default: a process warning. */
  readonly onError?: (error: unknown) => void
  /** For tests. Default: the system's. */
  readonly clock?: Clock
}

/** The options with their defaults, checked. */
export interface PostgresMembershipsSettings<I extends Identity> {
  readonly pool: PostgresPool
  readonly issuers: readonly string[]
  readonly query: string
  readonly key: (identity: I) => string | null
  readonly room: (row: MembershipRow) => unknown
  readonly channel: string
  readonly targetOf: (payload: string) => ReconcileTarget | readonly ReconcileTarget[] | null
  readonly queryTimeoutMs: number
  readonly checkEveryMs: number
  readonly onError: (error: unknown) => void
  readonly clock: Clock
}

const OPTIONS = new Set(
  'pool issuer query key room channel targetOf queryTimeoutMs checkEveryMs onError clock'.split(' '),
)

/** @throws TypeError that quotes the option, never its value */
export function settingsOf<I extends Identity>(options: PostgresMembershipsOptions<I>): PostgresMembershipsSettings<I> {
  knownOptions(options, OPTIONS, 'postgresMemberships')
  const { pool, issuer, key, room, channel, targetOf, onError, clock = systemClock } = options
  requirePool(pool)
  const issuers = [issuer].flat().map((each) => text(each, 'issuer'))
  if (issuers.length === 0) throw new TypeError('"issuer" must name an issuer')
  if (!text(options.query, 'query').includes('$1')) throw new TypeError('"query" must use $1')
  // Throws for one that Postgres would cut.
  identifier(channel, 'channel')
  for (const [option, value] of Object.entries({ key, room, targetOf, onError })) {
    if (value !== undefined && typeof value !== 'function') throw new TypeError(`"${option}" must be a function`)
  }
  return {
    pool,
    issuers,
    query: options.query,
    key: key ?? (({ subject }) => subject),
    room: room ?? ((row) => row.room),
    channel,
    targetOf: targetOf ?? ((payload) => defaultTarget(payload, issuers)),
    queryTimeoutMs: positive(options.queryTimeoutMs ?? 1_000, 'queryTimeoutMs', LONGEST_TIMER_MS),
    checkEveryMs: positive(options.checkEveryMs ?? 5_000, 'checkEveryMs', LONGEST_TIMER_MS),
    onError: safely(onError ?? warn),
    clock,
  }
}

/** A client of the pool is taken to listen, and another is needed to read. */
function requirePool(pool: PostgresPool & { readonly options?: { readonly max?: unknown } }): void {
  if (typeof pool?.query !== 'function' || typeof pool.connect !== 'function') {
    throw new TypeError('"pool" must be a pool of pg')
  }
  if (typeof pool.options?.max === 'number' && pool.options.max < 2) {
    throw new TypeError('"pool" must have a "max" of at least 2')
  }
}

function defaultTarget(payload: string, issuers: readonly string[]): ReconcileTarget | readonly ReconcileTarget[] {
  if (payload === '') return { everyone: true }
  // A subject may look like anything, JSON included.
  return [parsedTarget(payload) ?? [], issuers.map((issuer) => ({ issuer, subject: payload }))].flat()
}

function parsedTarget(payload: string): ReconcileTarget | null {
  try {
    const value: unknown = JSON.parse(payload)
    return readTarget(value) === null ? null : (value as ReconcileTarget)
  } catch {
    return null
  }
}

function safely(onError: (error: unknown) => void): (error: unknown) => void {
  return (error) => {
    try {
      onError(error)
    } catch {
      // A reporter that fails has nowhere to report to.
    }
  }
}

/** Without the message of what the application threw, which may hold values. */
function warn(error: unknown): void {
  const { name = typeof error, code } = (error ?? {}) as { readonly name?: unknown; readonly code?: unknown }
  process.emitWarning(`memberships failed with ${String(name)}${typeof code === 'string' ? ` (${code})` : ''}`, {
    code: 'PORTCULLIS_ERROR',
  })
}
