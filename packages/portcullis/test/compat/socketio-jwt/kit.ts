/** Servers and clients for the tests of the old token libraries: real ones, of every version that is met. */

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import jwt from 'jsonwebtoken'
import { Server, type ServerOptions, type Socket as ServerSocket } from 'socket.io'
import { io as io4 } from 'socket.io-client'
// @ts-expect-error it has no declarations
import io2 from 'socket.io-client-2'
// @ts-expect-error its declarations are not among its exports
import { io as io3 } from 'socket.io-client-3'

export const SECRET = 'a secret of more than thirty-two bytes, for HMAC'
export const VERSIONS = [4, 3, 2] as const
export type Version = (typeof VERSIONS)[number]

/** The part of all clients that tests use. */
export interface Client {
  readonly connected: boolean
  on(event: string, listener: (...args: never[]) => void): unknown
  once(event: string, listener: (...args: never[]) => void): unknown
  emit(event: string, ...args: unknown[]): unknown
  disconnect(): unknown
}

export interface Refusal {
  readonly message: string
  readonly data?: unknown
}

export interface Running {
  readonly io: Server
  readonly url: string
  client(options?: object, path?: string, version?: Version): Client
  /** Null for connected. */
  outcome(options?: object, path?: string, version?: Version): Promise<Refusal | null>
  /** The server's socket of the next connection. */
  nextSocket(path?: string): Promise<ServerSocket>
}

const CLIENTS = { 2: io2, 3: io3, 4: io4 } as unknown as Readonly<
  Record<Version, (url: string, options: object) => Client>
>

/** A server that lasts as long as `use`. */
export async function withServer<T>(
  setUp: (io: Server) => void,
  use: (running: Running) => Promise<T>,
  options: Partial<ServerOptions> = {},
): Promise<T> {
  const http = createServer()
  const io = new Server(http, { allowEIO3: true, ...options })
  const clients: Client[] = []
  setUp(io)
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`
  const running: Running = {
    io,
    url,
    client(clientOptions = {}, path = '', version = 4) {
      const client = CLIENTS[version](url + path, { forceNew: true, reconnection: false, ...clientOptions })
      clients.push(client)
      return client
    },
    outcome: (clientOptions, path, version) => outcomeOf(running.client(clientOptions, path, version)),
    nextSocket: (path = '/') => new Promise((resolve) => io.of(path).once('connection', resolve)),
  }
  try {
    return await use(running)
  } finally {
    for (const client of clients) client.disconnect()
    await io.close()
  }
}

/** Clients before 3 are told by `error`, with the data of the error or its message. */
export function outcomeOf(client: Client): Promise<Refusal | null> {
  return new Promise((resolve) => {
    client.once('connect', () => resolve(null))
    client.once('connect_error', ({ message, data }: Error & { data?: unknown }) => resolve({ message, data }))
    client.once('error', (said: unknown) => {
      const { message } = typeof said === 'string' ? { message: said } : (said as Refusal)
      resolve(typeof said === 'string' ? { message } : { message, data: said })
    })
  })
}

export function next(emitter: Pick<Client, 'once'>, event: string): Promise<unknown[]> {
  return new Promise((resolve) => emitter.once(event, (...args: never[]) => resolve(args)))
}

/** Resolves once it is true. */
export async function until(isTrue: () => boolean, limitMs = 5_000): Promise<void> {
  const end = Date.now() + limitMs
  while (!isTrue()) {
    if (Date.now() > end) throw new Error('it did not come true')
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

export function sign(
  payload: object = { sub: 'alice', name: 'Alice' },
  options: jwt.SignOptions = {},
  secret: jwt.Secret = SECRET,
) {
  return jwt.sign(payload, secret, { expiresIn: 60, ...options })
}

/** A token that is over. */
export const expired = () => sign({ sub: 'alice' }, { expiresIn: -10 })
/** A token that anybody can write. */
export const forged = () => sign({ sub: 'mallory' }, {}, 'another secret of more than thirty-two bytes')

/** A token with these parts and whatever signature. */
export function handMade(header: unknown, payload: unknown, signature = 'c2ln'): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  return `${part(header)}.${part(payload)}.${signature}`
}

/** One thing that a facade must do; it throws where it does not. */
export interface Check<Facade> {
  readonly name: string
  run(facade: Facade): Promise<void>
}

/** The names of the checks that a facade does not pass. A check that waits for what never comes fails as well. */
export async function failures<Facade>(
  checks: readonly Check<Facade>[],
  facade: Facade,
  limitMs = 8_000,
): Promise<string[]> {
  const failed: string[] = []
  await Promise.all(
    checks.map(async ({ name, run }) => {
      let timer: NodeJS.Timeout | undefined
      const late = new Promise<never>((_resolve, reject) => {
        timer = setTimeout(() => reject(new Error('too late')), limitMs)
      })
      await Promise.race([run(facade), late]).catch(() => failed.push(name))
      clearTimeout(timer)
    }),
  )
  return failed
}
