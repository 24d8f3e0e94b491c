/** Global authorization at the HTTP handshake: 200, 403 or 500, before a connection exists. */

import { ServerResponse, STATUS_CODES } from 'node:http'
import type { Server } from 'socket.io'
import type { EngineRequest } from './socketio-0.9-handshake.ts'

/** Status and body, as Socket.IO 0.9 answered. */
export interface HttpRefusal {
  readonly status: 403 | 500
  readonly body: 'handshake unauthorized' | 'handshake error' | 'handshake bad origin'
}

interface Engine {
  readonly opts: { readonly allowEIO3?: boolean; readonly transports?: readonly string[] }
  use(middleware: (request: EngineRequest, response: unknown, next: () => void) => void): void
}

/**
 * Asks `decide` once for each handshake on every transport, and answers a refusal itself. Later requests of a connection carry
 * its session id, and what Engine.IO refuses anyway, such as a POST without one, is left to it.
 *
 * @throws TypeError for a server without an HTTP server
 */
export function installGate(io: Server, decide: (request: EngineRequest) => Promise<HttpRefusal | null>): void {
  const engine = io.engine as unknown as Engine | undefined
  if (typeof engine?.use !== 'function') {
    throw new TypeError(
      'socketio-0.9: the server must be attached first: new Server(httpServer), io.attach(httpServer) or io.listen(port)',
    )
  }

  engine.use(function authorizationGate(request, response, next) {
    // An empty session id opens a new connection, as Engine.IO reads it.
    if (request._query?.sid || !isHandshake(request, engine.opts)) {
      next()
      return
    }
    // Node leaves the socket of an upgrade without a listener: a reset meanwhile would end the process.
    if (!(response instanceof ServerResponse)) request.socket.on('error', ignore)
    decide(request)
      .catch((): HttpRefusal => ({ status: 500, body: 'handshake error' }))
      .then(function decided(refusal) {
        if (request.socket.destroyed) return
        if (refusal === null) process.nextTick(next)
        else write(request, response, refusal)
      })
      .catch(() => request.socket.destroy())
  })
}

function isHandshake({ method, _query }: EngineRequest, { allowEIO3, transports }: Engine['opts']): boolean {
  const { EIO, transport = '' } = _query ?? {}
  return method === 'GET' && (EIO === '4' || allowEIO3 === true) && transports?.includes(transport) !== false
}

/** The headers that `cors` has set already go with it. Engine.IO's stand-in for an upgrade writes nothing: the socket does. */
function write(request: EngineRequest, response: unknown, { status, body }: HttpRefusal): void {
  const headers = {
    'Content-Type': 'text/plain',
    'Content-Length': String(body.length),
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
  }
  if (response instanceof ServerResponse) {
    if (!response.headersSent) response.writeHead(status, headers).end(body)
    return
  }
  const { socket } = request
  if (!socket.writable) {
    socket.destroy()
    return
  }
  const lines = Object.entries({ ...headers, Connection: 'close' }).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n${body}`, () => socket.destroy())
}

function ignore(): void {}
