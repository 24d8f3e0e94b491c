/** Address ranges in configuration, and whether an address is in one. */

import { BlockList, isIP } from 'node:net'

/**
 * A test of addresses against `ranges`, each an address or a CIDR range of IPv4 or IPv6. What is no address is in none.
 *
 * @throws TypeError quoting `option` when an entry is neither
 * @see RFC 4632 section 3.1, RFC 4291 section 2.3
 */
export function addressRanges(ranges: readonly string[], option: string): (address: string) => boolean {
  if (!Array.isArray(ranges)) throw new TypeError(`"${option}" must be an array of IP addresses or ranges`)
  const list = new BlockList()
  for (const range of ranges) addRange(list, range, option)
  return function isInRange(address) {
    const family = isIP(address)
    return family !== 0 && list.check(address, family === 4 ? 'ipv4' : 'ipv6')
  }
}

/** An IPv4 address written as IPv6 (`::ffff:192.0.2.1`) is the IPv4 address. */
export function normalizeAddress(address: string): string {
  return address.toLowerCase().startsWith('::ffff:') && isIP(address.slice(7)) === 4 ? address.slice(7) : address
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

function addRange(list: BlockList, range: unknown, option: string): void {
  const [address = '', prefix, ...rest] = typeof range === 'string' ? range.split('/') : []
  const family = isIP(address)
  const widest = family === 4 ? 32 : 128
  const bits = prefix === undefined ? widest : Number(prefix)
  if (family === 0 || rest.length > 0 || prefix === '' || !Number.isInteger(bits) || bits < 0 || bits > widest) {
    throw new TypeError(`"${option}": ${JSON.stringify(range)} must be an IP address or a range such as 10.0.0.0/8`)
  }
  list.addSubnet(address, bits, family === 4 ? 'ipv4' : 'ipv6')
}
