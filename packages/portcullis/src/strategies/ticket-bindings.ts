/** The places that a ticket is bound to, compared with where it is presented. */

import { createHash, timingSafeEqual } from 'node:crypto'
import { isIP, SocketAddress } from 'node:net'
import type { Connect, Handshake } from '../core/handshake.ts'
import { AuthError } from '../errors.ts'
import { fromCookie } from './from.ts'

/** Where a ticket may be presented; null is anywhere. */
export interface TicketBindings {
  readonly origin: string | null
  /** In the spelling of `canonicalAddress`. */
  readonly address: string | null
  /** A digest: what stands in the store says as little as it can. */
  readonly userAgent: string | null
  /** A cookie's name and the digest of its value: a session id is a credential. */
  readonly session: { readonly cookie: string; readonly digest: string } | null
  readonly namespace: string | null
}

/**
 * A bound namespace is known only from the CONNECT packet: a ticket in the HTTP request would admit to every one.
 *
 * @throws AuthError AUTH_CREDENTIAL_INVALID
 */
export function assertBindings(
  { origin, address, userAgent, session, namespace }: TicketBindings,
  handshake: Handshake,
  connect: Connect | null,
): void {
  if (origin !== null && !isFrom(origin, handshake)) throw elsewhere('origin')
  if (address !== null && canonicalAddress(handshake.address.address) !== address) throw elsewhere('address')
  if (userAgent !== null && !matches(handshake.headers['user-agent'], userAgent)) throw elsewhere('user_agent')
  if (session !== null && !matches(cookieOf(handshake, session.cookie), session.digest)) {
    throw elsewhere('session')
  }
  if (namespace !== null && connect?.namespace !== namespace) throw elsewhere('namespace')
}

/**
 * One spelling for each address, an IPv4 address within IPv6 (RFC 4291 section 2.5.5.2) as IPv4; null for what is none. The zone of
 * a link-local address names an interface of this host, and is left out.
 */
export function canonicalAddress(text: unknown): string | null {
  if (typeof text !== 'string') return null
  const [address = ''] = text.split('%')
  const family = isIP(address)
  if (family === 0) return null
  if (family === 4) return address
  const canonical = new SocketAddress({ address, family: 'ipv6' }).address
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(canonical)?.[1] ?? canonical
}

/**
 * The value of a cookie, decoded as `fromCookie` does; null when there is none.
 *
 * @throws AuthError AUTH_CREDENTIAL_INVALID when it is too long
 */
export function cookieOf({ headers }: Pick<Handshake, 'headers'>, name: string): string | null {
  // A cookie is looked for in the headers alone.
  return fromCookie(name).read({ headers } as Handshake, null)
}

/** SHA-256, in base64url. */
export function digestOf(value: string): string {
  return createHash('sha256').update(value).digest('base64url')
}

/** Exactly as browsers send it; an opaque one, `null`, is nobody's. */
export function isOrigin(value: unknown): value is string {
  return typeof value === 'string' && URL.canParse(value) && new URL(value).origin === value
}

/** Whether a stored record may say this of its session. */
export function isSessionBinding(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const { cookie, digest }: { cookie?: unknown; digest?: unknown } = Object.assign(Object.create(null), value)
  return typeof cookie === 'string' && cookie !== '' && typeof digest === 'string'
}

/**
 * A browser sends no `Origin` with a GET to the page's own origin, such as Socket.IO's first polling request, and says so in a
 * header that no page can set; the host then is the page's.
 */
function isFrom(origin: string, { headers }: Handshake): boolean {
  if (headers.origin !== undefined) return headers.origin === origin
  const own = [`https://${headers.host}`, `http://${headers.host}`]
  return headers['sec-fetch-site'] === 'same-origin' && own.includes(origin)
}

function matches(value: unknown, digest: string): boolean {
  if (typeof value !== 'string') return false
  const [given, wanted] = [Buffer.from(digestOf(value)), Buffer.from(digest)]
  return given.length === wanted.length && timingSafeEqual(given, wanted)
}

function elsewhere(reason: string): AuthError {
  return new AuthError('AUTH_CREDENTIAL_INVALID', { reason: `ticket_${reason}` })
}
