/** Clients of Redis as an application should configure them, so that an outage is an answer and not a queue. */

import { Redis } from 'ioredis'
import { createClient } from 'redis'
import { onCleanup } from '../harness.ts'

/** Soon, for ever, and not all nodes at once. */
const reconnectDelayMs = () => 20 + Math.random() * 60
const HEARTBEAT_MS = 1_000

export type NodeRedis = ReturnType<typeof createClient>

export interface Clients {
  nodeRedis(port: number): Promise<NodeRedis>
  ioRedis(port: number): Promise<Redis>
}

export const recommended: Clients = { nodeRedis, ioRedis }

/** With nothing said but where Redis is, and the listener without which they end the process. */
export const asTheyCome: Clients = {
  async nodeRedis(port) {
    const client: NodeRedis = createClient({ socket: { host: '127.0.0.1', port } })
    client.on('error', () => undefined)
    await client.connect()
    onCleanup(() => client.destroy())
    return client
  },
  async ioRedis(port) {
    const client = new Redis({ host: '127.0.0.1', port, lazyConnect: true })
    client.on('error', () => undefined)
    await client.connect()
    onCleanup(() => client.disconnect())
    return client
  },
}

/** node-redis 6, connected. */
async function nodeRedis(port: number): Promise<NodeRedis> {
  const client: NodeRedis = createClient({
    // The fake server of the tests speaks no other; a real one may be spoken to by RESP 3.
    RESP: 2,
    // While there is no connection a command fails at once. By default it waits for one, for five seconds.
    disableOfflineQueue: true,
    // What Redis was asked and has not answered is kept in memory. Beyond so many, commands fail at once.
    commandsQueueMaxLength: 1_000,
    socket: {
      host: '127.0.0.1',
      port,
      // A Redis that cannot be reached is given up, to try again.
      connectTimeout: 1_000,
      // So is one that accepts, and then says nothing. Longer than the heartbeat's interval, which keeps an idle connection.
      socketTimeout: 3_000,
      reconnectStrategy: reconnectDelayMs,
    },
  })
  // Without a listener, the first lost connection ends the process.
  client.on('error', () => undefined)
  await client.connect()
  // `socketTimeout` does not find a connection that died while commands are sent: it counts from the last word of either side.
  const stop = heartbeat(
    () => (client.isReady ? client.ping() : null),
    () => {
      client.destroy()
      client.connect().catch(() => undefined)
    },
  )
  onCleanup(() => {
    stop()
    if (client.isOpen) client.destroy()
  })
  return client
}

/** ioredis 5, connected. */
async function ioRedis(port: number): Promise<Redis> {
  const client = new Redis({
    host: '127.0.0.1',
    port,
    lazyConnect: true,
    // While there is no connection a command fails at once. By default it waits for one.
    enableOfflineQueue: false,
    // What was asked on a connection that was lost is not asked again on the next: a ticket may have been taken already.
    autoResendUnfulfilledCommands: false,
    // And fails when the connection is lost, instead of after twenty attempts at another.
    maxRetriesPerRequest: 0,
    // A Redis that cannot be reached is given up, to try again.
    connectTimeout: 1_000,
    // So long it waits for a dead connection to close before it makes another.
    disconnectTimeout: 250,
    // Does not ask first whether Redis has read its data: that question may remain without an answer, and nothing bounds it.
    // While it reads them it says so to every command.
    enableReadyCheck: false,
    // No `socketTimeout`: ioredis 5.11 does not stop its timer when a connection is lost, and then ends the next one by it.
    retryStrategy: reconnectDelayMs,
  })
  client.on('error', () => undefined)
  await client.connect()
  const stop = heartbeat(
    () => (client.status === 'ready' ? client.ping() : null),
    () => client.disconnect(true),
  )
  onCleanup(() => {
    stop()
    client.disconnect()
  })
  return client
}

/**
 * Finds a connection that died without a word, for which TCP takes a quarter of an hour; every command would wait in vain
 * until then. `ping` is null while there is no connection: then the client itself is about to make one, and is left alone.
 */
function heartbeat(ping: () => Promise<unknown> | null, reconnect: () => void): () => void {
  let open: Promise<unknown> | null = null
  const timer = setInterval(() => {
    if (open !== null) {
      open = null
      reconnect()
      return
    }
    const asked = ping()
    if (asked === null) return
    open = asked
    const settled = () => {
      if (open === asked) open = null
    }
    // A ping that failed is an answer too: the client knows that the connection is lost.
    asked.then(settled, settled)
  }, HEARTBEAT_MS)
  return () => clearInterval(timer)
}
