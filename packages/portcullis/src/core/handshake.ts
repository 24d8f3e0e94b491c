/** The HTTP request that opened a connection, as one frozen view that every strategy and rule shares. */

/**
 * The eight fields that Socket.IO 0.9 called `handshakeData`, and `peer`. One object per connection: the same for every namespace
 * and for the socket. Built once from the first request; an upgrade does not change it.
 */
export interface Handshake {
  /** Lower-case names, as Node gives them. Contains cookies and `Authorization`: never log it. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  /** Date of the handshake, as `Date.prototype.toString` writes it. */
  readonly time: string
  /** The client. Taken from `X-Forwarded-For` only as far as `trustedProxies` reaches. */
  readonly address: { readonly address: string; readonly port: number }
  /** True when the request had an `Origin`. Browsers also send one to their own origin on WebSocket. */
  readonly xdomain: boolean
  /** True over TLS, or when a trusted proxy says so. */
  readonly secure: boolean
  /** Epoch milliseconds, as in Socket.IO 0.9. */
  readonly issued: number
  /** Path and query as received. */
  readonly url: string
  /** Parsed query; of a repeated name the last value, as Engine.IO has it. */
  readonly query: Readonly<Record<string, string>>
  /** The address at the other end of the TCP connection, whatever headers say: the client, or the nearest proxy. */
  readonly peer: string
}

/** The namespace CONNECT packet, which alone carries the `auth` payload. */
export interface Connect {
  /** The name of the namespace, such as `/chat`. */
  readonly namespace: string
  /** What the client passed as `auth`; `{}` when it passed none. Not yet checked: every value is unknown. */
  readonly auth: Readonly<Record<string, unknown>>
}

/**
 * One place where a credential may be. `ambient` is true where a browser attaches it by itself (cookies, HTTP
 * authentication): such a credential counts only together with proof of the page's origin.
 */
export interface CredentialSource {
  /** `auth` is the payload of the CONNECT packet. */
  readonly in: 'header' | 'cookie' | 'query' | 'auth'
  /** Of the header, cookie, parameter or field. It is taken out of `socket.handshake` once it was read. */
  readonly name: string
  /** Whether a browser sends it by itself. */
  readonly ambient: boolean
  /** The raw credential, or null when there is none here. Throws `AuthError` when it is ambiguous or too long. */
  read(handshake: Handshake, connect: Connect | null): string | null
}
