/** The places that a ticket is bound to, compared with where it is presented. */

import { isIP, SocketAddress } from 'node:net'
import type { Connect, Handshake } from '../core/handshake.ts'
import { AuthError } from '../errors.ts'

/** Where a ticket may be presented; null is anywhere. */
export interface TicketBindings {
  readonly origin: string | null
  /** In the spelling of `canonicalAddress`. */
  readonly address: string | null
  readonly namespace: string | null
}

/**
 * A bound namespace is known only from the CONNECT packet: a ticket in the HTTP request would admit to every one.
 *
 * @throws AuthError AUTH_CREDENTIAL_INVALID
 */
export function assertBindings(
  { origin, address, namespace }: TicketBindings,
  handshake: Handshake,
  connect: Connect | null,
): void {
  if (origin !== null && handshake.headers.origin !== origin) throw elsewhere('origin')
  if (address !== null && canonicalAddress(handshake.address.address) !== address) throw elsewhere('address')
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

function elsewhere(reason: string): AuthError {
  return new AuthError('AUTH_CREDENTIAL_INVALID', { reason: `ticket_${reason}` })
}
