/** A Redis of the tests' own, for a machine where none answers. */

import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { access, mkdir, mkdtemp, readdir } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { freePort } from './free-port.mjs'
import type { Watchdog } from './watchdog.ts'

const run = promisify(execFile)

export interface OwnServer {
  readonly url: string
  stop(): Promise<void>
}

/** True when something speaks Redis there within a second. */
export function speaksRedis(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port })
    const done = (answer: boolean) => {
      socket.destroy()
      resolve(answer)
    }
    socket.setTimeout(1_000, () => done(false))
    socket.once('error', () => done(false))
    socket.once('connect', () => socket.write('PING\r\n'))
    // A server that asks for a password is one all the same, but not one that the tests may use.
    socket.once('data', (data) => done(String(data).startsWith('+PONG')))
  })
}

/** Null when no binary is to be had. */
export async function startRedis(cacheFolder: string, watchdog: Watchdog): Promise<OwnServer | null> {
  const binary = await findBinary(cacheFolder)
  if (binary === null) return null
  const folder = await mkdtemp(join(tmpdir(), 'portcullis-redis-'))
  watchdog.folder(folder)
  const port = await freePort()
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder]
  const child = spawn(binary.path, args, { stdio: 'ignore', env: { ...process.env, ...binary.env } })
  if (child.pid !== undefined) watchdog.process(child.pid)
  const stop = () => end(child)
  for (let i = 0; i < 100; i += 1) {
    if (await speaksRedis('127.0.0.1', port)) return { url: `redis://127.0.0.1:${port}`, stop }
    if (child.exitCode !== null) break
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  await stop()
  return null
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGTERM')
  await gone
}

export interface Binary {
  readonly path: string
  readonly env: Record<string, string>
}

/** From the PATH, else of Debian's packages, unpacked here. */
export async function findBinary(cacheFolder: string): Promise<Binary | null> {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    for (const name of ['redis-server', 'valkey-server']) {
      const path = join(folder, name)
      if (await exists(path)) return { path, env: {} }
    }
  }
  return unpackDebian(cacheFolder)
}

/** Debian's packages, unpacked without root: `apt-get download` and `dpkg -x` need none. */
async function unpackDebian(cacheFolder: string): Promise<Binary | null> {
  const folder = join(cacheFolder, 'redis')
  const path = join(folder, 'usr/bin/redis-server')
  try {
    if (!(await exists(path))) {
      await mkdir(folder, { recursive: true })
      await run('apt-get', ['download', 'redis-server', 'redis-tools', 'libjemalloc2', 'liblzf1'], { cwd: folder })
      for (const name of await readdir(folder)) {
        if (name.endsWith('.deb')) await run('dpkg', ['-x', name, '.'], { cwd: folder })
      }
    }
    const libraries = (await readdir(join(folder, 'usr/lib'))).map((name) => join(folder, 'usr/lib', name))
    return { path, env: { LD_LIBRARY_PATH: libraries.join(':') } }
  } catch {
    return null
  }
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
