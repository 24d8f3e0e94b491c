import { describe, expect, it } from 'vitest'
import { earlier, isExpired, shorten } from '../../src/core/lease.ts'

describe('isExpired', () => {
  it('is true from the very second of the end on', () => {
    expect(isExpired({ expiresAt: 100 }, 99.999)).toBe(false)
    expect(isExpired({ expiresAt: 100 }, 100)).toBe(true)
    expect(isExpired({ expiresAt: 100 }, 100.001)).toBe(true)
    expect(isExpired({ expiresAt: 0 }, 0)).toBe(true)
  })

  it('is never true of a lease without an end', () => {
    expect(isExpired({ expiresAt: null }, Number.MAX_VALUE)).toBe(false)
  })
})

describe('earlier', () => {
  it.each([
    [null, null, null],
    [5, null, 5],
    [null, 5, 5],
    [5, 6, 5],
    [6, 5, 5],
    [0, null, 0],
    [0, 5, 0],
  ])('of %j and %j is %j', (a, b, end) => expect(earlier(a, b)).toBe(end))
})

describe('shorten', () => {
  const lease = { id: 'l', issuedAt: 1, expiresAt: 100 }

  it('never prolongs: the lease itself where it ends first', () => {
    for (const end of [null, 100, 101]) expect(shorten(lease, end)).toBe(lease)
    const endless = { ...lease, expiresAt: null }
    expect(shorten(endless, null)).toBe(endless)
  })

  it('is a frozen copy with the earlier end', () => {
    for (const of of [lease, { ...lease, expiresAt: null }]) {
      const short = shorten(of, 99)
      expect(short).toEqual({ id: 'l', issuedAt: 1, expiresAt: 99 })
      expect(Object.isFrozen(short)).toBe(true)
    }
    expect(lease.expiresAt).toBe(100)
  })
})
