/** Whose request it is: the peer, or what trusted proxies say of it. */

import type { IncomingMessage } from 'node:http'
import { BlockList, isIP } from 'node:net'

/** What a request says of its client. */
export interface ClientAddress {
  readonly address: string
  readonly port: number
  readonly secure: boolean
}

/**
 * Reads `X-Forwarded-For` from right to left as long as each hop is a trusted proxy, and `X-Forwarded-Proto` when the peer
 * is one. From anyone else both are ignored.
 *
 * @throws TypeError quoting "trustedProxies" when an entry is no address and no CIDR range
 */
export function createClientAddress(trustedProxies: readonly string[]): (request: IncomingMessage) => ClientAddress {
  const trusted = new BlockList()
  for (const range of trustedProxies) addRange(trusted, range)
  const isTrusted = (address: string): boolean => {
    const family = isIP(address)
    return family !== 0 && trusted.check(address, family === 4 ? 'ipv4' : 'ipv6')
  }
  return function clientAddress(request) {
    const peer = normalize(request.socket.remoteAddress ?? '')
    const port = request.socket.remotePort ?? 0
    const encrypted = 'encrypted' in request.socket && request.socket.encrypted === true
    if (trustedProxies.length === 0 || !isTrusted(peer)) return { address: peer, port, secure: encrypted }
    const hops = text(request.headers['x-forwarded-for'])
      .split(',')
      .map((hop) => normalize(hop.trim()))
    let address = peer
    for (let i = hops.length - 1; i >= 0 && isTrusted(address); i -= 1) {
      const hop = hops[i]
      if (hop === undefined || isIP(hop) === 0) break
      address = hop
    }
    const proto = text(request.headers['x-forwarded-proto']).split(',').at(-1)?.trim().toLowerCase()
    return {
      address,
      port: address === peer ? port : 0,
      secure: proto === undefined || proto === '' ? encrypted : proto === 'https',
    }
  }
}

/** The part of an address that one client cannot change at will: all of IPv4, the /64 of IPv6. */
export function networkOf(address: string): string {
  if (isIP(address) !== 6) return address
  const [head = '', tail = ''] = address.split('::')
  const first = head === '' ? [] : head.split(':')
  const last = tail === '' ? [] : tail.split(':')
  const zeros = address.includes('::') ? Math.max(0, 8 - first.length - last.length) : 0
  const groups = [...first, ...Array<string>(zeros).fill('0'), ...last]
  return `${groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`
}

/** An IPv4 address written as IPv6 (`::ffff:192.0.2.1`) is the IPv4 address. */
function normalize(address: string): string {
  return address.toLowerCase().startsWith('::ffff:') && isIP(address.slice(7)) === 4 ? address.slice(7) : address
}

function addRange(list: BlockList, range: unknown): void {
  const [address = '', prefix, ...rest] = typeof range === 'string' ? range.split('/') : []
  const family = isIP(address)
  const bits = prefix === undefined ? (family === 4 ? 32 : 128) : Number(prefix)
  if (
    family === 0 ||
    rest.length > 0 ||
    prefix === '' ||
    !Number.isInteger(bits) ||
    bits < 0 ||
    bits > (family === 4 ? 32 : 128)
  ) {
    throw new TypeError(
      `"trustedProxies": ${JSON.stringify(range)} must be an IP address or a range such as 10.0.0.0/8`,
    )
  }
  list.addSubnet(address, bits, family === 4 ? 'ipv4' : 'ipv6')
}

function text(value: string | string[] | undefined): string {
  return Array.isArray(value) ? value.join(',') : (value ?? '')
}
