/** All parts of the server put together. */

import type { Namespace, Server, Socket } from 'socket.io'
import { accessOf } from './laravel-echo-access.ts'
import { createApi, type LaravelEchoApi } from './laravel-echo-api.ts'
import { createDelivery, OWN } from './laravel-echo-delivery.ts'
import { createEndpoint } from './laravel-echo-endpoint.ts'
import { endpointOf, type LaravelEchoOptions, refuseListening, settingsOf } from './laravel-echo-options.ts'
import { createPresence, type Entry, type Member, memoryStore } from './laravel-echo-presence.ts'
import { type RedisPresence, redisPresence } from './laravel-echo-presence-redis.ts'
import { type Command, commandOf, listen } from './laravel-echo-redis.ts'
import { redisOf } from './laravel-echo-redis-options.ts'
import { subscriptionsOf } from './laravel-echo-subscriptions.ts'
import { whispersOf } from './laravel-echo-whispers.ts'
import { requireOrigins } from './legacy-origin.ts'

/** A server that is running. */
export interface LaravelEcho {
  /** Resolves when it hears what Laravel publishes; at once without Redis. Rejects where Redis cannot be reached. */
  readonly ready: Promise<void>
  /** The HTTP API: for `http.createServer(echo.api)` or `app.use(echo.api)`. */
  readonly api: LaravelEchoApi
  /** Leaves all channels, and listens no more. Server and client of Redis stay open: they are yours. */
  stop(): Promise<void>
}

/** So long `stop` waits for a Redis that is away; its members are then taken for gone like those of a node that was killed. */
const STOP_TIMEOUT_MS = 10_000

/** Node's own, which its types leave out. */
type WithServer = Socket['request']['socket'] & { readonly server?: unknown }

interface WithOptions {
  readonly opts?: { readonly connectionStateRecovery?: unknown }
}

/** @throws TypeError quoting the option */
export function startEcho(io: Server | Namespace, options: LaravelEchoOptions): LaravelEcho {
  const namespace = namespaceOf(io)
  if ((namespace.server as unknown as WithOptions).opts?.connectionStateRecovery) {
    throw new TypeError(
      'laravel-echo: "connectionStateRecovery" gives channels back without asking the application: leave it out of new Server()',
    )
  }
  refuseListening(options)
  const settings = settingsOf(options)
  const configuration = endpointOf(options)
  const origins = requireOrigins('laravel-echo', options.origins)
  const access = accessOf(options)
  const { subscribers = {}, apiOriginAllow, audit, sendSocketId = false, databaseConfig } = options
  if (apiOriginAllow?.allowCors && !apiOriginAllow.allowOrigin) {
    throw new TypeError('laravel-echo: "apiOriginAllow.allowOrigin" must be an origin where "allowCors" is true')
  }
  const redis = redisOf(options)
  const command = redis === null ? null : commandOf(redis.client)
  const endpoint = createEndpoint(configuration)
  const counts = new Map<string, number>()
  /** How each socket is let go of. */
  const connected = new Map<Socket, () => Promise<void>>()

  function failed(error: Error, where: 'redis' | 'presence' | 'message'): void {
    try {
      options.onError?.(error, where)
    } catch {
      // Telling changes nothing.
    }
  }
  const inPresence = (error: Error) => failed(error, 'presence')
  const prefix = redis?.keyPrefix ?? ''
  const bus = `${OWN}bus:${namespace.name}:${prefix}`
  const heardPrefix = subscribers.redis === false ? null : prefix
  const delivery = createDelivery({ namespace, command, bus, prefix: heardPrefix, failed })
  const { toChannel } = delivery
  const shared = command === null ? null : sharedStore(command)
  const changed = command !== null && databaseConfig?.publishPresence === true ? publishMembers(command) : () => {}
  const presence = createPresence({ store: shared ?? memoryStore(), toChannel, changed, failed: inPresence })

  function sharedStore(command: Command): RedisPresence {
    return redisPresence({
      command,
      keys: `${OWN}${namespace.name}:${prefix}`,
      heartbeatMs: settings.heartbeatMs,
      left: (channel: string, member: Member) => toChannel(channel, 'presence:leaving', member),
      joined: ({ channel, member, socketId }: Entry) => toChannel(channel, 'presence:joining', member, socketId),
      failed: inPresence,
    })
  }

  function publishMembers(command: Command) {
    return (channel: string, members: () => Promise<readonly Member[]>) => {
      members()
        .then((all) =>
          command(
            'PUBLISH',
            'PresenceChannelUpdated',
            JSON.stringify({ event: { channel: `${channel}:members`, members: all } }),
          ),
        )
        .catch(inPresence)
    }
  }

  function counted(channel: string, difference: 1 | -1): void {
    const count = (counts.get(channel) ?? 0) + difference
    if (count > 0) counts.set(channel, count)
    else counts.delete(channel)
  }

  function attach(socket: Socket): void {
    const { readHeaders } = configuration
    const parts = { endpoint, presence, settings, readHeaders, origins, audit, sendSocketId, counted }
    const subscriptions = subscriptionsOf(socket, parts)
    const listeners = [
      ['subscribe', subscriptions.subscribe],
      ['unsubscribe', subscriptions.unsubscribe],
      ['client event', whispersOf(socket, { subscriptions, settings, toChannel, audit })],
    ] as const
    for (const [event, listener] of listeners) socket.on(event, listener)
    connected.set(socket, () => {
      for (const [event, listener] of listeners) socket.off(event, listener)
      return subscriptions.end()
    })
    socket.once('disconnect', () => {
      connected.delete(socket)
      void subscriptions.end()
    })
  }
  namespace.on('connection', attach)

  const listening =
    redis === null
      ? null
      : listen(redis.client, {
          channel: bus,
          prefix: heardPrefix,
          heard: delivery.heard,
          failed: (error) => failed(error, 'redis'),
        })
  async function start(): Promise<void> {
    await listening?.hears
    await shared?.start()
  }
  const ready = start()
  // Who does not look at `ready` is told by `onError`.
  ready.catch((error: Error) => failed(error, 'redis'))

  return {
    ready,
    api: createApi({
      access,
      events: subscribers.http !== false,
      cors: apiOriginAllow,
      toChannel,
      presence,
      counts,
      connections: () => namespace.server.engine?.clientsCount ?? 0,
      isEngines: (request, path) =>
        (request.socket as WithServer).server === namespace.server.httpServer &&
        path.startsWith(`${namespace.server.path()}/`),
    }),
    async stop() {
      namespace.off('connection', attach)
      const ends = [...connected.values()].map((detach) => detach())
      connected.clear()
      await atMost(Promise.all(ends).then(() => shared?.stop().catch(inPresence)))
      listening?.stop()
      endpoint.close()
      redis?.disconnect()
    },
  }
}

function namespaceOf(io: Server | Namespace): Namespace {
  if (typeof (io as Partial<Server> | null)?.of === 'function') return (io as Server).of('/')
  if ((io as Partial<Namespace> | null)?.server !== undefined) return io as Namespace
  throw new TypeError('laravel-echo: the first argument must be a Socket.IO server, or a namespace of one')
}

function atMost(work: Promise<unknown>): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, STOP_TIMEOUT_MS)
    work.finally(() => {
      clearTimeout(timer)
      resolve()
    })
  })
}
