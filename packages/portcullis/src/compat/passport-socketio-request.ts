/** What passport.socketio put on the request, and the request as a strategy reads it. */

import type { IncomingHttpHeaders } from 'node:http'
import type { Handshake, Strategy } from 'portcullis'
import { AuthError } from 'portcullis'
import type { Server, Socket } from 'socket.io'
import { holdAuthentication } from './legacy-handshake-data.ts'
import type { LegacyIdentity } from './legacy-identity.ts'
import { isOwnPage } from './legacy-origin.ts'
import { type Watched, type WatchOptions, watchAuthority } from './legacy-watch.ts'
import type { PassportSocketIoSettings } from './passport-socketio-options.ts'

/** `socket.request`, or the handshake data of Socket.IO 0.9. */
export interface LegacyRequest {
  readonly headers: IncomingHttpHeaders
  readonly query?: Readonly<Record<string, string>>
  readonly address?: { readonly address?: string; readonly port?: number }
  readonly [field: string]: unknown
}

/** Finds the sockets that came of some handshake data, through the facade of 0.9, which makes it their `handshake`. */
const marked = Symbol('portcullis.passport-socketio')

/**
 * Admits handshake data of Socket.IO 0.9, which names no socket. Null where it has no credential. With `io`, its sockets are
 * found and watched.
 *
 * @throws AuthError
 */
export async function admitHandshake(
  data: LegacyRequest,
  strategy: Strategy<LegacyIdentity>,
  { origins, io, graceMs }: PassportSocketIoSettings,
  renewed: NonNullable<WatchOptions['renewed']>,
): Promise<Watched | null> {
  const handshake = handshakeOf(data)
  const source = strategy.from.find((each) => each.read(handshake, null) !== null)
  const page = { request: { headers: data.headers, url: handshake.url }, nsp: { server: io ?? {} } }
  if (source?.ambient && !isOwnPage(page as unknown as Socket, origins)) throw new AuthError('AUTH_ORIGIN_REFUSED')
  const found = await strategy.authenticate(handshake, null)
  if (found === null) return null
  // With no end of its own: whether the session goes on is for the watch to say.
  holdAuthentication(data, { ...found, lease: { ...found.lease, expiresAt: null } })
  if (io === undefined) return { found, watch: { ended: null, stop: () => {} } }
  Object.defineProperty(data, marked, { value: found, configurable: true })
  let isConnected = false
  const watch = watchAuthority(found, strategy, {
    graceMs,
    renewed(next) {
      const sockets = socketsOf(io, found)
      if (isConnected && sockets.length === 0) watch.stop()
      isConnected = sockets.length > 0
      renewed(next)
    },
    ended() {
      for (const socket of socketsOf(io, found)) socket.disconnect()
    },
  })
  return { found, watch }
}

function socketsOf(io: Server, found: object): Socket[] {
  const all = [...io._nsps.values()].flatMap((each) => [...each.sockets.values()])
  return all.filter(({ handshake }) => (handshake as unknown as Record<symbol, unknown>)[marked] === found)
}

function handshakeOf(data: LegacyRequest): Handshake {
  const { headers, query, address, time, xdomain, secure, issued, url } = data
  const peer = String(address?.address ?? '')
  return Object.freeze({
    headers,
    time: String(time),
    address: { address: peer, port: Number(address?.port ?? 0) },
    xdomain: xdomain === true,
    secure: secure === true,
    issued: Number(issued ?? 0),
    url: typeof url === 'string' ? url : '',
    query: { ...query },
    peer,
  })
}
