/** Whose request it is: as the framework says, or as proxies that are believed do. */

import { BlockList, isIP } from 'node:net'
import type { InspectorRequest } from './http.ts'

/** What a request says of its client. */
export interface Client {
  readonly address: string
  /** Over TLS, up to the proxy at least. */
  readonly secure: boolean
}

/** Reads a request's client. */
export type ClientOf = (req: InspectorRequest) => Client

/**
 * Without proxies, what Express says (`trust proxy`), or the other end of the connection. With them, `X-Forwarded-For` is read from
 * right to left for as long as each hop is one of them, and `X-Forwarded-Proto` where the other end is.
 *
 * @throws TypeError quoting "trustedProxies"
 */
export function createClientOf(trustedProxies: readonly string[] | undefined): ClientOf {
  if (trustedProxies === undefined) {
    return (req) => ({ address: req.ip ?? req.socket.remoteAddress ?? '', secure: req.secure ?? isEncrypted(req) })
  }
  const isTrusted = createIsTrusted(trustedProxies)
  return function clientOf(req) {
    let address = plain(req.socket.remoteAddress ?? '')
    if (!isTrusted(address)) return { address, secure: isEncrypted(req) }
    const hops = headerOf(req, 'x-forwarded-for').split(',')
    for (let hop = hops.pop(); hop !== undefined && isTrusted(address); hop = hops.pop()) {
      if (isIP(plain(hop)) === 0) break
      address = plain(hop)
    }
    const proto = headerOf(req, 'x-forwarded-proto').split(',').at(-1)?.trim().toLowerCase()
    return { address, secure: proto ? proto === 'https' : isEncrypted(req) }
  }
}

function createIsTrusted(ranges: unknown): (address: string) => boolean {
  if (!Array.isArray(ranges)) throw new TypeError('"trustedProxies" must be a list of addresses and ranges')
  const list = new BlockList()
  for (const [i, range] of (ranges as readonly unknown[]).entries()) {
    const [address = '', bits, ...rest] = typeof range === 'string' ? range.split('/') : []
    const family = isIP(address)
    const max = family === 4 ? 32 : 128
    const isRange = bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= max)
    if (family === 0 || !isRange || rest.length > 0) {
      throw new TypeError(`"trustedProxies[${i}]" must be an address or a range, such as 10.0.0.0/8`)
    }
    list.addSubnet(address, bits === undefined ? max : Number(bits), family === 4 ? 'ipv4' : 'ipv6')
  }
  return (address) => {
    const family = isIP(address)
    return family !== 0 && list.check(address, family === 4 ? 'ipv4' : 'ipv6')
  }
}

/** An IPv4 address that a socket for both families writes as one of IPv6. */
function plain(address: string): string {
  return address.trim().replace(/^::ffff:(?=\d+\.)/i, '')
}

function isEncrypted(req: InspectorRequest): boolean {
  return (req.socket as { encrypted?: boolean }).encrypted === true
}

function headerOf(req: InspectorRequest, name: string): string {
  return String(req.headers[name] ?? '')
}
