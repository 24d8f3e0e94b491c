/** Folders that are removed when the test file ends. */

import { execFile } from 'node:child_process'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { startEmbeddedPostgres } from '../src/embedded/embedded-postgres.ts'
import { afterFile } from './cleanups.ts'

/** A new folder that every user may enter, as PostgreSQL's user has to. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'gateway-test-'))
  afterFile(() => rm(folder, { recursive: true, force: true }))
  await chmod(folder, 0o755)
  return folder
}

let made: Promise<string> | null = null

/** The same with PostgreSQL's data folder in it, as the first start makes it, which takes most of the time of a start. */
export async function folderWithCluster(): Promise<string> {
  made ??= makeCluster()
  const [folder, cluster] = [await temporaryFolder(), await made]
  await promisify(execFile)('cp', ['-a', cluster, folder])
  return folder
}

async function makeCluster(): Promise<string> {
  const server = await startEmbeddedPostgres(await temporaryFolder())
  await server.stop()
  return server.folder
}
