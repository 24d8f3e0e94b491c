// @ts-check
/** Stands for your database and your Redis: a schema of its own in the one, a prefix of its own in the other. */

import { randomBytes } from 'node:crypto'
import { Client } from 'pg'
import { createClient } from 'redis'
import { atEnd, endAll } from './programs.mjs'

/** What belongs to this run, and goes with it. */
const OWN = `php_organization_${randomBytes(6).toString('hex')}`

/** An empty schema of the Postgres of DATABASE_URL, or of the standard port: as a URL, and as PDO wants it. */
export async function openDatabase() {
  const server = process.env.DATABASE_URL || 'postgres://postgres@127.0.0.1:5432/postgres'
  const client = new Client({ connectionString: server, connectionTimeoutMillis: 2_000 })
  client.on('error', () => undefined)
  try {
    await client.connect()
  } catch {
    return endAll('No Postgres answers: start one on the standard port 5432, or set DATABASE_URL.')
  }
  await client.query(`create schema ${OWN}`)
  atEnd(async () => {
    await client.query(`set client_min_messages = warning; drop schema ${OWN} cascade`)
    await client.end()
  })
  const { host, port, database, user, password } = client
  const quoted = (/** @type {unknown} */ value) => `'${String(value).replace(/['\\]/g, '\\$&')}'`
  return {
    DATABASE_URL: `${server}${server.includes('?') ? '&' : '?'}options=-csearch_path%3D${OWN}`,
    DATABASE_DSN: `pgsql:host=${quoted(host)};port=${port};dbname=${quoted(database)};options='-csearch_path=${OWN}'`,
    DATABASE_USER: user ?? '',
    DATABASE_PASSWORD: typeof password === 'string' ? password : '',
  }
}

/** The Redis of REDIS_URL, or of the standard port, and where phpredis keeps sessions in it. */
export async function openRedis() {
  const url = process.env.REDIS_URL || 'redis://127.0.0.1:6379'
  const client = createClient({ url, socket: { connectTimeout: 2_000, reconnectStrategy: false } })
  client.on('error', () => undefined)
  try {
    await client.connect()
  } catch {
    return endAll('No Redis answers: start one on the standard port 6379, or set REDIS_URL.')
  }
  const prefix = `${OWN}:`
  atEnd(async () => {
    for await (const keys of client.scanIterator({ MATCH: `${prefix}*` })) if (keys.length > 0) await client.del(keys)
    await client.close()
  })
  const { hostname, port, username, password, pathname } = new URL(url)
  const query = new URLSearchParams({ prefix, database: pathname.slice(1) || '0' })
  if (password !== '') query.set('auth', decodeURIComponent(password))
  if (username !== '') query.set('auth[user]', decodeURIComponent(username))
  return {
    REDIS_URL: url,
    SESSION_PREFIX: prefix,
    SESSION_SAVE_PATH: `tcp://${hostname}:${port || 6379}?${query}`,
    EMITTER_KEY: OWN,
  }
}
