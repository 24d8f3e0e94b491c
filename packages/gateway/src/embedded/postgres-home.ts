/** Where the embedded PostgreSQL keeps its data, and as which user it runs. */

import { createHash } from 'node:crypto'
import { lstat, mkdir, readFile, realpath } from 'node:fs/promises'
import { join } from 'node:path'
import { reasonOf, StartError } from '../start-error.ts'
import type { User } from './run.ts'
import { findUnprivilegedUser, userMay } from './unprivileged-user.ts'

export interface PostgresHome {
  /** `DATA_DIR`, or a folder in the system's temporary one when the user cannot enter `DATA_DIR`. */
  readonly home: string
  /** PostgreSQL's own data folder within. */
  readonly cluster: string
  /** Null: the current user. */
  readonly user: User | null
  /** Major version of the data, or null when there are none yet. */
  readonly major: string | null
  /** Why `home` is not `DATA_DIR`, for the operator; else null. */
  readonly warning: string | null
}

/**
 * @throws StartError when the data belong to a user that this process cannot become
 */
export async function findPostgresHome(dataDir: string): Promise<PostgresHome> {
  const unprivileged = await findUnprivilegedUser()
  const there = await findCluster(await realpath(dataDir), unprivileged)
  if (await userMay(there.user, dataDir, 'x')) return { ...there, warning: null }
  const elsewhere = await findCluster(await temporaryHome(dataDir), unprivileged)
  const warning = `the database is in ${elsewhere.home}, since the user ${there.user?.name} may not enter DATA_DIR`
  return { ...elsewhere, warning }
}

async function findCluster(home: string, unprivileged: User | null): Promise<Omit<PostgresHome, 'warning'>> {
  const cluster = join(home, 'postgres')
  const found = await lstat(cluster).catch(() => null)
  if (found === null) return { home, cluster, user: unprivileged, major: null }
  const major = (await readFile(join(cluster, 'PG_VERSION'), 'utf8').catch(() => '')).trim()
  if (!found.isDirectory() || !/^\d+$/.test(major)) {
    throw new StartError(`${cluster} is not a data folder of PostgreSQL; move it away or set another DATA_DIR`)
  }
  return { home, cluster, user: ownerOf(cluster, found.uid, found.gid, unprivileged), major }
}

/** Root runs PostgreSQL as whoever owns the data: it may have been made by a start as an ordinary user. */
function ownerOf(cluster: string, uid: number, gid: number, unprivileged: User | null): User | null {
  if (process.getuid === undefined || uid === process.getuid()) return null
  if (unprivileged === null || uid === 0) {
    throw new StartError(
      `${cluster} belongs to another user; start as the user who started before, or set another DATA_DIR`,
    )
  }
  return uid === unprivileged.uid ? unprivileged : { name: String(uid), uid, gid }
}

/** Always the same one for the same `DATA_DIR`, and refused when someone else has made it. */
async function temporaryHome(dataDir: string): Promise<string> {
  const digest = createHash('sha256')
    .update(await realpath(dataDir))
    .digest('hex')
    .slice(0, 16)
  const home = join('/tmp', `portcullis-gateway-${digest}`)
  try {
    await mkdir(home, { mode: 0o711 })
  } catch (error) {
    if (reasonOf(error) !== 'EEXIST')
      throw new StartError(
        `cannot write to ${home} (${reasonOf(error)}); set DATA_DIR to a folder outside of ${dataDir}`,
      )
  }
  const { uid } = await lstat(home).then((found) => (found.isDirectory() ? found : { uid: -1 }))
  if (uid !== process.getuid?.())
    throw new StartError(`${home} belongs to someone else; set DATA_DIR to a folder that every user may enter`)
  return home
}
