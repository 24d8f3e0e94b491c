/** A revocation log in Postgres: a table that every node reads by itself, and NOTIFY that wakes them. */

import { randomInt } from 'node:crypto'
import type { LogState, NodeState, RevocationLog } from '../core/revocation-log.ts'
import { knownOptions } from '../option-checks.ts'
import { APPENDED, appliedTexts, hear, messageText } from './bus.ts'
import { createListening } from './listening.ts'
import { type PostgresClient, postgresBus } from './postgres-listener.ts'
import { noticesOf } from './postgres-notices.ts'
import { type SyncAnswer, statementsOf } from './postgres-statements.ts'
import { namesOf, revocationTables } from './postgres-tables.ts'
import { createSeals, expiryOf, requireId, type Seals } from './sealed.ts'

export type { PostgresClient } from './postgres-listener.ts'
export { revocationTables } from './postgres-tables.ts'

/** What is needed of Postgres: a `pg.Pool`. */
export interface PostgresPool {
  query(text: string, values?: unknown[]): Promise<{ readonly rows: readonly unknown[] }>
  connect(): Promise<PostgresClient>
}

/** Options of `postgres`; `pool` and `secret` are required. */
export interface PostgresRevocationsOptions {
  /**
   * The application's pool. While somebody listens, one of its clients is taken, so it must have two at least. Give it a
   * `connectionTimeoutMillis` and a listener of `error`. A pooler between it and Postgres must keep sessions, for LISTEN.
   */
  readonly pool: PostgresPool
  /**
   * What all nodes share, and nobody else who may write to the tables: a string of at least 32 bytes, or a list of such, of which the
   * first seals and all are accepted. To change it, first append the new one to every node's list, then put it first, then drop the old.
   */
  readonly secret: string | readonly string[]
  /** What the names of its tables and its channel begin with; a schema and a dot may stand before. Default `portcullis_`. */
  readonly prefix?: string
  /** Create tables that are not there, before the first statement. Default false: run `revocationTables()` in a migration. */
  readonly createTables?: boolean
}

const OPTIONS = new Set(['pool', 'secret', 'prefix', 'createTables'])
const MAX_RANDOM = 2 ** 48 - 1
const CURSOR = /^(\d{1,18})-(\d{1,18})$/
/** No entry has this place. */
const UNKNOWN = ['0', '0'] as const

/**
 * Keeps revocations in Postgres 11 or later, for all nodes. An entry that was appended is on disk, and on those replicas that
 * `synchronous_commit` names; what a failover loses all the same is written again by those who have read it.
 *
 * The secret keeps those who may write to the tables from inventing entries and messages, not from withholding them: they can
 * delete entries, repeat messages, and claim that a node has applied an entry.
 *
 * @throws TypeError quoting the option that is wrong
 * @example createAuth({ revocations: postgres({ pool, secret: process.env.REVOCATIONS_SECRET }), … })
 * @see https://www.postgresql.org/docs/current/sql-notify.html
 */
export function postgres(options: PostgresRevocationsOptions): RevocationLog {
  knownOptions(options, OPTIONS, 'postgres')
  const { pool, prefix = 'portcullis_', createTables = false } = options
  requirePool(pool)
  if (typeof createTables !== 'boolean') throw new TypeError('"createTables" must be true or false')
  const names = namesOf(prefix)
  const { channel } = names
  const seals = createSeals(options.secret, `postgres ${prefix}`)
  const sql = statementsOf(names)
  let created: Promise<unknown> | null = createTables ? null : Promise.resolve()

  async function create(): Promise<void> {
    const creating = created ?? pool.query(revocationTables(prefix))
    created = creating
    try {
      await creating
    } catch (error) {
      if (created === creating) created = null
      throw error
    }
  }

  async function ask(statement: string, values: unknown[]): Promise<readonly unknown[]> {
    try {
      await create()
      return (await pool.query(statement, values)).rows
    } catch (error) {
      throw failure(error)
    }
  }

  const connect = async () => {
    try {
      return await pool.connect()
    } catch (error) {
      throw failure(error)
    }
  }

  return {
    shared: true,
    async append({ id, text, expiresAt }) {
      requireId(id, 'id')
      const values = [id, seals.seal('entry', id, text), expiryOf(expiresAt), randomInt(MAX_RANDOM), channel]
      await ask(sql.append, [...values, ...noticesOf(APPENDED)])
    },
    async sync({ node, maxStalenessMs, cursor, applied, awaiting }) {
      requireId(node, 'node')
      const [, ...place] = cursor === null ? [null, null, null] : (CURSOR.exec(cursor) ?? [null, ...UNKNOWN])
      const done = applied.map(({ id }) => id)
      const closed = applied.map((each) => each.closed)
      const notices = appliedTexts(done).flatMap(noticesOf)
      const rows = await ask(sql.sync, [node, maxStalenessMs, ...place, done, closed, awaiting, channel, notices])
      const self = { node, ageMs: 0, maxStalenessMs }
      return readState(seals, self, awaiting, JSON.parse((rows[0] as { answer: string }).answer))
    },
    async leave(node) {
      await ask(sql.leave, [node])
    },
    async publish(text) {
      await ask(sql.notify, [channel, noticesOf(messageText(seals, text))])
    },
    listen: createListening(postgresBus(connect, channel), (listener, heard) => hear(seals, listener, heard)),
  }
}

/** A client of the pool is taken to listen, and another is needed to read. */
function requirePool(pool: PostgresPool & { readonly options?: { readonly max?: unknown } }): void {
  if (!pool || typeof pool.query !== 'function' || typeof pool.connect !== 'function') {
    throw new TypeError('"pool" must be a pool of pg')
  }
  if (typeof pool.options?.max === 'number' && pool.options.max < 2) {
    throw new TypeError('"pool" must have a "max" of at least 2')
  }
}

/** The detail of an error may be a row of the log. */
function failure(error: unknown): Error {
  const { message, code } = error instanceof Error ? (error as Error & { code?: unknown }) : { message: '', code: '' }
  return new Error(`the revocation log failed: ${message || 'Postgres failed'}${code ? ` (${String(code)})` : ''}`)
}

function readState(seals: Seals, self: NodeState, awaiting: readonly string[], answer: SyncAnswer): LogState {
  const { known, more, entries, nodes, age, applied } = answer
  const counts = new Map(awaiting.map((id) => [id, new Map<string, number>()]))
  for (const [id, node, closed] of applied) counts.get(id)?.set(node, closed)
  return {
    entries: entries.map(([cursor, id, sealed]) => ({ cursor, text: seals.open('entry', id, sealed) })),
    more,
    rewound: !known,
    nodes: [self, ...nodes.map(([node, ageMs, maxStalenessMs]) => ({ node, ageMs, maxStalenessMs }))],
    ageMs: age,
    applied: counts,
  }
}
