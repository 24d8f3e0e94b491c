/** The end of every connection of a server. */

import type { Server as HttpServer } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import type { Server } from 'socket.io'

const CLOSE_GRACE_MS = 200
const CLOSE_TIMEOUT_MS = 2_000

/**
 * Clients have a moment to take their last packets; then HTTP connections are cut. A client that does not answer the
 * closing handshake of its WebSocket is not waited for either.
 */
export async function closeSockets(io: Server, server: HttpServer): Promise<void> {
  const late = new AbortController()
  const after = (ms: number) => delay(ms, undefined, { signal: late.signal }).catch(() => undefined)
  const closed = io.close()
  await Promise.race([closed, after(CLOSE_GRACE_MS)])
  server.closeAllConnections()
  await Promise.race([closed, after(CLOSE_TIMEOUT_MS)])
  late.abort()
}
