/** A handshake without a server, for tests of strategies and rules. */

import type { Handshake } from 'portcullis'

/** The parts of a request that a test cares about; the rest is filled in. */
export interface HandshakeOptions {
  /** Header names are lowered, as Node does. Default none. */
  readonly headers?: Readonly<Record<string, string | readonly string[] | undefined>>
  /** Appended to `url`, encoded. Default none. */
  readonly query?: Readonly<Record<string, string>>
  /** Path and query as received. Default `/socket.io/?EIO=4&transport=polling`. */
  readonly url?: string
  /** The client's address. Default `127.0.0.1`. */
  readonly address?: string
  /** The other end of the TCP connection, where a proxy stands between. Default `address`. */
  readonly peer?: string
  /** Over TLS. Default false. */
  readonly secure?: boolean
  /** Epoch milliseconds. Default now. */
  readonly issued?: number
}

/**
 * A frozen handshake, as a server would make of a request with these headers and this query.
 *
 * @example await strategy.authenticate(handshakeOf({ headers: { authorization: `Bearer ${token}` } }), null)
 */
export function handshakeOf(options: HandshakeOptions = {}): Handshake {
  const { address = '127.0.0.1', secure = false, issued = Date.now() } = options
  const { peer = address } = options
  const headers = Object.fromEntries(
    Object.entries(options.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]),
  )
  const url = withQuery(options.url ?? '/socket.io/?EIO=4&transport=polling', options.query ?? {})
  const at = url.indexOf('?')
  return Object.freeze({
    headers: Object.freeze(headers),
    time: new Date(issued).toString(),
    address: Object.freeze({ address, port: 50_000 }),
    xdomain: Object.hasOwn(headers, 'origin'),
    secure,
    issued,
    url,
    query: Object.freeze(Object.fromEntries(new URLSearchParams(at === -1 ? '' : url.slice(at)))),
    peer,
  })
}

function withQuery(url: string, query: Readonly<Record<string, string>>): string {
  const added = new URLSearchParams(query).toString()
  if (added === '') return url
  return `${url}${url.includes('?') ? '&' : '?'}${added}`
}
