/**
 * Finds Redis and Postgres for the tests: by REDIS_URL and DATABASE_URL, else on the standard ports, else by starting its
 * own. PORTCULLIS_TEST_SERVICES=own goes straight to the last.
 */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Client } from 'pg'
import { startEmbeddedPostgres } from '../packages/gateway/src/embedded-postgres.ts'
import { type OwnServer, speaksRedis, startRedis } from './redis.ts'

const cacheFolder = fileURLToPath(new URL('../node_modules/.cache/services', import.meta.url))

/** Vitest calls it once before all tests; what it returns, once after them, whether they passed or not. */
export async function setup(): Promise<() => Promise<void>> {
  const started: OwnServer[] = []
  const stop = async () => {
    for (const server of started.splice(0)) await server.stop()
  }
  try {
    process.env.REDIS_URL = await findRedis(started)
    process.env.DATABASE_URL = await findPostgres(started)
  } catch (error) {
    await stop()
    throw error
  }
  return stop
}

const mayUseRunning = process.env.PORTCULLIS_TEST_SERVICES !== 'own'

async function findRedis(started: OwnServer[]): Promise<string> {
  if (process.env.REDIS_URL) return process.env.REDIS_URL
  if (mayUseRunning && (await speaksRedis('127.0.0.1', 6379))) return 'redis://127.0.0.1:6379'
  const own = await startRedis(cacheFolder)
  if (own === null)
    throw new Error('The tests need Redis: install redis-server, or set REDIS_URL to a server that may be used.')
  started.push(own)
  return own.url
}

async function findPostgres(started: OwnServer[]): Promise<string> {
  if (process.env.DATABASE_URL) return process.env.DATABASE_URL
  for (const user of ['postgres', process.env.USER ?? 'root']) {
    const url = `postgres://${user}@127.0.0.1:5432/test`
    if (mayUseRunning && (await answers(url))) return url
  }
  const folder = await mkdtemp(join(tmpdir(), 'portcullis-postgres-'))
  try {
    const { connection, stop } = await startEmbeddedPostgres(folder)
    started.push({ url: '', stop: () => stop().then(() => rm(folder, { recursive: true, force: true })) })
    const { host, port, user, database, password } = connection
    return `postgres://${user}:${password}@/${database}?host=${encodeURIComponent(host)}&port=${port}`
  } catch (error) {
    await rm(folder, { recursive: true, force: true })
    const reason = error instanceof Error ? error.message : String(error)
    throw new Error(
      `The tests need Postgres: install postgresql, or set DATABASE_URL to a database that may be used. (${reason})`,
    )
  }
}

async function answers(connectionString: string): Promise<boolean> {
  const client = new Client({ connectionString, connectionTimeoutMillis: 1_000 })
  client.on('error', () => undefined)
  try {
    await client.connect()
    return true
  } catch {
    return false
  } finally {
    await client.end().catch(() => undefined)
  }
}
