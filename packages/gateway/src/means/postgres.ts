/** PostgreSQL as the gateway uses it: a pool, bounded in connections and time. */

import { Client, Pool, type PoolConfig } from 'pg'
import { reasonOf, StartError } from '../start-error.ts'

/** What strategies, conditions and memberships use of a pool. */
export type DatabasePool = Pick<Pool, 'query' | 'connect'>

const CONNECT_TIMEOUT_MS = 5_000
const QUERY_TIMEOUT_MS = 5_000

/** A pool that was reached once. */
export interface Postgres {
  readonly pool: DatabasePool
  close(): Promise<void>
}

/** @throws StartError naming server and database, never user or password */
export async function openPostgres(config: PoolConfig, onError: (error: unknown) => void): Promise<Postgres> {
  const pool = new Pool({
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
    await pool.query('select 1')
  } catch (error) {
    await pool.end()
    throw new StartError(
      `postgres: ${placeOf(config.connectionString ?? '')} cannot be used (${reasonOf(error)}); start it, or correct user, password and database`,
    )
  }
  return {
    pool,
    close() {
      closing = true
      return pool.end()
    },
  }
}

/** Host, port and database of a URL, without user and password, as `pg` understands it. */
function placeOf(connectionString: string): string {
  const { host, port, database } = new Client({ connectionString })
  return `${host}:${port}/${database ?? ''}`
}
