/** Where sessions are kept: in memory, or in Redis when its URL is given. */

import { setTimeout as delay } from 'node:timers/promises'
import { RedisStore } from 'connect-redis'
import { MemoryStore, type Store } from 'express-session'
import { createClient } from 'redis'
import { reasonOf, StartError } from '../start-error.ts'

export interface Sessions {
  readonly store: Store
  close(): Promise<void>
}

const CONNECT_TIMEOUT_MS = 5_000
const COMMAND_TIMEOUT_MS = 2_000
const PRUNE_INTERVAL_MS = 60_000

/**
 * @throws StartError naming the Redis server, never its password
 */
export async function openSessions(
  redisUrl: string | null,
  lifetimeSeconds: number,
  onError: (error: unknown) => void,
): Promise<Sessions> {
  return redisUrl === null ? openMemory() : openRedis(redisUrl, lifetimeSeconds, onError)
}

/** express-session's store, which forgets an expired session only when it is asked for; `all` asks for every one. */
class PrunedMemoryStore extends MemoryStore {
  prune(): void {
    this.all(() => undefined)
  }
}

function openMemory(): Sessions {
  const store = new PrunedMemoryStore()
  const timer = setInterval(() => store.prune(), PRUNE_INTERVAL_MS).unref()
  return { store, close: async () => clearInterval(timer) }
}

/** While Redis is away, a command fails at once instead of waiting in a queue: the answer is 503, and clients come back. */
async function openRedis(url: string, lifetimeSeconds: number, onError: (error: unknown) => void): Promise<Sessions> {
  let connected = false
  const client = createClient({
    url,
    disableOfflineQueue: true,
    commandOptions: { timeout: COMMAND_TIMEOUT_MS },
    socket: {
      connectTimeout: CONNECT_TIMEOUT_MS,
      reconnectStrategy: (retries, cause) => (connected ? Math.min(50 * 2 ** retries, 2_000) : cause),
    },
  })
  client.on('error', (error: unknown) => {
    if (connected) onError(error)
  })
  try {
    await withDeadline(client.connect().then(() => client.ping()))
    connected = true
  } catch (error) {
    client.destroy()
    const { hostname, port } = new URL(url)
    const where = `${hostname}:${port === '' ? '6379' : port}`
    throw new StartError(
      `REDIS_URL: ${where} cannot be used (${reasonOf(error)}); start that Redis and check its password, or unset REDIS_URL to keep sessions in memory`,
    )
  }
  const store = new RedisStore({ client, prefix: 'portcullis-gateway:session:', ttl: lifetimeSeconds })
  return { store, close: async () => client.destroy() }
}

/** Redis may accept the connection and then say nothing at all. */
async function withDeadline<T>(work: Promise<T>): Promise<T> {
  const late = new AbortController()
  const deadline = delay(CONNECT_TIMEOUT_MS, undefined, { signal: late.signal }).then(() => {
    throw Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' })
  })
  try {
    return await Promise.race([work, deadline])
  } finally {
    late.abort()
  }
}
