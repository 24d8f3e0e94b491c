// @ts-check
/** The Redis that the benchmark uses, which may hold other things: all its keys begin with a prefix of the run. */

import { RedisStore } from 'connect-redis'
import { createClient } from 'redis'
import { SECRET_TEXT } from '../tokens.mjs'

export const REDIS_URL = process.env.REDIS_URL ?? 'redis://127.0.0.1:6379'
/** Of this run, the same in all its processes. */
export const PREFIX = `bench:${SECRET_TEXT.slice(0, 8)}:`

/** @param {import('redis').RedisClientOptions} [options] */
export async function redisClient(options = {}) {
  const client = createClient({ url: REDIS_URL, ...options })
  client.on('error', () => {})
  await client.connect()
  return client
}

/** The store that applications give to express-session. */
export async function sessionStore() {
  const client = await redisClient()
  return { client, store: new RedisStore({ client, prefix: `${PREFIX}session:`, ttl: 3_600 }) }
}

/** What an application that uses Passport keeps in a session. @param {number} index of the user */
function sessionOf(index) {
  return {
    cookie: { originalMaxAge: null, httpOnly: true, path: '/' },
    user: { id: `user-${index}`, org: 'acme' },
    passport: { user: `user-${index}` },
  }
}

/** @param {number | '#'} index `#` is for the generator of load to replace */
export function sessionId(index) {
  return `bench-session-id-${index}`
}

/** The sessions of so many users, for ten minutes at most. Their ids are `sessionId(0)` and so on. @param {number} count */
export async function putSessions(count) {
  const client = await redisClient()
  for (let from = 0; from < count; from += 500) {
    const some = Array.from({ length: Math.min(500, count - from) }, (_, i) => from + i)
    await Promise.all(
      some.map((index) =>
        client.set(`${PREFIX}session:${sessionId(index)}`, JSON.stringify(sessionOf(index)), { EX: 3_600 }),
      ),
    )
  }
  return async () => {
    for await (const keys of client.scanIterator({ MATCH: `${PREFIX}session:*`, COUNT: 1_000 })) {
      if (keys.length > 0) await client.del(keys)
    }
    await client.close()
  }
}
