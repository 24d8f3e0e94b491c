/** Redis as the gateway uses it: commands that fail at once while it is away, and connections that wait. */

import { setTimeout as delay } from 'node:timers/promises'
import { createClient } from 'redis'
import { reasonOf, StartError } from '../start-error.ts'

/** A client of node-redis, as `createClient` makes it. */
export type RedisClient = ReturnType<typeof createClient>

/** What was opened on one Redis. */
export interface Redis {
  /** For commands. While Redis is away they fail at once: the answer is 503, and clients come back. */
  readonly client: RedisClient
  /** Another connection: to subscribe with, or for what waits until Redis is back. It is closed with the rest. */
  connection(mode: 'fails' | 'waits'): Promise<RedisClient>
  close(): Promise<void>
}

const CONNECT_TIMEOUT_MS = 5_000
const COMMAND_TIMEOUT_MS = 2_000
const PING_INTERVAL_MS = 5_000

/**
 * @param option what the operator set, for the error
 * @throws StartError naming the Redis server, never its password
 */
export async function openRedis(url: string, option: string, onError: (error: unknown) => void): Promise<Redis> {
  const clients: RedisClient[] = []
  let connected = false
  const open = async (mode: 'fails' | 'waits'): Promise<RedisClient> => {
    const client = createClient({
      url,
      // Notices a connection that is half open.
      pingInterval: PING_INTERVAL_MS,
      disableOfflineQueue: mode === 'fails',
      ...(mode === 'fails' ? { commandOptions: { timeout: COMMAND_TIMEOUT_MS } } : { commandsQueueMaxLength: 100_000 }),
      socket: {
        connectTimeout: CONNECT_TIMEOUT_MS,
        reconnectStrategy: (retries, cause) => (connected ? Math.min(50 * 2 ** retries, 2_000) : cause),
      },
    }) as RedisClient
    client.on('error', (error: unknown) => {
      if (connected) onError(error)
    })
    clients.push(client)
    await withDeadline(client.connect().then(() => client.ping()))
    return client
  }
  const close = async () => {
    for (const client of clients.splice(0)) client.destroy()
  }
  try {
    const client = await open('fails')
    connected = true
    return { client, connection: open, close }
  } catch (error) {
    await close()
    const { hostname, port } = new URL(url)
    const where = `${hostname}:${port === '' ? '6379' : port}`
    throw new StartError(
      `${option}: ${where} cannot be used (${reasonOf(error)}); start that Redis and check its password, or take it out of the configuration`,
    )
  }
}

/** Redis may accept the connection and then say nothing at all. */
async function withDeadline<T>(work: Promise<T>): Promise<T> {
  const late = new AbortController()
  const deadline = delay(CONNECT_TIMEOUT_MS, undefined, { signal: late.signal }).then(() => {
    throw Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' })
  })
  deadline.catch(() => {})
  try {
    return await Promise.race([work, deadline])
  } finally {
    late.abort()
  }
}
