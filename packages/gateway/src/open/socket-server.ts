/** The Socket.IO server of a configuration. */

import { createAdapter } from '@socket.io/redis-streams-adapter'
import { Server } from 'socket.io'
import type { Config } from '../config/schema.ts'
import type { Redis, RedisClient } from '../means/redis.ts'

/**
 * Not attached yet. Several nodes share a stream in Redis, whose names begin with `nodes.prefix`: not with `socket.io`, on which emitters
 * publish.
 *
 * @param isOrigin whether a page of this origin may read what polling answers
 */
export async function openSocketServer(
  { listen, nodes, recovery }: Config,
  redis: Redis | null,
  isOrigin: (origin: string) => boolean,
): Promise<Server> {
  const cors = {
    origin: (origin: string | undefined, done: (error: Error | null, allowed?: boolean) => void) =>
      done(null, origin !== undefined && isOrigin(origin)),
    credentials: true,
  }
  const io = new Server({
    serveClient: false,
    path: listen.path,
    maxHttpBufferSize: listen.maxMessageBytes,
    cors,
    ...(recovery === undefined
      ? {}
      : { connectionStateRecovery: { maxDisconnectionDuration: recovery.maxDisconnectionMs } }),
  })
  if (nodes !== undefined && redis !== null) {
    // It waits while Redis is away: an adapter that fails at once would ask again without end.
    const client = await redis.connection('waits')
    io.adapter(
      createAdapter(hearingWhatItKeeps(client), {
        streamName: `${nodes.prefix}:stream`,
        channelPrefix: `${nodes.prefix}:adapter`,
        sessionKeyPrefix: `${nodes.prefix}:recovery:`,
      }),
    )
  }
  return io
}

/**
 * The adapter keeps who goes away for `recovery`, and hears nothing of what comes of it (0.3.1): where Redis does not take it, the
 * rejection would end the process. Who is not kept connects anew; that Redis is away is told by its client.
 */
function hearingWhatItKeeps(client: RedisClient): RedisClient {
  const set = client.set.bind(client) as (...args: readonly unknown[]) => Promise<unknown>
  return Object.assign(client, {
    set(...args: readonly unknown[]) {
      const kept = set(...args)
      kept.catch(() => undefined)
      return kept
    },
  }) as RedisClient
}
