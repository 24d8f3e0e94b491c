/**
 * Finds Redis and Postgres for the tests: by REDIS_URL and DATABASE_URL, else on the standard ports, else by starting its
 * own. PORTCULLIS_TEST_SERVICES=own goes straight to the last.
 */

import { chmod, mkdtemp, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Client } from 'pg'
import { startEmbeddedPostgres } from '../packages/gateway/src/embedded/embedded-postgres.ts'
import { findBinary, speaksRedis, startRedis } from './redis.ts'
import { watchSecrets } from './secret-watch.ts'
import { startWatchdog, type Watchdog } from './watchdog.ts'

const cacheFolder = fileURLToPath(new URL('../node_modules/.cache/services', import.meta.url))

/** Vitest calls it once before all tests; what it returns, once after them, whether they passed or not. */
export async function setup(): Promise<() => Promise<void>> {
  const started: (() => Promise<void>)[] = []
  const watchdog = startWatchdog()
  let searched: (() => Promise<void>) | null = null
  const stop = async () => {
    try {
      await searched?.()
    } finally {
      for (const end of started.splice(0)) await end()
      await watchdog.finish()
    }
  }
  try {
    await findRedisServer()
    process.env.REDIS_URL = await findRedis(started, watchdog)
    process.env.DATABASE_URL = await findPostgres(started, watchdog)
    searched = await watchSecrets(watchdog.folder)
    if (searched !== null) process.env.DATABASE_URL = await withPassword(process.env.DATABASE_URL)
  } catch (error) {
    await stop()
    throw error
  }
  return stop
}

const mayUseRunning = process.env.PORTCULLIS_TEST_SERVICES !== 'own'

/** The fault tests kill and freeze servers that nobody else uses, so a binary is needed whatever runs already. */
async function findRedisServer(): Promise<void> {
  const binary = await findBinary(cacheFolder)
  if (binary === null) throw new Error('The tests need a Redis of their own: install redis-server.')
  process.env.REDIS_SERVER = binary.path
  Object.assign(process.env, binary.env)
}

async function findRedis(started: (() => Promise<void>)[], watchdog: Watchdog): Promise<string> {
  if (process.env.REDIS_URL) return process.env.REDIS_URL
  if (mayUseRunning && (await speaksRedis('127.0.0.1', 6379))) return 'redis://127.0.0.1:6379'
  const own = await startRedis(cacheFolder, watchdog)
  if (own === null) {
    throw new Error('The tests need Redis: install redis-server, or set REDIS_URL to a server that may be used.')
  }
  started.push(own.stop)
  return own.url
}

async function findPostgres(started: (() => Promise<void>)[], watchdog: Watchdog): Promise<string> {
  if (process.env.DATABASE_URL) return process.env.DATABASE_URL
  for (const user of ['postgres', process.env.USER ?? 'root']) {
    const url = `postgres://${user}@127.0.0.1:5432/test`
    if (mayUseRunning && (await answers(url))) return url
  }
  const folder = await mkdtemp(join(tmpdir(), 'portcullis-postgres-'))
  watchdog.folder(folder)
  // As root, the server runs as somebody else, who has to get through this folder to its own.
  await chmod(folder, 0o711)
  try {
    const server = await startEmbeddedPostgres(folder)
    started.push(() => server.stop())
    const { host, port, user, database, password } = server.connection
    watchdog.folder(host)
    watchdog.process(Number.parseInt(await readFile(join(server.folder, 'postmaster.pid'), 'utf8'), 10))
    return `postgres://${user}:${password}@/${database}?host=${encodeURIComponent(host)}&port=${port}`
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new Error(
      `The tests need Postgres: install postgresql, or set DATABASE_URL to a database that may be used. (${reason})`,
    )
  }
}

/** A server that asks for no password takes any: then the tests' DSN holds one that must be found nowhere. */
async function withPassword(url: string): Promise<string> {
  // One of the tests' own is reached by a socket's path, and has a password.
  if (!URL.canParse(url) || new URL(url).password !== '') return url
  const made = new URL(url)
  made.password = JSON.parse(process.env.PORTCULLIS_TEST_SECRETS ?? '{}')['dsn-password']
  return (await answers(made.href)) ? made.href : url
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
