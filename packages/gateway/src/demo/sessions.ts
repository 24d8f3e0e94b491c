/** Where sessions are kept: in memory, or in Redis when its URL is given. */

import { RedisStore } from 'connect-redis'
import { MemoryStore, type Store } from 'express-session'
import { openRedis } from '../means/redis.ts'

export interface Sessions {
  readonly store: Store
  close(): Promise<void>
}

const PRUNE_INTERVAL_MS = 60_000

/**
 * @throws StartError naming the Redis server, never its password
 */
export async function openSessions(
  redisUrl: string | null,
  lifetimeSeconds: number,
  onError: (error: unknown) => void,
): Promise<Sessions> {
  return redisUrl === null ? openMemory() : openShared(redisUrl, lifetimeSeconds, onError)
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

async function openShared(url: string, lifetimeSeconds: number, onError: (error: unknown) => void): Promise<Sessions> {
  const { client, close } = await openRedis(url, 'REDIS_URL', onError)
  return { store: new RedisStore({ client, prefix: 'portcullis-gateway:session:', ttl: lifetimeSeconds }), close }
}
