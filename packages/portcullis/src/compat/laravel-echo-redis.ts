/** The application's client of Redis: commands on it, and what a connection of its own hears. */

import { createRequire } from 'node:module'
import { join } from 'node:path'

/** Another connection of node-redis 4 and later. */
export interface NodeRedisListener {
  on(event: 'error', listener: (error: Error) => void): unknown
  connect(): Promise<unknown>
  subscribe(channel: string, listener: (message: string, channel: string) => void): Promise<unknown>
  pSubscribe(pattern: string, listener: (message: string, channel: string) => void): Promise<unknown>
  disconnect(): unknown
}

/** Another connection of ioredis. */
export interface IoRedisListener {
  on(event: 'error' | 'ready', listener: () => void): unknown
  on(event: 'message', listener: (channel: string, message: string) => void): unknown
  on(event: 'pmessage', listener: (pattern: string, channel: string, message: string) => void): unknown
  connect(): Promise<unknown>
  subscribe(channel: string): Promise<unknown>
  psubscribe(pattern: string): Promise<unknown>
  disconnect(): void
}

/** A client of node-redis 4 and later. */
export interface NodeRedisClient {
  sendCommand(command: string[]): Promise<unknown>
  duplicate(): NodeRedisListener
}

/** A client of ioredis 4 and later. */
export interface IoRedisClient {
  call(command: string, ...args: string[]): Promise<unknown>
  duplicate(override: { lazyConnect: boolean; autoResubscribe: boolean }): IoRedisListener
}

/** A connected client of node-redis 4 and later, or of ioredis 4 and later. */
export type RedisClient = NodeRedisClient | IoRedisClient

export type Command = (...command: readonly [string, ...string[]]) => Promise<unknown>

/** A Redis that accepts and says nothing would otherwise be waited for without end. */
const COMMAND_TIMEOUT_MS = 5_000

/** @throws TypeError when the client is none of the two */
export function commandOf(client: RedisClient): Command {
  // First, because ioredis has a method sendCommand too, which is another.
  if (client && 'call' in client && typeof client.call === 'function') {
    return (name, ...args) => inTime(client.call(name, ...args))
  }
  if (client && 'sendCommand' in client && typeof client.sendCommand === 'function') {
    return (...command) => inTime(client.sendCommand([...command]))
  }
  throw new TypeError('laravel-echo: "redis" must be a client of node-redis or ioredis')
}

function inTime(answer: Promise<unknown>): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const late = () => reject(new Error(`laravel-echo: Redis did not answer within ${COMMAND_TIMEOUT_MS} ms`))
    const timer = setTimeout(late, COMMAND_TIMEOUT_MS)
    answer.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}

export interface Hearing {
  readonly channel: string
  /** Every channel that begins with it; null for none. */
  readonly prefix: string | null
  readonly heard: (channel: string, message: string) => void
  readonly failed: (error: Error) => void
}

/** `hears` resolves when it does, and rejects where Redis cannot be reached. */
export interface Listening {
  readonly hears: Promise<void>
  readonly stop: () => void
}

/** Listens by a connection of its own, again after each loss of it. */
export function listen(client: RedisClient, hearing: Hearing): Listening {
  return 'call' in client ? listenIoRedis(client, hearing) : listenNodeRedis(client, hearing)
}

function listenNodeRedis(client: NodeRedisClient, { channel, prefix, heard, failed }: Hearing): Listening {
  const connection = client.duplicate()
  // Without a listener, the first lost connection ends the process.
  connection.on('error', failed)
  const told = (message: string, from: string) => heard(from, message)
  const start = async () => {
    await connection.connect()
    await connection.subscribe(channel, told)
    if (prefix !== null) await connection.pSubscribe(patternOf(prefix), told)
  }
  function stop(): void {
    try {
      // Deprecated from node-redis 5 on, whose `destroy` version 4 does not have.
      Promise.resolve(connection.disconnect()).catch(() => {})
    } catch {
      // It was closed already.
    }
  }
  return { hears: orStop(start(), stop), stop }
}

function listenIoRedis(client: IoRedisClient, { channel, prefix, heard, failed }: Hearing): Listening {
  // It would subscribe again by a promise that nobody catches.
  const connection = client.duplicate({ lazyConnect: true, autoResubscribe: false })
  connection.on('error', () => failed(new Error('laravel-echo: the connection to Redis failed')))
  connection.on('message', heard)
  connection.on('pmessage', (_pattern, from, message) => heard(from, message))
  const subscribe = async () => {
    await connection.subscribe(channel)
    if (prefix !== null) await connection.psubscribe(patternOf(prefix))
  }
  const start = async () => {
    await connection.connect()
    await subscribe()
    connection.on('ready', () => {
      subscribe().catch(failed)
    })
  }
  const stop = () => connection.disconnect()
  return { hears: orStop(start(), stop), stop }
}

/** Nobody waits for the attempts to connect that it would go on to make. */
function orStop(started: Promise<void>, stop: () => void): Promise<void> {
  return started.catch((error: unknown) => {
    stop()
    throw error
  })
}

/** @see https://redis.io/docs/latest/commands/psubscribe */
const patternOf = (prefix: string): string => `${prefix.replace(/[\\*?[\]^-]/g, '\\$&')}*`

/** The part of ioredis that the old server used. */
type IoRedis = new (
  options: object,
) => IoRedisClient & { on(event: 'error', listener: () => void): unknown; disconnect(): void }

/**
 * A client of the application's own ioredis, as the old server made one.
 *
 * @throws TypeError where the application has none
 */
export function connectIoRedis(options: object): { readonly client: RedisClient; readonly disconnect: () => void } {
  const { keyPrefix: _, ...rest } = options as { keyPrefix?: unknown }
  let Redis: IoRedis
  try {
    const loaded = createRequire(join(process.cwd(), 'index.js'))('ioredis') as IoRedis & { default?: IoRedis }
    Redis = loaded.default ?? loaded
  } catch (cause) {
    throw new TypeError(
      'laravel-echo: "databaseConfig.redis" needs ioredis; install it, or write redis: <your client>',
      {
        cause,
      },
    )
  }
  const client = new Redis(rest)
  client.on('error', () => {})
  return { client, disconnect: () => client.disconnect() }
}
