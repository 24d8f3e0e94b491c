/** The connection to PostgreSQL, and the tables in it. */

import { Client, Pool, type PoolConfig } from 'pg'
import { AuthError } from 'portcullis'
import { reasonOf, StartError } from '../start-error.ts'
import { SCHEMA, SCHEMA_CHECK } from './schema.ts'

/** What the rest of the gateway uses of `pg`. */
export interface Database {
  /** @throws AuthError AUTH_UNAVAILABLE when PostgreSQL does not answer */
  query<Row extends object>(sql: string, values?: readonly unknown[]): Promise<readonly Row[]>
  /** For whoever asks the same database in a way of its own. */
  readonly pool: Pool
  close(): Promise<void>
}

const CONNECT_TIMEOUT_MS = 5_000
const QUERY_TIMEOUT_MS = 5_000

/**
 * Connects, and makes the tables that are missing.
 *
 * @throws StartError naming server and database, never user or password
 */
export async function openDatabase(config: PoolConfig, onError: (error: unknown) => void): Promise<Database> {
  const pool = new Pool({
    max: 10,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: QUERY_TIMEOUT_MS,
    application_name: 'portcullis-gateway',
    ...config,
  })
  let closing = false
  // An idle connection was lost; the next query opens another. While closing, `end` does not wait for the server's side.
  pool.on('error', (error) => {
    if (!closing) onError(error)
  })
  try {
    await migrate(pool)
  } catch (error) {
    await pool.end()
    throw explain(error, config)
  }
  return {
    pool,
    query: async <Row extends object>(sql: string, values: readonly unknown[] = []) => {
      try {
        return (await pool.query<Row>(sql, [...values])).rows
      } catch (error) {
        throw isMistake(error) ? error : new AuthError('AUTH_UNAVAILABLE', { reason: 'database', cause: error })
      }
    },
    close() {
      closing = true
      return pool.end()
    },
  }
}

/** True for a query that is wrong; anything else that PostgreSQL or the way to it answers will pass. */
function isMistake(error: unknown): boolean {
  return /^(22|23|25|26|34|42)/.test(reasonOf(error))
}

/** Gateways that start together take turns; the number is an arbitrary name for that lock. */
async function migrate(pool: Pool): Promise<void> {
  const client = await pool.connect()
  try {
    await client.query('begin')
    await client.query('select pg_advisory_xact_lock(702119311)')
    await client.query(SCHEMA)
    await client.query(SCHEMA_CHECK)
    await client.query('commit')
    client.release()
  } catch (error) {
    client.release(true)
    throw error
  }
}

function explain(error: unknown, config: PoolConfig): StartError {
  const reason = reasonOf(error)
  const where =
    config.connectionString === undefined
      ? 'the embedded database'
      : `DATABASE_URL: ${placeOf(config.connectionString)}`
  if (/^42(?!501)/.test(reason)) {
    return new StartError(
      `${where} has a table users, organizations, members, oauth_access_tokens or news of another shape; give an empty database`,
    )
  }
  if (/^(28|3D|42501)/.test(reason)) {
    return new StartError(
      `${where} refuses the login or its rights (SQLSTATE ${reason}); correct user, password and database name`,
    )
  }
  return new StartError(
    `${where} cannot be reached (${reason}); start that PostgreSQL, or unset DATABASE_URL to use the embedded one`,
  )
}

/** Host, port and database of a URL, without user and password, as `pg` understands it. */
function placeOf(connectionString: string): string {
  const { host, port, database } = new Client({ connectionString })
  return `${host}:${port}/${database ?? ''}`
}
