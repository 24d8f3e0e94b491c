import { handshakeOf } from 'portcullis/testing'
import { describe, expect, test } from 'vitest'

describe('handshakeOf', () => {
  test('makes the handshake of a plain request', () => {
    const handshake = handshakeOf({ issued: 0 })
    expect(handshake).toEqual({
      headers: {},
      time: new Date(0).toString(),
      address: { address: '127.0.0.1', port: 50_000 },
      xdomain: false,
      secure: false,
      issued: 0,
      url: '/socket.io/?EIO=4&transport=polling',
      query: { EIO: '4', transport: 'polling' },
      peer: '127.0.0.1',
    })
    for (const part of [handshake, handshake.headers, handshake.address, handshake.query]) {
      expect(Object.isFrozen(part)).toBe(true)
    }
  })

  test('lowers the names of headers, and notices an origin', () => {
    const { headers, xdomain } = handshakeOf({ headers: { Origin: 'https://app.example', 'X-Key': ['a', 'b'] } })
    expect([headers, xdomain]).toEqual([{ origin: 'https://app.example', 'x-key': ['a', 'b'] }, true])
  })

  test('keeps url and query in step, where the last of a repeated name counts', () => {
    expect(handshakeOf({ query: { token: 'a b+c' } }).url).toBe('/socket.io/?EIO=4&transport=polling&token=a+b%2Bc')
    expect(handshakeOf({ url: '/chat', query: { a: '1' } })).toMatchObject({ url: '/chat?a=1', query: { a: '1' } })
    expect(handshakeOf({ url: '/chat?a=1&a=2' }).query).toEqual({ a: '2' })
    expect(handshakeOf({ url: '/chat' }).query).toEqual({})
  })

  test('takes a __proto__ parameter for a parameter', () => {
    const { query } = handshakeOf({ url: '/chat?__proto__=1' })
    expect([Object.keys(query), Object.getPrototypeOf(query)]).toEqual([['__proto__'], Object.prototype])
  })
})
