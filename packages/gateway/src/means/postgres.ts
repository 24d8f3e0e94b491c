/** PostgreSQL as the gateway uses it: a pool, bounded in connections and time. */

import { Client, Pool, type PoolConfig } from 'pg'
import { reasonOf, StartError } from '../start-error.ts'

/** What strategies, conditions and memberships use of a pool; `connect` is for those that listen. */
export type DatabasePool = Pick<Pool, 'query' | 'connect'>

/** Far more than a file has namespaces, twice. */
const MAX_LISTENERS = 1_000
const CONNECT_TIMEOUT_MS = 5_000
const QUERY_TIMEOUT_MS = 5_000

/** A pool that was reached once. */
export interface Postgres {
  readonly pool: DatabasePool
  close(): Promise<void>
}

/**
 * Connections that listen are apart from those that ask: however many namespaces have memberships, and while a reload listens for both
 * policies, queries have all of `max`.
 *
 * @throws StartError naming server and database, never user or password
 */
export async function openPostgres(config: PoolConfig, onError: (error: unknown) => void): Promise<Postgres> {
  const options = {
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: QUERY_TIMEOUT_MS,
    application_name: 'portcullis-gateway',
    ...config,
  }
  const pool = new Pool(options)
  const listeners = new Pool({ ...options, max: MAX_LISTENERS })
  let closing = false
  // An idle connection was lost; the next query opens another. While closing, `end` does not wait for the server's side.
  for (const each of [pool, listeners]) {
    each.on('error', (error) => {
      if (!closing) onError(error)
    })
  }
  try {
    await pool.query('select 1')
  } catch (error) {
    await pool.end()
    throw new StartError(
      `postgres: ${placeOf(config.connectionString ?? '')} cannot be used (${reasonOf(error)}); start it, or correct user, password and database`,
    )
  }
  return {
    pool: {
      query: pool.query.bind(pool) as Pool['query'],
      connect: listeners.connect.bind(listeners) as Pool['connect'],
    },
    async close() {
      closing = true
      await Promise.all([pool.end(), listeners.end()])
    },
  }
}

/** Host, port and database of a URL, without user and password, as `pg` understands it. */
function placeOf(connectionString: string): string {
  const { host, port, database } = new Client({ connectionString })
  return `${host}:${port}/${database ?? ''}`
}
