/** `handshakeData`: one mutable object for a connection, for its authorization functions and for all its sockets. */

import { randomBytes } from 'node:crypto'
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import type { Handshake } from 'portcullis'
import type { Socket } from 'socket.io'

/**
 * What Socket.IO 0.9 gave to authorization functions and kept as `socket.handshake`. May be changed: what is added is there
 * later. Copies, so that no change reaches the request itself.
 *
 * @deprecated Portcullis gives strategies a frozen `Handshake`: docs/migrate/socketio-0.9.md
 */
export interface HandshakeData {
  headers: IncomingHttpHeaders
  /** The other end of the TCP connection; an IPv4 address in its own notation, also on a server that listens on IPv6. */
  address: { address: string; port: number }
  /** Date of the handshake, as `Date.prototype.toString` writes it. */
  time: string
  /** Of a repeated name the last value. Contains Engine.IO's own parameters `EIO`, `transport` and `t`. */
  query: Record<string, string>
  /** Path and query as received. */
  url: string
  /** True when the request had an `Origin`. */
  xdomain: boolean
  /** True over TLS. */
  secure: boolean
  /** Epoch milliseconds. */
  issued: number
  /** What authorization functions have added. */
  [extra: string]: unknown
}

/** `unauthorized` is the function's own no; `error` is everything else that is not a yes. */
export type Verdict = 'authorized' | 'unauthorized' | 'error'

/** What is known of one connection. */
export interface Connection {
  readonly handshakeData: HandshakeData
  /** The global verdict; null where the request did not come through the gate. */
  verdict: Verdict | null
  /** Names its holder, unless `identify` does. */
  readonly subject: string
  /** Namespaces whose authorization function is being asked. */
  readonly asking: Set<string>
  refusals: number
  /** What the client passed as `auth` to the first of its namespaces. */
  presented: unknown
  close: () => void
}

/** A request as Engine.IO prepares it: the query is parsed before any middleware runs. */
export interface EngineRequest extends IncomingMessage {
  _query?: Record<string, string>
}

const connections = new WeakMap<object, Connection>()

/** The same object for every request to it: the first request of a connection stands for it. */
export function connectionOf(request: EngineRequest): Connection {
  const known = connections.get(request)
  if (known !== undefined) return known
  const made = createConnection(handshakeDataOf(request))
  connections.set(request, made)
  return made
}

/** For a server that `createAuth` protects. */
export function connectionFrom(handshake: Handshake): Connection {
  const { headers, address, time, query, url, xdomain, secure, issued } = handshake
  return createConnection({
    headers: { ...headers } as IncomingHttpHeaders,
    address: { ...address },
    time,
    query: { ...query },
    url,
    xdomain,
    secure,
    issued,
  })
}

function createConnection(handshakeData: HandshakeData): Connection {
  return {
    handshakeData,
    verdict: null,
    subject: `connection:${randomBytes(16).toString('base64url')}`,
    asking: new Set(),
    refusals: 0,
    presented: undefined,
    close: () => {},
  }
}

function handshakeDataOf(request: EngineRequest): HandshakeData {
  const now = new Date()
  const { socket } = request
  return {
    headers: { ...request.headers },
    address: { address: plainAddress(socket.remoteAddress ?? ''), port: socket.remotePort ?? 0 },
    time: String(now),
    query: { ...request._query },
    url: request.url ?? '',
    xdomain: Boolean(request.headers.origin),
    secure: 'encrypted' in socket && socket.encrypted === true,
    issued: now.getTime(),
  }
}

/** Lists of addresses that were written for 0.9 hold `127.0.0.1`, where Node now says `::ffff:127.0.0.1`. */
function plainAddress(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, '')
}

/**
 * Makes `handshakeData` the socket's `handshake`: the very object, which then also has what the client passed as `auth`. A
 * second namespace whose `auth` differs gets a view of it, in which `auth` alone is its own. An `auth` that an authorization
 * function has set stays: no client's counts instead of it.
 */
export function bestow(socket: Socket, connection: Connection): void {
  const { handshakeData } = connection
  const { auth } = socket.handshake
  if (!Object.hasOwn(handshakeData, 'auth') && Object.isExtensible(handshakeData)) {
    connection.presented = auth
    // Not enumerable: it is a credential, and 0.9 had none such for its loops to find.
    Object.defineProperty(handshakeData, 'auth', { value: auth, writable: true, configurable: true, enumerable: false })
  }
  const shared = handshakeData.auth !== connection.presented || isAlike(auth, connection.presented)
  const own = socket as unknown as { handshake: HandshakeData }
  own.handshake = shared ? handshakeData : withAuth(handshakeData, auth)
}

/** One level deep: what a client nests deeper than the stack must not end the process. */
function isAlike(a: unknown, b: unknown): boolean {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return a === b
  const [left, right] = [new Map<string, unknown>(Object.entries(a)), new Map<string, unknown>(Object.entries(b))]
  return left.size === right.size && [...left].every(([name, value]) => right.has(name) && right.get(name) === value)
}

function withAuth(handshakeData: HandshakeData, auth: unknown): HandshakeData {
  let own = auth
  return new Proxy(handshakeData, {
    get: (target, name) => (name === 'auth' ? own : Reflect.get(target, name)),
    set(target, name, value) {
      if (name !== 'auth') return Reflect.set(target, name, value)
      own = value
      return true
    },
  })
}
