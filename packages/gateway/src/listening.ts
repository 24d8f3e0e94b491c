/** The HTTP server, from the moment it has its port. */

import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { reasonOf, StartError } from './start-error.ts'

export interface Listening {
  readonly server: Server
  readonly port: number
  serve(app: RequestListener): void
  close(): Promise<void>
}

/** What the operator sets host and port with, for errors. */
export interface ListenOptions {
  readonly host: string
  readonly port: string
}

/**
 * Connections that may wait to be accepted; Linux lets it be as many as net.core.somaxconn. Node accepts one in each turn of its event
 * loop (libuv#3696): when a node has ended, its clients overflow the 511 of the other that are Node's default.
 */
const BACKLOG = 4_096

const ENVIRONMENT: ListenOptions = { host: 'HOST', port: 'PORT' }

/**
 * Takes the port before anything else is started, and answers 503 until there is something to serve.
 *
 * @throws StartError
 */
export async function listen(
  { host, port }: { readonly host: string; readonly port: number },
  options: ListenOptions = ENVIRONMENT,
): Promise<Listening> {
  const starting: RequestListener = (_req, res) => {
    res.writeHead(503, { 'Content-Type': 'application/json', 'Retry-After': '1' })
    res.end('{"code":"STARTING","message":"The gateway is starting.","retry":"backoff"}')
  }
  const server = createServer({ requestTimeout: 30_000, headersTimeout: 10_000 }, starting)
  server.listen({ port, host, backlog: BACKLOG })
  try {
    await once(server, 'listening')
  } catch (error) {
    throw new StartError(explainListen(reasonOf(error), host, port, options))
  }
  return {
    server,
    port: (server.address() as AddressInfo).port,
    serve(app) {
      server.removeAllListeners('request')
      server.on('request', app)
    },
    async close() {
      server.close()
      server.closeAllConnections()
    },
  }
}

function explainListen(reason: string, host: string, port: number, options: ListenOptions): string {
  const [HOST, PORT] = [options.host, options.port]
  if (reason === 'EADDRINUSE')
    return `${PORT} ${port} of ${host} is in use; stop what listens there, or set another ${PORT}`
  if (reason === 'EACCES') return `${PORT} ${port} needs more rights than this user has; set a ${PORT} above 1023`
  if (reason === 'EADDRNOTAVAIL' || reason === 'ENOTFOUND')
    return `${HOST} ${host} is no address of this machine (${reason}); set ${HOST} to one that is, such as 127.0.0.1`
  return `cannot listen on ${host}:${port} (${reason}); set another ${HOST} or ${PORT}`
}
