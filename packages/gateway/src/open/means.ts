/** Everything outside of this process that a configuration names, reached once. */

import type { Store } from 'express-session'
import type { RevocationLog } from 'portcullis'
import { memory } from 'portcullis/revocations/memory'
import { redis as redisLog } from 'portcullis/revocations/redis'
import { memoryTicketStore, type TicketStore, ticketStoreOfRedis } from 'portcullis/strategies/ticket'
import type { Config } from '../config/schema.ts'
import { type Backend, openBackend } from '../means/hooks.ts'
import { type DatabasePool, openPostgres } from '../means/postgres.ts'
import { openRedis, type Redis } from '../means/redis.ts'

/** What the caller brings itself, and closes itself. */
export interface OwnMeans {
  /** Where Express keeps the sessions of the strategy `session`, in place of Redis. */
  readonly sessionStore?: Store
  /** In place of the pool that `postgres` names. */
  readonly pool?: DatabasePool
}

/** What was opened. Null for what the file does not name. */
export interface OpenMeans {
  readonly redis: Redis | null
  readonly pool: DatabasePool | null
  readonly backend: Backend | null
  readonly sessionStore: Store | null
  readonly ticketStore: TicketStore
  readonly log: RevocationLog
}

/** Registers something to be closed with the gateway, the last first. */
export type Opened = <T extends { close(): Promise<void> }>(thing: T) => T

/** @throws StartError naming what cannot be reached; TypeError quoting an option of the backend */
export async function openMeans(
  config: Config,
  own: OwnMeans,
  opened: Opened,
  onError: (error: unknown, where: string) => void,
): Promise<OpenMeans> {
  const redis =
    config.redis === undefined
      ? null
      : opened(await openRedis(config.redis.url, 'redis', (error) => onError(error, 'redis')))
  const pool = own.pool ?? (await openPool(config, opened, onError))
  const backend = config.hooks === undefined ? null : openBackend(config.hooks, onError)
  if (backend !== null) opened(backend.hooks)
  const prefix = config.nodes?.prefix ?? 'portcullis'
  return {
    redis,
    pool,
    backend,
    sessionStore: own.sessionStore ?? null,
    ticketStore: redis === null ? memoryTicketStore() : ticketStoreOfRedis(redis.client as never, `${prefix}:ticket:`),
    log: await openLog(config, redis),
  }
}

async function openPool(
  { postgres }: Config,
  opened: Opened,
  onError: (error: unknown, where: string) => void,
): Promise<DatabasePool | null> {
  if (postgres === undefined) return null
  const options = { connectionString: postgres.url, max: postgres.poolSize }
  return opened(await openPostgres(options, (error) => onError(error, 'postgres'))).pool
}

/** One node remembers by itself; several share a log in Redis. */
async function openLog({ nodes }: Config, redis: Redis | null): Promise<RevocationLog> {
  if (nodes === undefined || redis === null) return memory()
  return redisLog({
    client: redis.client as never,
    secret: nodes.secret,
    prefix: `${nodes.prefix}:revocations`,
    subscriber: (await redis.connection('fails')) as never,
  })
}
