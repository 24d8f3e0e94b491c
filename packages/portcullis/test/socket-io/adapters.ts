/** Two servers on each of the adapters, in this process. Everything that they leave in a store is theirs alone, and taken away. */

import { randomBytes } from 'node:crypto'
import { createAdapter as createPostgresAdapter } from '@socket.io/postgres-adapter'
import { createAdapter as createRedisAdapter } from '@socket.io/redis-adapter'
import { createAdapter as createStreamsAdapter } from '@socket.io/redis-streams-adapter'
import { Pool } from 'pg'
import { createClient } from 'redis'
import type { ServerOptions } from 'socket.io'
import { insideOf } from './inside.mjs'
import { openServer } from './server.mjs'
import type { Node, Open } from './stage.ts'

type Options = Partial<ServerOptions>
interface Means {
  readonly options: Options
  /** After the server has closed. */
  readonly release: () => Promise<unknown>
}

/** One server, and what it needs. */
export async function openNode(kind: Parameters<Open>[0], { options, release }: Means): Promise<Node> {
  const { io, url, errors, close } = await openServer({ kind, options })
  const inside = insideOf(io)
  return {
    url,
    run: async (act, arg) => (await act(io, arg as never, inside)) as never,
    async close() {
      await close()
      await release()
      return errors
    },
  }
}

export function inMemory(options: Options = {}): Open {
  return async (kind) => [await openNode(kind, { options, release: async () => {} })]
}

export function redis(options: Options = {}): Open {
  return pair(async (name) => {
    const publisher = await redisClient()
    const subscriber = await redisClient()
    return {
      options: { ...options, adapter: createRedisAdapter(publisher, subscriber, { key: name }) },
      release: async () => {
        // It takes back its subscriptions, and awaits nothing: in order, they are still answered.
        await Promise.all([publisher.close(), subscriber.close()])
      },
    }
  })
}

export function redisStreams(options: Options = {}): Open {
  return pair(async (name) => {
    const client = await redisClient()
    const copies: { destroy(): void; readonly isOpen: boolean }[] = []
    const duplicate = client.duplicate.bind(client)
    // The adapter opens connections of its own, and closes them too late for a test.
    Object.assign(client, {
      duplicate: () => {
        const copy = duplicate()
        copies.push(copy)
        return copy
      },
    })
    const adapter = createStreamsAdapter(client, {
      streamName: name,
      sessionKeyPrefix: `${name}:session:`,
      channelPrefix: name,
      blockTimeInMs: 50,
    })
    return {
      options: { ...options, adapter },
      release: async () => {
        const keys = await client.keys(`${name}*`)
        if (keys.length > 0) await client.del(keys)
        for (const copy of copies) if (copy.isOpen) copy.destroy()
        client.destroy()
      },
    }
  })
}

export function postgres(options: Options = {}): Open {
  return pair(async (name) => {
    const pool = new Pool({ connectionString: process.env.DATABASE_URL as string, max: 2 })
    pool.on('error', () => {})
    const tableName = name.replaceAll('-', '_')
    await pool.query(`
      create table if not exists ${tableName} (
        id bigserial unique, created_at timestamptz default now(), payload bytea
      )`)
    return {
      options: { ...options, adapter: createPostgresAdapter(pool, { channelPrefix: name, tableName }) },
      release: async () => {
        await pool.query(`drop table if exists ${tableName}`)
        await pool.end()
      },
    }
  })
}

/** Two nodes that share a name of their own. */
function pair(means: (name: string) => Promise<Means>): Open {
  return async (kind) => {
    const name = `facts-${randomBytes(6).toString('hex')}`
    return [await openNode(kind, await means(name)), await openNode(kind, await means(name))]
  }
}

async function redisClient() {
  const client = createClient({ url: process.env.REDIS_URL as string })
  client.on('error', () => {})
  await client.connect()
  return client
}
