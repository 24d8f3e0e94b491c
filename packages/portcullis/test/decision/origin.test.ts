/** Which pages may connect, and whose request it is. */

import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import { describe, expect, it } from 'vitest'
import { createClientAddress } from '../../src/server/client-address.ts'
import {
  createCheckOrigin,
  type OriginClaims,
  type OriginOptions,
  originClaims,
  RequestOrigin,
  rawValues,
} from '../../src/server/origin.ts'
import { verdict } from './refusal.ts'

/** A request as Node makes it of these headers; a name may come twice. */
function requestOf(
  headers: readonly (readonly [string, string])[],
  remote: Record<string, unknown> = {},
): IncomingMessage {
  const socket = Object.defineProperties(new Socket(), {
    remoteAddress: { value: remote.address },
    remotePort: { value: remote.port },
    ...('encrypted' in remote ? { encrypted: { value: remote.encrypted } } : {}),
  })
  const request = new IncomingMessage(socket)
  request.rawHeaders = headers.flatMap((pair) => [...pair])
  for (const [name, value] of headers) request.headers[name.toLowerCase()] ??= value
  return request
}

const CLAIMS: OriginClaims = {
  origin: undefined,
  ambiguous: false,
  fetchSite: undefined,
  referer: undefined,
  host: 'a.example',
  secure: true,
}
const REFUSED = 'AUTH_ORIGIN_REFUSED origin'

const checkOf = (options: Partial<OriginOptions>) =>
  createCheckOrigin({ origins: [], allowReferer: false, hasAmbientCredential: true, ...options })
const judge = (options: Partial<OriginOptions>, claims: Partial<OriginClaims>) =>
  verdict(() => checkOf(options)({ ...CLAIMS, ...claims }))

describe('the check of an origin', () => {
  const origins = ['https://a.example', 'http://localhost:3000']

  it('takes what is listed, to the letter, and nothing else', () => {
    for (const origin of origins) expect(judge({ origins }, { origin })).toBe('listed')
    for (const origin of [
      'https://b.example',
      'http://a.example',
      'https://A.example',
      'https://a.example/',
      'null',
      '',
    ])
      expect(judge({ origins }, { origin })).toBe(REFUSED)
    expect(judge({ origins: [] }, { origin: 'https://a.example' })).toBe(REFUSED)
  })

  it('refuses an origin that was sent twice, a listed one too', () => {
    expect(judge({ origins }, { origin: 'https://a.example', ambiguous: true })).toBe(REFUSED)
  })

  it('knows nothing of a request without one, unless the browser says that it is of the own page', () => {
    expect(judge({ origins }, {})).toBe('unknown')
    expect(judge({ origins }, { fetchSite: 'same-origin' })).toBe('listed')
    for (const fetchSite of ['same-site', 'cross-site', 'none'])
      expect(judge({ origins }, { fetchSite })).toBe('unknown')
    expect(judge({ origins }, { origin: 'https://b.example', fetchSite: 'same-origin' })).toBe(REFUSED)
  })

  it('goes by the referer where that is allowed, and only without an origin', () => {
    const referers: [string, string][] = [
      ['https://a.example/page?x', 'listed'],
      ['https://b.example/page', REFUSED],
      ['page', REFUSED],
      ['about:blank', REFUSED],
    ]
    for (const [referer, expected] of referers) {
      expect(judge({ origins, allowReferer: true }, { referer })).toBe(expected)
      expect(judge({ origins }, { referer })).toBe('unknown')
    }
    expect(judge({ origins, allowReferer: true }, {})).toBe('unknown')
    expect(judge({ origins, allowReferer: true }, { origin: 'https://a.example', referer: 'https://b.example/' })).toBe(
      'listed',
    )
  })

  it('with "*" lets everybody through, and knows those listed beside it', () => {
    const any = { origins: ['*', ...origins], hasAmbientCredential: false }
    expect(judge(any, { origin: 'https://b.example' })).toBe('unknown')
    expect(judge(any, { origin: 'null' })).toBe('unknown')
    expect(judge(any, { origin: 'https://a.example' })).toBe('listed')
    expect(judge(any, { origin: 'https://b.example', ambiguous: true })).toBe(REFUSED)
  })

  it.each<[Partial<OriginClaims>, string]>([
    [{ origin: 'https://a.example' }, 'listed'],
    [{ origin: 'http://a.example' }, REFUSED],
    [{ origin: 'https://b.example' }, REFUSED],
    [{ origin: 'http://a.example', secure: false }, 'listed'],
    [{ origin: 'https://a.example', secure: false }, REFUSED],
    [{ origin: 'https://a.example', host: 'a.example:443' }, 'listed'],
    [{ origin: 'https://a.example:8443', host: 'a.example:8443' }, 'listed'],
    [{ origin: 'https://a.example', host: '' }, REFUSED],
    [{ origin: 'null', host: '' }, REFUSED],
    [{ origin: 'null', host: '@' }, REFUSED],
  ])('with "same-host" compares with the host that was asked for: %j is %s', (claims, expected) => {
    expect(judge({ origins: 'same-host' }, claims)).toBe(expected)
  })

  it('with a function, only true permits', () => {
    const given: unknown[] = []
    const answering = (answer: unknown) => ({
      origins: (...all: unknown[]) => {
        given.push(all)
        return answer as boolean
      },
    })
    expect(judge(answering(true), { origin: 'https://x.example' })).toBe('listed')
    expect(given).toEqual([['https://x.example', { host: 'a.example', secure: true }]])
    for (const answer of [false, 1, 'yes', Promise.resolve(true), undefined])
      expect(judge(answering(answer), { origin: 'https://x.example' })).toBe(REFUSED)
    given.length = 0
    expect(judge(answering(true), { origin: 'null' })).toBe(REFUSED)
    expect(given).toEqual([])
    expect(judge({ ...answering(true), allowReferer: true }, { referer: 'page' })).toBe(REFUSED)
    expect(given).toEqual([])
    const throwing = () => {
      throw new Error('x')
    }
    expect(judge({ origins: throwing }, { origin: 'https://x.example' })).toBe('AUTH_ERROR origins_threw')
  })

  it.each<[Record<string, unknown>, string]>([
    [{ allowReferer: 'yes' }, '"allowReferer" must be true or false'],
    [{ origins: ['*'] }, '"origins" must not contain "*" while a strategy reads cookies: any page could use them'],
    [
      { origins: 'https://a.example' },
      '"origins" must be an array of origins such as "https://app.example", "same-host"',
    ],
    [{ origins: undefined }, '"origins" must be an array of origins'],
    [{ origins: ['a.example'] }, '"origins": "a.example" must be an origin exactly as browsers send it'],
    [{ origins: ['https://a.example/'] }, '"origins": "https://a.example/" must be an origin'],
    [{ origins: ['null'] }, '"origins": "null" must be an origin'],
    [{ origins: [5] }, '"origins": "5" must be an origin'],
  ])('refuses %j at the start', (wrong, message) => {
    expect(() => checkOf(wrong as Partial<OriginOptions>)).toThrow(TypeError)
    expect(() => checkOf(wrong as Partial<OriginOptions>)).toThrow(message)
  })
})

describe('what a request says of its page', () => {
  const client = { address: '', peer: '', port: 0, secure: true, host: 'a.example' }

  it('is what its headers say', () => {
    const request = requestOf([
      ['Origin', 'https://a.example'],
      ['Sec-Fetch-Site', 'same-origin'],
      ['Referer', 'https://a.example/x'],
    ])
    expect(originClaims(request, client)).toEqual({
      origin: 'https://a.example',
      ambiguous: false,
      fetchSite: 'same-origin',
      referer: 'https://a.example/x',
      host: 'a.example',
      secure: true,
    })
    expect(originClaims(requestOf([]), client)).toEqual(CLAIMS)
  })

  it('is ambiguous with two origins, though Node shows one', () => {
    const twice = requestOf([
      ['Origin', 'https://a.example'],
      ['ORIGIN', 'https://b.example'],
    ])
    expect(originClaims(twice, client)).toMatchObject({ origin: 'https://a.example', ambiguous: true })
  })

  it('has every value of a header in order', () => {
    const request = requestOf([
      ['A', '1'],
      ['B', 'a'],
      ['a', '2'],
    ])
    expect(rawValues(request, 'a')).toEqual(['1', '2'])
    expect(rawValues(request, 'c')).toEqual([])
    request.rawHeaders = ['a', '1', 'a']
    expect(rawValues(request, 'a')).toEqual(['1'])
  })

  it('is judged once by each check, also when another takes its place', () => {
    const judged: string[] = []
    const check = (name: string) => () => {
      judged.push(name)
      if (name === 'refusing') throw new Error('refused')
      return 'listed' as const
    }
    const [first, second, refusing] = [check('first'), check('second'), check('refusing')]
    let current = first
    const origin = new RequestOrigin(() => current, CLAIMS)
    expect([origin.proof(), origin.proof()]).toEqual(['listed', 'listed'])
    current = second
    expect([origin.proof(), origin.proof()]).toEqual(['listed', 'listed'])
    expect(judged).toEqual(['first', 'second'])
    current = refusing
    for (let i = 0; i < 2; i += 1) expect(() => origin.proof()).toThrow('refused')
  })
})

describe('the address of a client', () => {
  const of = (headers: Record<string, string>, remote: Record<string, unknown> = {}, trusted = ['10.0.0.0/8']) =>
    createClientAddress(trusted)(requestOf(Object.entries(headers), { address: '10.0.0.1', port: 5_000, ...remote }))
  const forwarded = (hops: string) => of({ 'x-forwarded-for': hops }).address

  it('is the other end, where no proxy is trusted or the other end is none', () => {
    const lies = {
      'x-forwarded-for': '192.0.2.9',
      'x-forwarded-proto': 'https',
      'x-forwarded-host': 'evil',
      host: 'A:80',
    }
    const plain = { address: '192.0.2.1', peer: '192.0.2.1', port: 5_000, secure: false, host: 'a:80' }
    expect(of(lies, { address: '::ffff:192.0.2.1' })).toEqual(plain)
    expect(of(lies, { address: '192.0.2.1' }, [])).toEqual(plain)
    expect(of(lies, { address: '10.0.0.1', encrypted: true }, [])).toMatchObject({ address: '10.0.0.1', secure: true })
    expect(of({}, { address: '192.0.2.1', encrypted: false })).toMatchObject({ secure: false, host: '' })
    expect(of({}, { address: undefined, port: undefined })).toEqual({
      address: '',
      peer: '',
      port: 0,
      secure: false,
      host: '',
    })
  })

  it.each([
    ['192.0.2.9', '192.0.2.9'],
    ['192.0.2.9, 10.0.0.2', '192.0.2.9'],
    ['1.1.1.1, 192.0.2.9, 10.0.0.2,10.0.0.3', '192.0.2.9'],
    ['::ffff:192.0.2.9', '192.0.2.9'],
    ['::FFFF:10.0.0.2', '10.0.0.2'],
    ['2001:db8::1', '2001:db8::1'],
    ['10.0.0.3, 10.0.0.2', '10.0.0.3'],
    ['192.0.2.9, unknown', '10.0.0.1'],
    ['192.0.2.9, unknown, 10.0.0.2', '10.0.0.2'],
    ['', '10.0.0.1'],
  ])('behind proxies is the last of %j that none of them is: %s', (hops, address) => {
    expect(forwarded(hops)).toBe(address)
  })

  it('has the port of the connection only where it is the other end', () => {
    expect(of({ 'x-forwarded-for': '192.0.2.9' })).toMatchObject({ peer: '10.0.0.1', port: 0 })
    expect(of({})).toMatchObject({ address: '10.0.0.1', peer: '10.0.0.1', port: 5_000 })
  })

  it.each<[Record<string, string>, boolean, boolean, string]>([
    [{}, false, false, ''],
    [{}, true, true, ''],
    [{ 'x-forwarded-proto': 'https' }, false, true, ''],
    [{ 'x-forwarded-proto': 'HTTPS' }, false, true, ''],
    [{ 'x-forwarded-proto': 'http' }, true, false, ''],
    [{ 'x-forwarded-proto': 'https, http' }, true, false, ''],
    [{ 'x-forwarded-proto': 'http , https ' }, false, true, ''],
    [{ host: 'Inner' }, false, false, 'inner'],
    [{ host: 'inner', 'x-forwarded-host': 'Outer' }, false, false, 'outer'],
    [{ host: 'inner', 'x-forwarded-host': 'evil, outer ' }, false, false, 'outer'],
    [{ host: 'inner', 'x-forwarded-host': '' }, false, false, 'inner'],
  ])('behind a proxy that says %j (TLS to it: %s): secure %s, host %j', (headers, encrypted, secure, host) => {
    expect(of(headers, { encrypted })).toMatchObject({ secure, host })
  })

  it('takes a header that Node gives as a list for its joined values', () => {
    const request = requestOf([], { address: '10.0.0.1', port: 1 })
    Object.assign(request.headers, { 'x-forwarded-for': ['192.0.2.8', '192.0.2.9'] })
    expect(createClientAddress(['10.0.0.1'])(request).address).toBe('192.0.2.9')
  })

  it('needs addresses for its proxies', () => {
    expect(() => createClientAddress(['proxy'])).toThrow('"trustedProxies": "proxy" must be an IP address')
  })
})
