/** Stores for the contract of a revocation log, each empty, and what may befall them. */

import { randomBytes } from 'node:crypto'
import { Redis } from 'ioredis'
import { Pool } from 'pg'
import { type PostgresRevocationsOptions, postgres, revocationTables } from 'portcullis/revocations/postgres'
import { type RedisRevocationsOptions, redis } from 'portcullis/revocations/redis'
import type { ContractStore } from 'portcullis/testing'
import { createClient } from 'redis'
import { onCleanup } from '../harness.ts'
import { planted } from '../planted.ts'

export const SECRET = planted('hmac-secret')
export const unique = (name: string) => `${name}_${randomBytes(6).toString('hex')}`

type RedisClient = RedisRevocationsOptions['client']

/** Gone after the test, and so are its keys and its connections. */
export async function redisStore(kind: 'node-redis' | 'ioredis', keyPrefix = '') {
  const url = process.env.REDIS_URL ?? ''
  const admin = new Redis(url)
  const client = await (kind === 'ioredis' ? ioRedis(url, { keyPrefix }) : nodeRedis(url))
  const prefix = unique('revocations-test')
  onCleanup(async () => {
    const keys = await admin.keys(key('*'))
    if (keys.length > 0) await admin.del(keys)
    admin.disconnect()
  })
  const key = (name: string) => `${keyPrefix}{${prefix}}:${name}`
  const log = (secret: string | readonly string[] = SECRET, more: Partial<RedisRevocationsOptions> = {}) =>
    redis({ client, secret, prefix, ...more })
  const store: ContractStore = {
    log,
    forgeEntry: async (id, text) =>
      void (await admin.xadd(key('entries'), ...(await nextPlace()), 'id', id, 'text', text)),
    forgeMessage: async (text) => void (await admin.publish(`{${prefix}}:bus`, text)),
    async age() {
      const ends = await admin.zrange(key('ends'), 0, -1, 'WITHSCORES')
      for (let i = 0; i < ends.length; i += 2) await admin.zadd(key('ends'), Number(ends[i + 1]) - 600, String(ends[i]))
    },
    async loseAll() {
      await admin.del(await admin.keys(key('*')))
      await admin.script('FLUSH')
    },
    async loseLast(work) {
      const keys = await admin.keys(key('*'))
      const dumps = await Promise.all(keys.map((each) => admin.dumpBuffer(each)))
      await work()
      const left = await admin.keys(key('*'))
      if (left.length > 0) await admin.del(left)
      for (const [i, each] of keys.entries()) await admin.restore(each, 0, dumps[i] ?? '')
    },
    async fail() {
      if (client instanceof Redis) client.disconnect()
      else (client as ReturnType<typeof createClient>).destroy()
    },
  }
  async function nextPlace(): Promise<[string]> {
    const [[last = '0-0'] = []] = await admin.xrevrange(key('entries'), '+', '-', 'COUNT', 1)
    return [`${Number(last.split('-')[0]) + 1}-1`]
  }
  return { store, log, admin, client: client as RedisClient, prefix, key }
}

export async function nodeRedis(url: string) {
  const client = createClient({ url, disableOfflineQueue: true })
  client.on('error', () => undefined)
  await client.connect()
  onCleanup(() => {
    if (client.isOpen) client.destroy()
  })
  return client
}

export async function ioRedis(url: string, more: object = {}) {
  const client = new Redis(url, { lazyConnect: true, enableOfflineQueue: false, maxRetriesPerRequest: 0, ...more })
  client.on('error', () => undefined)
  await client.connect()
  onCleanup(() => client.disconnect())
  return client
}

export function newPool(more: object = {}): Pool {
  const pool = new Pool({
    connectionString: process.env.DATABASE_URL,
    connectionTimeoutMillis: 10_000,
    // Several cases run at once, and a server has a hundred connections for all.
    max: 3,
    // A case that is over holds none, also where its pool is ended later.
    idleTimeoutMillis: 100,
    ...more,
  })
  pool.on('error', () => undefined)
  onCleanup(async () => {
    if (!pool.ended) await pool.end()
  })
  return pool
}

/** Gone after the test, and so are its tables and its connections. */
export async function postgresStore(more: object = {}) {
  const [admin, pool] = [newPool(), newPool(more)]
  const prefix = `${unique('log')}_`
  await admin.query(revocationTables(prefix))
  const names = ['revocations', 'revocation_counter', 'revocation_nodes', 'revocation_applied'].map(
    (name) => prefix + name,
  )
  onCleanup(async () => {
    await admin.query(names.map((name) => `drop table if exists ${name}`).join(';'))
  })
  const log = (secret: string | readonly string[] = SECRET, options: Partial<PostgresRevocationsOptions> = {}) =>
    postgres({ pool, secret, prefix, ...options })
  const empty = () => admin.query(names.map((name) => `delete from ${name}`).join(';'))
  const store: ContractStore = {
    log,
    async forgeEntry(id, text) {
      await admin.query(
        `with counted as (
           insert into ${prefix}revocation_counter as counter (last) values (1)
           on conflict (single) do update set last = counter.last + 1 returning last
         )
         insert into ${prefix}revocations select last, 1, $1, $2, now() + interval '1 hour' from counted`,
        [id, text],
      )
    },
    async forgeMessage(text) {
      await admin.query('select pg_notify($1, $2)', [`${prefix}revocations`, `.${text}`])
    },
    async age() {
      await admin.query(`update ${prefix}revocations set kept_until = kept_until - interval '10 minutes'`)
    },
    async loseAll() {
      await empty()
    },
    async loseLast(work) {
      const copies = await Promise.all(names.map((name) => admin.query(`select * from ${name}`)))
      await work()
      await empty()
      for (const [i, { rows }] of copies.entries()) {
        const json = JSON.stringify(rows)
        await admin.query(`insert into ${names[i]} select * from json_populate_recordset(null::${names[i]}, $1)`, [
          json,
        ])
      }
    },
    fail: () => pool.end(),
  }
  return { store, log, admin, pool, prefix }
}
