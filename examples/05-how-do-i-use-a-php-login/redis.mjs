// @ts-check

import { createClient } from 'redis'

/** A client of the Redis of REDIS_URL, or of the standard port. When none answers, says so and ends the program. */
export async function openRedis() {
  let wasReady = false
  const redis = createClient({
    url: process.env.REDIS_URL ?? 'redis://127.0.0.1:6379',
    // While Redis is away, requests fail at once; nobody is admitted on what cannot be looked up.
    disableOfflineQueue: true,
    socket: {
      connectTimeout: 2_000,
      reconnectStrategy: (retries) => wasReady && Math.min(50 * retries, 2_000),
    },
  })
  redis.on('error', (error) => wasReady && console.error(`Redis: ${error.code ?? error.name}`))
  try {
    await redis.connect()
  } catch {
    console.error('No Redis answers: start one on the standard port 6379, or set REDIS_URL.')
    process.exit(1)
  }
  wasReady = true
  return redis
}
