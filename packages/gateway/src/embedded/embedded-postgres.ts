/** A real PostgreSQL of one's own: made at the first start, reached over a socket that nobody else can open. */

import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chown, mkdtemp, open, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Client } from 'pg'
import { StartError } from '../start-error.ts'
import { freePort } from './free-port.ts'
import { findPostgres } from './postgres-binaries.ts'
import { DATABASE, prepareCluster, ROLE } from './postgres-cluster.ts'
import { findPostgresHome } from './postgres-home.ts'
import { CLUSTER_NAME_PREFIX, clearLeftover, SOCKET_FOLDER_PREFIX } from './postgres-leftover.ts'
import { asUser, CLEAN_ENV, type User } from './run.ts'
import { userMay } from './unprivileged-user.ts'

export interface EmbeddedPostgres {
  readonly connection: { host: string; port: number; user: string; database: string; password: string; ssl: false }
  readonly version: string
  /** Where the data lie. Not in `DATA_DIR` when that is out of reach for the user that PostgreSQL runs as. */
  readonly folder: string
  /** Why that is so, for the operator; else null. */
  readonly warning: string | null
  /** What PostgreSQL itself reports; a file. */
  readonly log: string
  /** Resolves when the server has ended, whoever ended it. */
  readonly ended: Promise<void>
  /** Resolves when the server has ended. Safe to call twice. */
  stop(): Promise<void>
}

const READY_TIMEOUT_MS = 60_000
const STOP_TIMEOUT_MS = 5_000

/**
 * Starts PostgreSQL on the data in `dataDir`. The password is new at every start and is never written down. As root it
 * runs as `postgres` or `nobody`. `signal` ends a start that is under way.
 *
 * @throws StartError
 */
export async function startEmbeddedPostgres(dataDir: string, signal?: AbortSignal): Promise<EmbeddedPostgres> {
  const { home, cluster, user, major, warning } = await findPostgresHome(dataDir)
  await clearLeftover(cluster)
  const { bin, version } = await findPostgres({ user, major, copyInto: home })
  const password = randomBytes(32).toString('hex')
  await prepareCluster({ bin, cluster, user, exists: major !== null, password })
  signal?.throwIfAborted()

  const socket = await makeSocket(user)
  const log = join(home, 'postgres.log')
  const child = await launch({ postgres: join(bin, 'postgres'), cluster, user, socket, log })
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve())
    child.once('error', () => resolve())
  })
  // The last resort, for an end of this process that waits for nothing.
  const abandon = () => child.kill('SIGINT')
  process.once('exit', abandon)
  let stopping: Promise<void> | undefined
  const stop = () => {
    stopping ??= end(child, ended).then(() => {
      process.off('exit', abandon)
      return socket.remove()
    })
    return stopping
  }
  const connection = {
    host: socket.host,
    port: socket.port,
    user: ROLE,
    database: DATABASE,
    password,
    ssl: false,
  } as const
  try {
    await waitUntilReady(connection, child, log, signal)
  } catch (error) {
    await stop()
    throw error
  }
  return { connection, version, folder: cluster, warning, log, ended, stop }
}

interface Socket {
  /** A folder, or 127.0.0.1. */
  readonly host: string
  readonly port: number
  readonly args: readonly string[]
  remove(): Promise<void>
}

/** A Unix socket in a private folder with a short name (its path must stay below 104 bytes); on Windows a free port. */
async function makeSocket(user: User | null): Promise<Socket> {
  if (process.platform === 'win32') {
    const port = await freePort()
    return {
      host: '127.0.0.1',
      port,
      args: ['-c', 'listen_addresses=127.0.0.1', '-p', String(port)],
      remove: async () => undefined,
    }
  }
  const short = tmpdir().length <= 64 && (await userMay(user, tmpdir(), 'x'))
  const host = await mkdtemp(join(short ? tmpdir() : '/tmp', SOCKET_FOLDER_PREFIX))
  if (user !== null) await chown(host, user.uid, user.gid)
  const args = ['-c', 'listen_addresses=', '-c', 'unix_socket_permissions=0700', '-k', host]
  return { host, port: 5432, args, remove: () => rm(host, { recursive: true, force: true }) }
}

interface Launch {
  readonly postgres: string
  readonly cluster: string
  readonly user: User | null
  readonly socket: Socket
  readonly log: string
}

/** Detached: Ctrl-C in a terminal reaches the gateway alone, which ends PostgreSQL last. */
async function launch({ postgres, cluster, user, socket, log }: Launch): Promise<ChildProcess> {
  const file = await open(log, 'w', 0o600)
  try {
    const name = `cluster_name=${CLUSTER_NAME_PREFIX}${process.pid}`
    const args = ['-D', cluster, ...socket.args, '-c', name, '-c', 'max_connections=30', '-c', 'logging_collector=off']
    const options = { ...asUser(user), cwd: '/', env: CLEAN_ENV, detached: true, windowsHide: true } as const
    return spawn(postgres, args, { ...options, stdio: ['ignore', file.fd, file.fd] })
  } finally {
    await file.close()
  }
}

async function waitUntilReady(
  connection: object,
  child: ChildProcess,
  log: string,
  signal?: AbortSignal,
): Promise<void> {
  const deadline = Date.now() + READY_TIMEOUT_MS
  while (child.exitCode === null && child.signalCode === null && child.pid !== undefined && Date.now() < deadline) {
    signal?.throwIfAborted()
    const client = new Client({ ...connection, connectionTimeoutMillis: 2_000 })
    client.on('error', () => undefined)
    try {
      await client.connect()
      return
    } catch {
      await delay(20)
    } finally {
      await client.end().catch(() => undefined)
    }
  }
  const last = (await readFile(log, 'utf8').catch(() => ''))
    .split('\n')
    .findLast((line) => /FATAL|PANIC|ERROR/.test(line))
  throw new StartError(
    `the embedded PostgreSQL does not start (${last?.replace(/^.*?(?=FATAL|PANIC|ERROR)/, '') ?? 'no answer'}); see ${log}, or set DATABASE_URL`,
  )
}

/** SIGINT is a fast shutdown, SIGQUIT an immediate one. */
async function end(child: ChildProcess, ended: Promise<void>): Promise<void> {
  for (const signal of ['SIGINT', 'SIGQUIT', 'SIGKILL'] as const) {
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return
    child.kill(signal)
    const late = new AbortController()
    await Promise.race([ended, delay(STOP_TIMEOUT_MS, undefined, { signal: late.signal }).catch(() => undefined)])
    late.abort()
  }
}
