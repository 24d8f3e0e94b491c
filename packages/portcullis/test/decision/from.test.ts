import { describe, expect, it } from 'vitest'
import type { CredentialSource } from '../../src/core/handshake.ts'
import {
  allowQuery,
  fromAuth,
  fromAuthorization,
  fromCookie,
  fromProtocol,
  MAX_CREDENTIAL_BYTES,
  readOne,
} from '../../src/strategies/from.ts'
import { handshakeOf } from '../../src/testing/handshake.ts'
import { verdict } from './refusal.ts'

const INVALID = 'AUTH_CREDENTIAL_INVALID'
const header = (source: CredentialSource, headers: Record<string, string | string[]>) =>
  verdict(() => source.read(handshakeOf({ headers }), null))
const fits = 'x'.repeat(8192)

it('a credential has at most 8,192 bytes', () => expect(MAX_CREDENTIAL_BYTES).toBe(8192))

it.each([fromAuthorization, fromAuth, fromCookie, allowQuery, fromProtocol])(
  '%o needs a name that is not empty',
  (make) => {
    for (const name of ['', 5, null]) expect(() => make(name as string)).toThrow(/^"\w+" must be a non-empty string$/)
  },
)

describe('fromAuthorization', () => {
  const read = (authorization: string | string[], scheme?: string) =>
    header(fromAuthorization(scheme), { authorization } as Record<string, string>)

  it.each([
    ['Bearer abc', 'abc'],
    ['bearer abc', 'abc'],
    ['BEARER  abc ', 'abc'],
    ['Bearer a b', 'a b'],
    ['Bearer', ''],
    ['Bearer ', ''],
    ['Basic abc', null],
    ['Bearerabc', null],
    [' Bearer abc', null],
    ['', null],
  ])('reads of %j %j', (value, credential) => expect(read(value)).toBe(credential))

  it('reads nothing where there is no header, or more than one', () => {
    expect(header(fromAuthorization(), {})).toBe(null)
    expect(read(['Bearer a', 'Bearer b'])).toBe(null)
  })

  it('bounds what it reads', () => {
    expect(read(`Bearer ${fits}`)).toBe(fits)
    expect(read(`Bearer ${fits}x`)).toBe(`${INVALID} too_long`)
  })

  it('is ambient for the schemes that browsers attach by themselves', () => {
    const ambient = ['Bearer', 'Basic', 'digest', 'Negotiate', 'ApiKey'].map((name) => fromAuthorization(name).ambient)
    expect(ambient).toEqual([false, true, true, true, false])
    expect(fromAuthorization()).toMatchObject({ in: 'header', name: 'authorization' })
    expect(read('ApiKey k', 'apikey')).toBe('k')
  })
})

describe('fromAuth', () => {
  const read = (auth: Record<string, unknown>, field?: string) =>
    verdict(() => fromAuth(field).read(handshakeOf(), { namespace: '/', auth }))

  it('reads a text of the CONNECT packet', () => {
    expect(fromAuth()).toMatchObject({ in: 'auth', name: 'token', ambient: false })
    expect(read({ token: 'abc' })).toBe('abc')
    expect(read({ token: '' })).toBe('')
    expect(read({ key: 'abc' }, 'key')).toBe('abc')
    expect(fromAuth().read(handshakeOf(), null)).toBe(null)
  })

  it.each([[{}], [{ token: null }], [{ token: undefined }], [Object.create({ token: 'abc' })]])(
    'reads nothing of %j',
    (auth) => expect(read(auth)).toBe(null),
  )

  it.each([[5], [true], [{}], [['abc']]])('refuses %j, which is no text', (token) =>
    expect(read({ token })).toBe(`${INVALID} not_a_string`),
  )

  it('bounds what it reads, by its bytes', () => {
    expect(read({ token: fits })).toBe(fits)
    expect(read({ token: `${fits}x` })).toBe(`${INVALID} too_long`)
    expect(read({ token: 'é'.repeat(4096) })).toBe('é'.repeat(4096))
    expect(read({ token: 'é'.repeat(4097) })).toBe(`${INVALID} too_long`)
  })
})

describe('fromCookie', () => {
  const read = (cookie: string) => header(fromCookie('sid'), { cookie })

  it('is ambient', () => {
    expect(fromCookie('sid')).toMatchObject({ in: 'cookie', name: 'sid', ambient: true })
    expect(header(fromCookie('sid'), {})).toBe(null)
    expect(header(fromCookie('sid'), { cookie: ['sid=a', 'sid=b'] })).toBe(null)
  })

  it.each([
    ['sid=abc', 'abc'],
    ['a=1; sid=abc; b=2', 'abc'],
    ['sid=first; sid=second', 'first'],
    ['sid="quoted"', 'quoted'],
    ['sid="', ''],
    ['sid="open', '"open'],
    ['sid=open"', 'open"'],
    ['sid=%61b', 'ab'],
    ['sid="%61b"', 'ab'],
    ['sid=%', '%'],
    ['sid=%zz', '%zz'],
    ['sid=', ''],
    ['other=abc', null],
    ['SID=abc', null],
    ['', null],
  ])('reads of %j %j', (cookie, value) => expect(read(cookie)).toBe(value))

  it('bounds what is written, whatever it means', () => {
    expect(read(`a=${'y'.repeat(9000)}; sid=${fits}`)).toBe(fits)
    expect(read(`sid=${fits}x`)).toBe(`${INVALID} too_long`)
    expect(read(`sid=${'%61'.repeat(2731)}`)).toBe(`${INVALID} too_long`)
  })
})

describe('allowQuery', () => {
  const read = (url: string) => verdict(() => allowQuery('token').read(handshakeOf({ url }), null))

  it.each([
    ['/socket.io/?token=abc', 'abc'],
    ['/socket.io/?EIO=4&tok%65n=a%20b', 'a b'],
    ['/socket.io/?token=', ''],
    ['/socket.io/?EIO=4', null],
    ['/socket.io/', null],
    ['/socket.io/?token=a&token=b', `${INVALID} presented_twice`],
    ['/socket.io/?token=a&tok%65n=a', `${INVALID} presented_twice`],
  ])('reads of %s %j', (url, value) => expect(read(url)).toBe(value))

  it('bounds what it reads', () => {
    expect(read(`/?token=${fits}`)).toBe(fits)
    expect(read(`/?token=${fits}x`)).toBe(`${INVALID} too_long`)
  })

  it('takes the query that was parsed, where the URL has none any more', () => {
    const handshake = { ...handshakeOf(), url: '/socket.io/', query: { token: 'abc' } }
    expect(allowQuery('token').read(handshake, null)).toBe('abc')
  })

  it.each(['EIO', 'transport', 'sid', 't', 'b64', 'j'])('must not be %s, which Engine.IO has', (parameter) => {
    expect(() => allowQuery(parameter)).toThrow(`"parameter" must not be ${parameter}: Engine.IO has it`)
  })

  it('is not ambient', () => {
    expect(allowQuery('token')).toMatchObject({ in: 'query', name: 'token', ambient: false })
  })
})

describe('fromProtocol', () => {
  const read = (value: string) => header(fromProtocol(), { 'sec-websocket-protocol': value })

  it.each([
    ['portcullis, abc', 'abc'],
    ['portcullis,abc', 'abc'],
    [' portcullis ,  abc ', 'abc'],
    ['portcullis', ''],
    ['portcullis,', ''],
    ['other, abc', null],
    ['abc, portcullis', null],
    ['Portcullis, abc', null],
    ['', null],
    ['portcullis, abc, def', `${INVALID} presented_twice`],
  ])('reads of %j %j', (value, credential) => expect(read(value)).toBe(credential))

  it('reads nothing where there is no such header', () => {
    expect(header(fromProtocol(), {})).toBe(null)
    expect(fromProtocol()).toMatchObject({ in: 'header', name: 'sec-websocket-protocol', ambient: false })
    expect(header(fromProtocol('mine'), { 'sec-websocket-protocol': 'mine, abc' })).toBe('abc')
  })

  it('bounds the whole header', () => {
    expect(read(`portcullis,${'x'.repeat(8181)}`)).toBe('x'.repeat(8181))
    expect(read(`portcullis,${'x'.repeat(8182)}`)).toBe(`${INVALID} too_long`)
  })
})

describe('readOne', () => {
  const sources = [fromAuthorization(), fromCookie('sid'), fromAuth()]
  const connect = { namespace: '/', auth: { token: 'c' } }
  const given = (headers: Record<string, string>, packet: typeof connect | null = null) =>
    verdict(() => readOne(sources, handshakeOf({ headers }), packet))

  it('reads the request alone, or the CONNECT packet alone', () => {
    expect(given({ authorization: 'Bearer h' })).toBe('h')
    expect(given({ authorization: 'Bearer h' }, connect)).toBe('c')
    expect(given({}, { namespace: '/', auth: {} } as typeof connect)).toBe(null)
    expect(given({})).toBe(null)
  })

  it('takes one credential in two places, and refuses two', () => {
    expect(given({ authorization: 'Bearer h', cookie: 'sid=h' })).toBe('h')
    expect(given({ authorization: 'Bearer h', cookie: 'sid=x' })).toBe(`${INVALID} presented_twice`)
    expect(given({ authorization: 'Bearer', cookie: 'sid=x' })).toBe(`${INVALID} presented_twice`)
  })
})
