/** Where a credential may be read. Danger is in the name: a token in a URL ends up in logs and histories. */

import { parse as parseCookies } from 'cookie'
import type { CredentialSource, Handshake } from '../core/handshake.ts'
import { AuthError } from '../errors.ts'

/** A longer credential is refused before anything decodes it. Bytes; header values are one byte per character. */
export const MAX_CREDENTIAL_BYTES = 8192

/** Engine.IO's own parameters of the query. */
const ENGINE_PARAMETERS = new Set(['EIO', 'transport', 'sid', 't', 'b64', 'j'])

/**
 * `Authorization: Bearer <token>` (RFC 6750 section 2.1), or another scheme. The scheme's name is compared without case
 * (RFC 9110 section 11.1). Another scheme in the header is no credential of this kind.
 */
export function fromAuthorization(scheme = 'Bearer'): CredentialSource {
  requireName(scheme, 'scheme')
  const wanted = scheme.toLowerCase()
  return {
    in: 'header',
    name: 'authorization',
    ambient: wanted === 'basic' || wanted === 'digest' || wanted === 'negotiate',
    read({ headers }) {
      const value = headers.authorization
      if (typeof value !== 'string') return null
      const space = value.indexOf(' ')
      const presented = space === -1 ? value : value.slice(0, space)
      if (presented.toLowerCase() !== wanted) return null
      return bounded(space === -1 ? '' : value.slice(space + 1).trim())
    },
  }
}

/** A field of the `auth` payload of Socket.IO's CONNECT packet: `io(url, { auth: { token } })`. */
export function fromAuth(field = 'token'): CredentialSource {
  requireName(field, 'field')
  return {
    in: 'auth',
    name: field,
    ambient: false,
    read(_handshake, connect) {
      if (connect === null || !Object.hasOwn(connect.auth, field)) return null
      const value = connect.auth[field]
      if (value === undefined || value === null) return null
      if (typeof value !== 'string') throw new AuthError('AUTH_CREDENTIAL_INVALID', { reason: 'not_a_string' })
      return bounded(value)
    },
  }
}

/**
 * A cookie, by exact name, decoded as express-session decodes it. Of several with one name the first counts, whatever the
 * others hold: RFC 6265 section 4.2.2 gives no order to rely on, and "any that verifies" would let a planted cookie win.
 */
export function fromCookie(name: string): CredentialSource {
  requireName(name, 'name')
  return {
    in: 'cookie',
    name,
    ambient: true,
    read({ headers }) {
      const header = headers.cookie
      if (typeof header !== 'string') return null
      // Undecoded, so that a long value is refused before any work, and the other cookies cost nothing.
      const value = parseCookies(header, { decode: (raw) => raw })[name]
      return value === undefined ? null : decodeCookie(bounded(value))
    },
  }
}

/**
 * A parameter of the handshake's query, which proxies and servers log. For clients that can send nothing else; off
 * unless named. The server takes it out of the request once it is read, and warns at its start.
 *
 * @throws TypeError for a parameter of Engine.IO's own
 *
 * @see RFC 6750 section 2.3, RFC 9700 section 4.3.2
 */
export function allowQuery(parameter: string): CredentialSource {
  requireName(parameter, 'parameter')
  if (ENGINE_PARAMETERS.has(parameter)) throw new TypeError(`"parameter" must not be ${parameter}: Engine.IO has it`)
  return {
    in: 'query',
    name: parameter,
    ambient: false,
    read(handshake) {
      return Object.hasOwn(handshake.query, parameter) ? bounded(queryValue(handshake, parameter)) : null
    },
  }
}

/**
 * The second of two WebSocket subprotocols, for browsers, which can set no header on a WebSocket: `io(url, { transports:
 * ['websocket'], protocols: ['portcullis', token] })`. The server answers with the first, so the token is not repeated. It
 * must be made of token characters (RFC 9110 section 5.6.2), as a JSON Web Token or a ticket is; `=` and `/` are none.
 *
 * @see RFC 6455 sections 1.9 and 4.1
 */
export function fromProtocol(subprotocol = 'portcullis'): CredentialSource {
  requireName(subprotocol, 'subprotocol')
  return {
    in: 'header',
    name: 'sec-websocket-protocol',
    ambient: false,
    read({ headers }) {
      const value = headers['sec-websocket-protocol']
      if (typeof value !== 'string') return null
      const [first, credential = '', ...rest] = bounded(value)
        .split(',')
        .map((part) => part.trim())
      if (first !== subprotocol) return null
      if (rest.length > 0) throw new AuthError('AUTH_CREDENTIAL_INVALID', { reason: 'presented_twice' })
      return credential
    },
  }
}

/** As cookie 0.7, which express-session 1.19 has: unlike cookie 1 it takes a pair of quotes off. Broken escapes stay. */
function decodeCookie(raw: string): string {
  const value = raw.startsWith('"') && raw.endsWith('"') ? raw.slice(1, -1) : raw
  if (!value.includes('%')) return value
  try {
    return decodeURIComponent(value)
  } catch {
    return value
  }
}

function queryValue(handshake: Handshake, parameter: string): string {
  const at = handshake.url.indexOf('?')
  const all = new URLSearchParams(at === -1 ? '' : handshake.url.slice(at + 1)).getAll(parameter)
  if (all.length > 1) throw new AuthError('AUTH_CREDENTIAL_INVALID', { reason: 'presented_twice' })
  return handshake.query[parameter] ?? ''
}

/**
 * The one credential among several sources, or null. During the handshake only the request counts; with `connect`, only
 * the CONNECT packet.
 *
 * @throws AuthError AUTH_CREDENTIAL_INVALID when two sources hold different values: none is guessed to be the right one
 */
export function readOne(
  sources: readonly CredentialSource[],
  ...[handshake, connect]: Parameters<CredentialSource['read']>
): string | null {
  let found: string | null = null
  for (const source of sources) {
    if ((source.in === 'auth') !== (connect !== null)) continue
    const value = source.read(handshake, connect)
    if (value === null) continue
    if (found !== null && found !== value) throw new AuthError('AUTH_CREDENTIAL_INVALID', { reason: 'presented_twice' })
    found = value
  }
  return found
}

function bounded(value: string): string {
  if (Buffer.byteLength(value) > MAX_CREDENTIAL_BYTES) {
    throw new AuthError('AUTH_CREDENTIAL_INVALID', { reason: 'too_long' })
  }
  return value
}

function requireName(value: unknown, option: string): void {
  if (typeof value !== 'string' || value === '') throw new TypeError(`"${option}" must be a non-empty string`)
}
