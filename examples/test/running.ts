/** Runs an example as `npm run example NN` does, and speaks to it as its clients do. */

import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { createClient } from 'redis'
import { io, type ManagerOptions, type Socket, type SocketOptions } from 'socket.io-client'
import { afterAll, beforeAll } from 'vitest'
import { afterTest } from './cleanups.ts'
import { freePort } from './free-port.mjs'

export const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const run = promisify(execFile)
const command = (number: string) => ['tools/run-example.mjs', number]

export interface Example {
  /** Where its Socket.IO server is. */
  readonly url: string
  /** Everything that it has printed until now. */
  readonly output: string
  /** The commands that it says may be pasted. */
  readonly commands: readonly string[]
  /** What it printed behind a name, such as a demo user's password. */
  printed(name: string): string
}

/**
 * Started before the tests of a suite, on a free port, and ended after them. To be called while the suite is collected: a
 * hook that is registered later is never run.
 */
export function useExample(number: string, moreEnv: () => Promise<Record<string, string>> = async () => ({})): Example {
  let child: ChildProcess | undefined
  let url = ''
  let output = ''

  beforeAll(async () => {
    const port = await freePort()
    url = `http://127.0.0.1:${port}`
    const env = { ...process.env, PORT: String(port), ...(await moreEnv()) }
    const started = spawn(process.execPath, command(number), { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'pipe'] })
    child = started
    await new Promise<void>((resolve, reject) => {
      const read = (chunk: unknown) => {
        output += String(chunk)
        if (/Ctrl\+C ends (it|both)\./.test(output)) resolve()
      }
      started.stdout.on('data', read)
      started.stderr.on('data', read)
      started.once('exit', () => reject(new Error(`the example ended: ${output}`)))
    })
  }, 30_000)

  afterAll(async () => {
    if (child?.pid === undefined || child.exitCode !== null) return
    const ended = once(child, 'exit')
    process.kill(child.pid, 'SIGTERM')
    await ended
  })

  return {
    get url() {
      return url
    },
    get output() {
      return output
    },
    get commands() {
      return [...output.matchAll(/^ {2}((?:curl|node) .+)$/gm)].map(([, pasted = '']) => pasted)
    },
    printed(name) {
      const value = new RegExp(`^ {2}${name} +(\\S+)`, 'm').exec(output)?.[1]
      if (value === undefined) throw new Error(`it printed nothing behind ${name}`)
      return value
    },
  }
}

/** What an example that cannot start prints, and its exit code. */
export async function failToStart(number: string, env: Record<string, string>) {
  const running = run(process.execPath, command(number), { cwd: ROOT, env: { ...process.env, ...env } })
  const error = await running.then(
    () => ({ code: 0, stderr: '' }),
    (reason: { code: number; stderr: string }) => reason,
  )
  return { code: error.code, stderr: error.stderr }
}

/** What a pasted command prints. Rejects when it fails. */
export async function paste(pasted: string): Promise<string> {
  const { stdout } = await run('/bin/sh', ['-c', pasted], { cwd: ROOT, timeout: 20_000 })
  return stdout
}

/** The Redis of the example, and a value for REDIS_PREFIX: what stands under it is deleted when the test file ends. */
export function useRedis() {
  const prefix = `TEST_${randomUUID()}:`
  const redis = createClient({ url: process.env.REDIS_URL ?? 'redis://127.0.0.1:6379' })
  beforeAll(async () => {
    await redis.connect()
  })
  afterAll(async () => {
    const keys = await redis.keys(`${prefix}*`)
    if (keys.length > 0) await redis.del(keys)
    await redis.close()
  })
  return { prefix, redis }
}

/** A client that connects once, and not again by itself. */
export function client(url: string, options: Partial<ManagerOptions & SocketOptions> = {}): Socket {
  const socket = io(url, { forceNew: true, reconnection: false, ...options })
  afterTest(() => socket.close())
  return socket
}

/** The socket once it is connected. */
export async function connected(socket: Socket): Promise<Socket> {
  const refused = await outcome(socket)
  if (refused !== null) throw new Error(`refused: ${JSON.stringify(refused)}`)
  return socket
}

/** Null when the socket connects, else the refusal: of its namespace, or over HTTP. */
export function outcome(socket: Socket): Promise<{ code: string } | null> {
  return new Promise((resolve, reject) => {
    socket.once('connect', () => resolve(null))
    socket.once('connect_error', (error: Error & { data?: { code: string }; context?: { responseText?: string } }) => {
      const body = error.context?.responseText
      if (error.data !== undefined) resolve(error.data)
      else if (body) resolve(JSON.parse(body))
      else reject(error)
    })
  })
}

/** The arguments of the next event of this name. */
export function next(socket: Socket, event: string): Promise<unknown[]> {
  return new Promise((resolve) => {
    socket.once(event, (...args: unknown[]) => resolve(args))
  })
}

export function post(url: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  })
}

/** As a browser would send it with the next request. */
export function cookieOf(response: Response): string {
  return response.headers
    .getSetCookie()
    .map((line) => line.split(';')[0])
    .join('; ')
}
