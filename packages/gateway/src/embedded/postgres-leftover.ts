/** A PostgreSQL that a killed gateway left behind: it still holds the data folder, and the next start has to end it. */

import { readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { StartError } from '../start-error.ts'
import { run } from './run.ts'

/** Names the process that started it, in PostgreSQL's own command line. */
export const CLUSTER_NAME_PREFIX = 'portcullis-gateway-'
/** Starts the name of every folder that holds a PostgreSQL's socket. */
export const SOCKET_FOLDER_PREFIX = 'portcullis-pg-'

const STOP_TIMEOUT_MS = 15_000

/**
 * Ends a leftover of this cluster, and removes the lock file of one that is gone. A process id alone proves nothing,
 * since ids are used again: the process counts only if its command line names this very folder.
 *
 * @throws StartError when another gateway that still runs uses the folder
 */
export async function clearLeftover(cluster: string): Promise<void> {
  const lock = join(cluster, 'postmaster.pid')
  const lines = (await readFile(lock, 'utf8').catch(() => '')).split('\n')
  const pid = Number(lines[0])
  if (!Number.isSafeInteger(pid) || pid <= 1) return
  const running = await inspect(pid)
  if (running !== null && serves(running, cluster)) {
    const owner = Number(new RegExp(`${CLUSTER_NAME_PREFIX}(\\d+)`).exec(running.command)?.[1])
    if (owner === running.parent) {
      throw new StartError(
        `DATA_DIR is in use by another gateway (process ${owner}); stop that one or set another DATA_DIR`,
      )
    }
    await end(pid, cluster)
  }
  await rm(lock, { force: true })
  const socketFolder = lines[4] ?? ''
  if (basename(socketFolder).startsWith(SOCKET_FOLDER_PREFIX) && [tmpdir(), '/tmp'].includes(dirname(socketFolder))) {
    await rm(socketFolder, { recursive: true, force: true })
  }
}

/** SIGINT is PostgreSQL's fast shutdown, SIGQUIT its immediate one, after which the next start recovers from the log. */
async function end(pid: number, cluster: string): Promise<void> {
  for (const signal of ['SIGINT', 'SIGQUIT'] as const) {
    const deadline = Date.now() + STOP_TIMEOUT_MS
    for (let told = false; Date.now() < deadline; await delay(25)) {
      const running = await inspect(pid)
      if (running === null || !serves(running, cluster)) return
      if (!told) process.kill(pid, signal)
      told = true
    }
  }
  throw new StartError(
    `an earlier PostgreSQL (process ${pid}) still holds DATA_DIR and does not stop; end it and start again`,
  )
}

function serves({ command }: Running, cluster: string): boolean {
  return command.includes(` -D ${cluster} `)
}

interface Running {
  readonly command: string
  readonly parent: number
}

async function inspect(pid: number): Promise<Running | null> {
  const [command, status] = await Promise.all(
    ['cmdline', 'status'].map((file) => readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => null)),
  )
  if (typeof command === 'string' && typeof status === 'string') {
    return { command: command.replaceAll('\0', ' '), parent: Number(/^PPid:\s*(\d+)/m.exec(status)?.[1]) }
  }
  if (process.platform === 'linux') return null
  const { code, output } = await run('ps', ['-o', 'ppid=,command=', '-p', String(pid)], null)
  const match = /^\s*(\d+)\s+(.*)/s.exec(output)
  return code === 0 && match !== null ? { parent: Number(match[1]), command: match[2] ?? '' } : null
}
