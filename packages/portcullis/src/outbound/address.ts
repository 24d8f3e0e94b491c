/** Which addresses a call may go to. The address that was checked is the one that is connected to; nothing resolves twice. */

import { promises as dns, type LookupAddress } from 'node:dns'
import { BlockList, isIP, isIPv6, type LookupFunction } from 'node:net'

/** Gives every address of a host's name. */
export type Resolve = (hostname: string) => Promise<readonly LookupAddress[]>

type Kind = 'public' | 'private' | 'loopback' | 'never'

/** Registries: RFC 6890, RFC 6598 (100.64/10), RFC 4193 (fc00::/7), RFC 3927 and RFC 4291 (link-local). */
const LOOPBACK = blockList('127.0.0.0/8', '::1/128')
const PRIVATE = blockList('10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', '198.18.0.0/15', 'fc00::/7')
/** No service of one's own is here: link-local, "this host", multicast, and where clouds publish credentials. */
const NEVER = blockList(
  '0.0.0.0/8',
  '169.254.0.0/16',
  '224.0.0.0/3',
  '192.0.0.0/24',
  '100.100.100.200/32',
  '::/128',
  'fe80::/10',
  'fec0::/10',
  'ff00::/8',
  'fd00:ec2::/32',
)

/** Whether the host of a URL is this machine: `localhost` and names below it (RFC 6761 section 6.3), 127/8, `[::1]`. */
export function isLoopbackHost(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, '').toLowerCase()
  if (isIP(host) !== 0) return kindOf(host) === 'loopback'
  return isLoopbackName(host)
}

/**
 * A `lookup` for `net.connect` that resolves once, checks every address, and gives exactly those. Callers that come while
 * it resolves share the answer, so that a resolver which hangs holds one thread of Node's pool and no more.
 *
 * Node does not call it for a host that is an address: that one the operator wrote himself.
 */
export function checkedLookup(allowPrivateAddresses: boolean, resolve: Resolve = resolveAll): LookupFunction {
  const pending = new Map<string, Promise<readonly LookupAddress[]>>()
  return (hostname, options, callback) => {
    let answer = pending.get(hostname)
    if (answer === undefined) {
      answer = resolve(hostname).finally(() => pending.delete(hostname))
      pending.set(hostname, answer)
    }
    answer
      .then((addresses) => checked(hostname, addresses, allowPrivateAddresses))
      .then(
        (addresses) => {
          const [first] = addresses
          if (options.all || first === undefined) callback(null, addresses)
          else callback(null, first.address, first.family)
        },
        (error: NodeJS.ErrnoException) => callback(error, []),
      )
  }
}

function checked(hostname: string, addresses: readonly LookupAddress[], allowPrivate: boolean): LookupAddress[] {
  const permitted = permittedKinds(hostname, allowPrivate)
  const sound = addresses.length > 0 && addresses.every(({ address }) => permitted.includes(kindOf(address)))
  if (sound) return [...addresses]
  throw Object.assign(new Error('the name resolves to an address that is not accepted'), { code: 'EADDRESSREFUSED' })
}

/** `localhost` is this machine or a lie. */
function permittedKinds(hostname: string, allowPrivate: boolean): readonly Kind[] {
  if (isLoopbackName(hostname)) return ['loopback']
  return allowPrivate ? ['public', 'private', 'loopback'] : ['public']
}

function kindOf(address: string): Kind {
  const plain = embeddedIPv4(address) ?? address
  const family = isIPv6(plain) ? 'ipv6' : 'ipv4'
  if (isIP(plain) === 0 || NEVER.check(plain, family)) return 'never'
  if (LOOPBACK.check(plain, family)) return 'loopback'
  return PRIVATE.check(plain, family) ? 'private' : 'public'
}

/** The IPv4 address within one of IPv6: mapped and compatible (RFC 4291), NAT64 (RFC 6052), 6to4 (RFC 3056). */
function embeddedIPv4(address: string): string | null {
  if (!isIPv6(address)) return null
  const words = wordsOf(address)
  const [high = 0, low = 0] = words.slice(words[0] === 0x2002 ? 1 : 6)
  const head = words.slice(0, 6).join()
  const embedded = ['0,0,0,0,0,65535', '0,0,0,0,0,0', '100,65435,0,0,0,0'].includes(head)
  // `::` and `::1` are addresses of IPv6 itself.
  if (!embedded && words[0] !== 0x2002) return null
  if (head === '0,0,0,0,0,0' && high === 0 && low <= 1) return null
  return [high >> 8, high & 255, low >> 8, low & 255].join('.')
}

/** The eight words of an IPv6 address, a zone left out. */
function wordsOf(address: string): number[] {
  // The URL standard writes every form in one way: hexadecimal words, and at most one `::`.
  const text = new URL(`http://[${address.replace(/%.*$/, '')}]`).hostname.slice(1, -1)
  const [head = '', tail] = text.split('::')
  const parse = (part: string) => (part === '' ? [] : part.split(':').map((word) => Number.parseInt(word, 16)))
  if (tail === undefined) return parse(head)
  const [before, after] = [parse(head), parse(tail)]
  return [...before, ...Array<number>(8 - before.length - after.length).fill(0), ...after]
}

function isLoopbackName(hostname: string): boolean {
  return /^(?:.+\.)?localhost\.?$/i.test(hostname)
}

function resolveAll(hostname: string): Promise<LookupAddress[]> {
  return dns.lookup(hostname, { all: true })
}

function blockList(...networks: string[]): BlockList {
  const list = new BlockList()
  for (const network of networks) {
    const [address = '', bits] = network.split('/')
    list.addSubnet(address, Number(bits), isIPv6(address) ? 'ipv6' : 'ipv4')
  }
  return list
}
