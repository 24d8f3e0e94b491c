/** Real Socket.IO servers with a bridge each, clients in rooms, and programs that publish. */

import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { createClient } from 'redis'
import { Server, type ServerOptions } from 'socket.io'
import { io as connectClient, type Socket } from 'socket.io-client'
import { createEmitterBridge, type EmitterBridge, type EmitterBridgeOptions } from '../src/emitters/index.ts'
import { afterTest } from './cleanups.ts'

export const REDIS_URL = process.env.REDIS_URL ?? 'redis://127.0.0.1:6379'

export const afterwards = afterTest

export function randomKey(): string {
  return `test-${randomBytes(6).toString('hex')}`
}

export async function redisClient(url = REDIS_URL) {
  const client = createClient({ url, socket: { reconnectStrategy: () => 20 } })
  client.on('error', () => undefined)
  await client.connect()
  afterwards(() => client.destroy())
  return client
}

export interface Node {
  readonly io: Server
  readonly bridge: EmitterBridge
  readonly errors: Error[]
  /** A connected client, in rooms of its own choice: this server has no policy. */
  client(namespace: string, ...rooms: string[]): Promise<Listener>
}

export interface Listener {
  readonly socket: Socket
  /** Events as `[name, ...args]`. */
  readonly heard: unknown[][]
}

/** Namespaces `/` and `/news` are there and count as protected; `/open` is there and does not. */
export async function startNode(
  options: Partial<EmitterBridgeOptions> & { readonly key: string },
  adapter?: NonNullable<ServerOptions['adapter']>,
): Promise<Node> {
  const http = createServer()
  const io = new Server(http, adapter === undefined ? {} : { adapter })
  for (const name of ['/', '/news', '/open']) {
    io.of(name).on('connection', (socket) => socket.join((socket.handshake.auth as { rooms: string[] }).rooms))
  }
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  afterwards(() => io.close())
  const errors: Error[] = []
  const bridge = await createEmitterBridge({
    io,
    subscriber: await redisClient(),
    secret: null,
    isProtected: (namespace) => namespace !== '/open',
    onError: (error) => errors.push(error),
    ...options,
  })
  afterwards(() => bridge.close())
  const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`
  return {
    io,
    bridge,
    errors,
    async client(namespace, ...rooms) {
      const socket = connectClient(url + namespace, {
        transports: ['websocket'],
        auth: { rooms, token: 'alice' },
        forceNew: true,
        reconnection: false,
      })
      afterwards(() => socket.disconnect())
      const heard: unknown[][] = []
      socket.onAny((...event: unknown[]) => heard.push(event))
      await new Promise<void>((resolve, reject) => {
        socket.once('connect', resolve)
        socket.once('connect_error', reject)
      })
      await until(() => io.of(namespace).sockets.get(socket.id ?? '')?.rooms.size === rooms.length + 1)
      return { socket, heard }
    },
  }
}

/** Runs a script of `test/php`, with JSON on its standard input. */
export async function php(script: string, args: readonly string[], input: unknown, env: Record<string, string> = {}) {
  const path = fileURLToPath(new URL(`./php/${script}`, import.meta.url))
  const port = new URL(REDIS_URL).port || '6379'
  const child = spawn('php', [path, port, ...args], {
    env: { ...process.env, ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  let output = ''
  child.stdout.on('data', (data) => {
    output += data
  })
  child.stderr.on('data', (data) => {
    output += data
  })
  child.stdin.end(JSON.stringify(input))
  const [code] = await once(child, 'close')
  if (code !== 0 || output !== '') throw new Error(`php exited with ${code}: ${output}`)
}

export async function until(condition: () => boolean | Promise<boolean>, deadlineMs = 12_000): Promise<void> {
  const end = performance.now() + deadlineMs
  while (!(await condition())) {
    if (performance.now() > end) throw new Error('it did not come about in time')
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
