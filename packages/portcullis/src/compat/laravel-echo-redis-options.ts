/** Which Redis, if any, and under which prefix. */

import type { LaravelEchoOptions } from './laravel-echo-options.ts'
import { connectIoRedis, type RedisClient } from './laravel-echo-redis.ts'

export interface RedisConfiguration {
  readonly client: RedisClient
  readonly keyPrefix: string
  /** Of a client that we made. */
  readonly disconnect: () => void
}

/**
 * Null where everything stays in this process.
 *
 * @throws TypeError quoting the option
 */
export function redisOf(options: LaravelEchoOptions): RedisConfiguration | null {
  const { redis, database, databaseConfig, subscribers, allowEmptyKeyPrefix = false } = options
  const connection = databaseConfig?.redis
  if ((database as unknown) === 'sqlite') {
    throw new TypeError('laravel-echo: "database" cannot be sqlite: write redis: <your client>, or leave it out')
  }
  if (database !== undefined && database !== 'redis') throw new TypeError('laravel-echo: "database" must be redis')
  if (redis === undefined && connection === undefined) {
    if (database === 'redis' || subscribers?.redis === true) {
      throw new TypeError('laravel-echo: Redis is asked for: write redis: <your client>, or "databaseConfig.redis"')
    }
    return null
  }
  const keyPrefix = options.keyPrefix ?? (connection as { keyPrefix?: unknown } | undefined)?.keyPrefix ?? ''
  if (typeof keyPrefix !== 'string') throw new TypeError('laravel-echo: "keyPrefix" must be a string')
  if (keyPrefix === '' && subscribers?.redis !== false && allowEmptyKeyPrefix !== true) {
    throw new TypeError(
      'laravel-echo: "keyPrefix" must be what Laravel puts before its channels, such as laravel_database_; with an empty one ' +
        'whatever anybody publishes is broadcast, which "allowEmptyKeyPrefix" permits',
    )
  }
  if (redis !== undefined) return { client: redis, keyPrefix, disconnect: () => {} }
  return { ...connectIoRedis(connection as object), keyPrefix }
}
