/** Whose request it is: the peer, or what trusted proxies say of it. */

import type { IncomingMessage } from 'node:http'
import { isIP } from 'node:net'
import { addressRanges, normalizeAddress } from '../address-ranges.ts'

/** What a request says of its client. */
export interface ClientAddress {
  readonly address: string
  /** The other end of the TCP connection: the client, or the proxy nearest to this server. */
  readonly peer: string
  readonly port: number
  readonly secure: boolean
  /** What the client asked for by name: `Host`, or what a trusted proxy had there. Lower case; empty when it is unknown. */
  readonly host: string
}

/**
 * Reads `X-Forwarded-For` from right to left as long as each hop is a trusted proxy, and `X-Forwarded-Proto` and
 * `X-Forwarded-Host` when the peer is one. From anyone else both are ignored.
 *
 * @throws TypeError quoting "trustedProxies" when an entry is no address and no CIDR range
 */
export function createClientAddress(trustedProxies: readonly string[]): (request: IncomingMessage) => ClientAddress {
  const isTrusted = addressRanges(trustedProxies, 'trustedProxies')
  return function clientAddress(request) {
    const peer = normalizeAddress(request.socket.remoteAddress ?? '')
    const port = request.socket.remotePort ?? 0
    const encrypted = 'encrypted' in request.socket && request.socket.encrypted === true
    if (trustedProxies.length === 0 || !isTrusted(peer))
      return { address: peer, peer, port, secure: encrypted, host: text(request.headers.host).toLowerCase() }
    const hops = text(request.headers['x-forwarded-for'])
      .split(',')
      .map((hop) => normalizeAddress(hop.trim()))
    let address = peer
    for (let i = hops.length - 1; i >= 0 && isTrusted(address); i -= 1) {
      const hop = hops[i]
      if (hop === undefined || isIP(hop) === 0) break
      address = hop
    }
    const proto = lastOf(request.headers['x-forwarded-proto']).toLowerCase()
    return {
      address,
      peer,
      port: address === peer ? port : 0,
      host: (lastOf(request.headers['x-forwarded-host']) || text(request.headers.host)).toLowerCase(),
      secure: proto === '' ? encrypted : proto === 'https',
    }
  }
}

/** What the nearest proxy added last. */
function lastOf(value: string | string[] | undefined): string {
  return text(value).split(',').at(-1)?.trim() ?? ''
}

function text(value: string | string[] | undefined): string {
  return Array.isArray(value) ? value.join(',') : (value ?? '')
}
