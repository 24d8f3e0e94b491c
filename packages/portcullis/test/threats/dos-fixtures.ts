/** Clients that keep to no limit, from whatever address a test likes: Engine.IO spoken by hand, over `ws`. */

import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { availableParallelism, loadavg } from 'node:os'
import { permit } from 'portcullis'
import type { ServerOptions } from 'socket.io'
import { expect } from 'vitest'
import { type ClientOptions, WebSocket } from 'ws'
import { afterTest } from '../cleanups.ts'
import { fakeTime, type Harness, outcome, start } from '../harness.ts'

export const POLLING = '/socket.io/?EIO=4&transport=polling'
export const WEBSOCKET = '/socket.io/?EIO=4&transport=websocket'

type Options = Parameters<typeof start>[0]

/** `/chat` behind a proxy on this machine, under a clock that only the test moves. */
export async function besieged(options: Options = {}, serverOptions: Partial<ServerOptions> = {}) {
  const time = fakeTime()
  const server = await start({ clock: time.clock, trustedProxies: ['127.0.0.1'], ...options }, serverOptions)
  const heard: unknown[] = []
  const chat = server.auth.protect(server.io.of('/chat'), {
    events: { say: () => permit() },
    rooms: { 'open:{id}': () => permit() },
  })
  chat.on('connection', (socket) => {
    socket.onAny((event, ...args) => heard.push(event, ...args))
    socket.on('say', (...args) => (args.at(-1) as () => void)?.())
  })
  return { ...server, time, heard, chat }
}

/** Headers of a request that the proxy had from there. */
export function from(address: string, headers: Record<string, string> = {}): Record<string, string> {
  return { 'x-forwarded-for': address, ...headers }
}

/** An Engine.IO connection over WebSocket that has sent nothing; rejects with the HTTP status of a refusal. */
export async function openRaw({ url }: Pick<Harness, 'url'>, address: string, options: ClientOptions = {}) {
  const { headers = {}, ...rest } = options
  const socket = new WebSocket(url.replace('http', 'ws') + WEBSOCKET, {
    perMessageDeflate: false,
    headers: { ...from(address), ...headers },
    ...rest,
  })
  afterTest(() => socket.terminate())
  const received: string[] = []
  socket.on('message', (data) => received.push(String(data)))
  const closed = new Promise<number>((resolve) => socket.once('close', resolve))
  await new Promise<void>((resolve, reject) => {
    socket.once('unexpected-response', (request, { statusCode }) => {
      request.destroy()
      reject(Object.assign(new Error('refused'), { status: statusCode }))
    })
    socket.once('error', reject)
    socket.once('message', () => resolve())
  })
  socket.on('error', () => {})
  return { socket, received, closed }
}

/** The same by TCP alone, with whatever frames; it answers no ping and no closing frame. */
export async function openByHand({ url }: Pick<Harness, 'url'>): Promise<Socket> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  afterTest(() => socket.destroy())
  const headers = ['Host: x', 'Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13']
  const lines = [`GET ${WEBSOCKET} HTTP/1.1`, ...headers, 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==']
  socket.write(`${lines.join('\r\n')}\r\n\r\n`)
  const [answer] = await once(socket, 'data')
  expect(String(answer)).toContain('101 Switching Protocols')
  return socket.resume()
}

/** What `openRaw` was refused with, or null. */
export function refusedWith(opening: Promise<unknown>): Promise<number | null> {
  return opening.then(
    () => null,
    (error: { status?: number }) => error.status ?? 0,
  )
}

/** An admitted client of Socket.IO, and its other end. */
export async function admitted({ client, auth }: Harness) {
  const socket = client('/chat', { auth: { token: 'alice-key' } })
  expect(await outcome(socket)).toBeNull()
  const other = auth.sockets({ issuer: 'https://issuer.example', subject: 'alice' }).find(({ id }) => id === socket.id)
  if (other === undefined) throw new Error('the server does not know the socket')
  return { socket, other }
}

/** How many times longer something may take, since others want the machine too. */
export function crowd(): number {
  return Math.max(1, (loadavg()[0] ?? 0) / availableParallelism())
}
