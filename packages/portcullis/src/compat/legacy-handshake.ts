/** The handshake of a socket of a server that `createAuth` does not protect. */

import type { IncomingMessage } from 'node:http'
import type { Connect, Handshake } from 'portcullis'
import type { Socket } from 'socket.io'

/** One for each connection: the same object in every namespace. */
const known = new WeakMap<IncomingMessage, Handshake>()

/** The address is that of the other end of the TCP connection: an unprotected server knows of no proxy that it may believe. */
export function legacyHandshake(socket: Socket): Handshake {
  const { request, handshake } = socket
  const before = known.get(request)
  if (before !== undefined) return before
  const address = socket.conn.remoteAddress ?? ''
  const made: Handshake = Object.freeze({
    headers: Object.freeze({ ...request.headers }),
    time: handshake.time,
    address: Object.freeze({ address, port: request.socket?.remotePort ?? 0 }),
    xdomain: request.headers.origin !== undefined,
    secure: handshake.secure,
    issued: handshake.issued,
    url: request.url ?? '',
    query: Object.freeze({ ...(handshake.query as Record<string, string>) }),
    peer: address,
  })
  known.set(request, made)
  return made
}

/** What the client passed as `auth` for this namespace; `{}` where it passed none, or no object. */
export function legacyConnect(socket: Socket): Connect {
  const { auth } = socket.handshake
  const payload = typeof auth === 'object' && auth !== null && !Array.isArray(auth) ? auth : {}
  return { namespace: socket.nsp.name, auth: payload }
}
