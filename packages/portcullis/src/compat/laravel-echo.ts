/** The server that a page with laravel-echo's Socket.IO connector needs, in place of laravel-echo-server 1.6. */

import type { Namespace, Server } from 'socket.io'
import type { LaravelEchoOptions } from './laravel-echo-options.ts'
import { channelRule } from './laravel-echo-rule.ts'
import { type LaravelEcho, startEcho } from './laravel-echo-server.ts'
import { strategy } from './laravel-echo-strategy.ts'

export type { LaravelEchoApi } from './laravel-echo-api.ts'
export type { ApiClient, EndpointOptions, LaravelEchoOptions } from './laravel-echo-options.ts'
export type { Member } from './laravel-echo-presence.ts'
export type { IoRedisClient, NodeRedisClient, RedisClient } from './laravel-echo-redis.ts'
export type { ChannelRuleOptions } from './laravel-echo-rule.ts'
export type { LaravelEcho } from './laravel-echo-server.ts'
export type { LaravelUserOptions } from './laravel-echo-strategy.ts'
export { channelRule, strategy }

/**
 * Lets pages with laravel-echo subscribe to channels of this Socket.IO server, or of one namespace of it. Private and presence
 * channels are granted by the application's `/broadcasting/auth`, which is asked again every five minutes; its events come from Redis, or
 * over the HTTP API.
 *
 * Does not check: who may connect, and what public channels there are. Whoever may publish on the Redis may broadcast.
 *
 * @deprecated For code that comes from laravel-echo-server; `createAuth` decides without a request: docs/migrate/laravel-echo.md
 * @throws TypeError quoting the option that is malformed, or that belongs to the server, which is your own now
 *
 * @example
 * const io = new Server(http, { cors: { origin: 'https://app.example', credentials: true } })
 * const echo = laravelEcho(io, { authHost: 'https://app.example', redis, keyPrefix: 'laravel_database_' })
 *
 * @see docs/migrate/laravel-echo.md ; subpath `portcullis/compat/laravel-echo`
 */
export function laravelEcho(io: Server | Namespace, options: LaravelEchoOptions = {}): LaravelEcho {
  return startEcho(io, options)
}

/** The options, and the server, which the old package made itself. */
export interface RunOptions extends LaravelEchoOptions {
  /** Your own Socket.IO server. */
  readonly io: Server | Namespace
}

/**
 * As the old package was started: resolves with the running server once it hears Redis. Rejects where an option is refused.
 *
 * @deprecated docs/migrate/laravel-echo.md
 * @throws TypeError, as `laravelEcho`
 */
export async function run(options: RunOptions): Promise<LaravelEcho> {
  const { io, ...rest } = options
  if (typeof io?.on !== 'function') {
    throw new TypeError(
      'laravel-echo: "io" must be your own Socket.IO server: write run({ io: new Server(http), ... })',
    )
  }
  const echo = laravelEcho(io, rest)
  try {
    await echo.ready
  } catch (error) {
    await echo.stop()
    throw error
  }
  return echo
}

/** What `require` gives, and a default import. @deprecated docs/migrate/laravel-echo.md */
const echoServer = Object.freeze({ run, laravelEcho, channelRule, strategy })

export { echoServer as default, echoServer as 'module.exports' }
