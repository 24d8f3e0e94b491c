import { describe, expect, it } from 'vitest'
import { addressRanges, networkOf, normalizeAddress } from '../../src/address-ranges.ts'

describe('addressRanges', () => {
  it.each<[string, string[], string[]]>([
    ['192.0.2.1', ['192.0.2.1'], ['192.0.2.0', '192.0.2.2']],
    ['10.0.0.0/8', ['10.0.0.0', '10.255.255.255'], ['9.255.255.255', '11.0.0.0']],
    ['192.0.2.0/31', ['192.0.2.0', '192.0.2.1'], ['192.0.2.2']],
    ['192.0.2.7/32', ['192.0.2.7'], ['192.0.2.6']],
    ['0.0.0.0/0', ['0.0.0.0', '255.255.255.255'], ['2001:db8::1']],
    ['2001:db8::1', ['2001:db8::1', '2001:0DB8:0::1'], ['2001:db8::2', '192.0.2.1']],
    ['2001:db8::/32', ['2001:db8::', '2001:db8:ffff::1'], ['2001:db9::']],
    ['2001:db8::/128', ['2001:db8::'], ['2001:db8::1']],
    ['8000::/1', ['8000::', 'ffff::'], ['::', '7fff::', '192.0.2.1']],
  ])('%s holds %j and not %j', (range, inside, outside) => {
    const isIn = addressRanges([range], 'o')
    expect(inside.map(isIn)).toEqual(inside.map(() => true))
    expect(outside.map(isIn)).toEqual(outside.map(() => false))
  })

  it('of several, any will do; of none, nobody is in', () => {
    const isIn = addressRanges(['192.0.2.1', '2001:db8::/32'], 'o')
    expect(['192.0.2.1', '2001:db8::5', '192.0.2.2'].map(isIn)).toEqual([true, true, false])
    expect(addressRanges([], 'o')('192.0.2.1')).toBe(false)
  })

  it.each(['', 'localhost', '192.0.2.1 ', '192.0.2.1:80', '192.0.2', '192.0.2.0/24'])('%j is in none', (address) => {
    expect(addressRanges(['0.0.0.0/0', '::/0'], 'o')(address)).toBe(false)
  })

  it.each([
    [''],
    ['localhost'],
    ['10.0.0.0/'],
    ['10.0.0.0/33'],
    ['10.0.0.0/-1'],
    ['10.0.0.0/8.5'],
    ['10.0.0.0/x'],
    ['10.0.0.0/8/8'],
    ['2001:db8::/129'],
    ['/8'],
    [5],
    [null],
    [['10.0.0.0']],
  ])('refuses the range %j, quoting the option', (range) => {
    const make = () => addressRanges(['192.0.2.1', range as string], 'proxies')
    expect(make).toThrow(TypeError)
    expect(make).toThrow(`"proxies": ${JSON.stringify(range)} must be an IP address or a range such as 10.0.0.0/8`)
  })

  it.each([[undefined], ['10.0.0.0/8'], [{}]])('refuses %j, which is no list', (ranges) => {
    expect(() => addressRanges(ranges as string[], 'proxies')).toThrow(
      '"proxies" must be an array of IP addresses or ranges',
    )
  })
})

it.each([
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['::FFFF:192.0.2.1', '192.0.2.1'],
  ['192.0.2.1', '192.0.2.1'],
  ['::ffff:c000:201', '::ffff:c000:201'],
  ['::ffff:192.0.2', '::ffff:192.0.2'],
  ['64:ff9b::192.0.2.1', '64:ff9b::192.0.2.1'],
  ['2001:DB8::1', '2001:DB8::1'],
  ['garbage192.0.2.1', 'garbage192.0.2.1'],
  ['', ''],
])('normalizeAddress takes %s for %s', (address, normal) => expect(normalizeAddress(address)).toBe(normal))

it.each([
  ['192.0.2.1', '192.0.2.1'],
  ['not an address', 'not an address'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:0DB8:0001:0002::9', '2001:db8:1:2::/64'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['2001:db8::1:2:3:4:5', '2001:db8:0:1::/64'],
  ['::', '0:0:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  ['1::', '1:0:0:0::/64'],
  ['1:2:3:4::', '1:2:3:4::/64'],
  ['::5:6:7:8', '0:0:0:0::/64'],
  ['::4:5:6:7:8', '0:0:0:4::/64'],
])('the network of %s is %s', (address, network) => expect(networkOf(address)).toBe(network))
