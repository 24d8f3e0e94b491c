/** What a configuration of the old server may look like, and what it may not. */

import { Redis } from 'ioredis'
import { createAuth, type Identity, type Strategy } from 'portcullis'
import {
  channelRule,
  default as echoServer,
  type LaravelEcho,
  type LaravelEchoApi,
  laravelEcho,
  run,
  strategy,
} from 'portcullis/compat/laravel-echo'
import { createClient } from 'redis'
import type { Namespace, Server } from 'socket.io'
import { describe, expectTypeOf, it } from 'vitest'

declare const io: Server
declare const namespace: Namespace

describe('laravelEcho', () => {
  it('takes a server or a namespace, and the options of the old server', () => {
    expectTypeOf(laravelEcho(io)).toEqualTypeOf<LaravelEcho>()
    laravelEcho(namespace, {
      authHost: 'https://app.example',
      authEndpoint: '/broadcasting/auth',
      clients: [{ appId: 'a', key: 'b' }],
      database: 'redis',
      databaseConfig: {
        redis: { host: 'localhost', port: '6379', keyPrefix: 'laravel_database_' },
        publishPresence: true,
      },
      devMode: false,
      subscribers: { http: true, redis: true },
      apiOriginAllow: { allowCors: true, allowOrigin: '*', allowMethods: 'GET', allowHeaders: '' },
    })
  })

  it('takes a client of either library', () => {
    laravelEcho(io, { redis: createClient(), keyPrefix: 'x_' })
    laravelEcho(io, { redis: new Redis(), keyPrefix: 'x_' })
    // @ts-expect-error no client
    laravelEcho(io, { redis: { get: () => null }, keyPrefix: 'x_' })
  })

  it('has no option that belongs to the server, and no sqlite', () => {
    // @ts-expect-error listening is the server's
    laravelEcho(io, { port: 6001 })
    // @ts-expect-error not kept
    laravelEcho(io, { database: 'sqlite' })
  })

  it('has the API as a listener of node:http and a middleware of Express', () => {
    expectTypeOf<LaravelEcho['api']>().toEqualTypeOf<LaravelEchoApi>()
  })
})

describe('run', () => {
  it('needs the server, and is in the module that was', () => {
    expectTypeOf(run({ io, authHost: 'https://app.example' })).resolves.toEqualTypeOf<LaravelEcho>()
    expectTypeOf(echoServer.run).toEqualTypeOf(run)
    // @ts-expect-error no server
    run({ authHost: 'https://app.example' })
  })
})

describe('under createAuth', () => {
  it('the strategy yields identities of scheme legacy, and the rule fits room patterns', () => {
    expectTypeOf(strategy()).toExtend<Strategy<Identity<'legacy'>>>()
    const auth = createAuth({ origins: [], strategies: [strategy({ authHost: 'https://app.example' })] })
    auth.protect(io.of('/'), { events: {} as never, rooms: { 'private-{kind}.{id}': channelRule({ io }) } })
  })
})
