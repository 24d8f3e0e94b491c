/** The database that the gateway works on: the one of `DATABASE_URL`, or its own. */

import { startEmbeddedPostgres } from '../embedded/embedded-postgres.ts'
import { type Database, openDatabase } from './database.ts'
import type { Settings } from './settings.ts'

export interface Storage {
  readonly database: Database
  /** Where the data are, for the operator. */
  readonly place: string
  readonly warning: string | null
  /** Resolves when the database has ended by itself and for good; says what happened. */
  readonly ended: Promise<string>
}

/** Registers something to be closed with the gateway, the last first. */
export type Opened = <T extends { close(): Promise<void> }>(thing: T) => T

/**
 * `signal` ends a start that is under way.
 *
 * @throws StartError
 */
export async function openStorage(
  { databaseUrl, dataDir }: Settings,
  opened: Opened,
  onError: (error: unknown) => void,
  signal?: AbortSignal,
): Promise<Storage> {
  if (databaseUrl !== null) {
    const database = opened(await openDatabase({ connectionString: databaseUrl }, onError))
    return { database, place: 'PostgreSQL of DATABASE_URL', warning: null, ended: new Promise(() => undefined) }
  }
  const server = await startEmbeddedPostgres(dataDir, signal)
  opened({ close: () => server.stop() })
  const database = opened(await openDatabase(server.connection, onError))
  const ended = server.ended.then(
    () => `the embedded PostgreSQL has ended by itself; see ${server.log}, and start again`,
  )
  return { database, place: `PostgreSQL ${server.version} in ${server.folder}`, warning: server.warning, ended }
}
