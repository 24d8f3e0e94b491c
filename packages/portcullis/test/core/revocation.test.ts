import { describe, expect, it } from 'vitest'
import {
  createRevocationIndex,
  providerSession,
  type Revocation,
  type RevocationKey,
  revocationName,
} from '../../src/core/revocation.ts'

const revocation = (name: string, issuedBefore: number, expiresAt = 1_000): Revocation => ({
  id: `${name}-${issuedBefore}`,
  name,
  issuedBefore,
  expiresAt,
  at: 0,
  effect: 'revoke',
  exceptSocket: null,
  graceMs: 0,
})

describe('revocation index', () => {
  it('covers what was issued before, and not what was issued at that moment or later', () => {
    const index = createRevocationIndex()
    index.apply(revocation('a', 100))
    expect(index.find(['x', 'a'], 99.9)?.name).toBe('a')
    expect(index.find(['a'], 100)).toBe(null)
    expect(index.find(['b'], 1)).toBe(null)
  })

  it.each([[[100, 200]], [[200, 100]], [[200, 200, 100]]])(
    'R20: ends up the same in any order and with repetitions: %j',
    (moments) => {
      const index = createRevocationIndex()
      for (const moment of moments) index.apply(revocation('a', moment, 1_000 + moment))
      expect(index.find(['a'], 199)?.issuedBefore).toBe(200)
      index.prune(1_199)
      expect(index.size).toBe(1)
      index.prune(1_200)
      expect(index.size).toBe(0)
    },
  )

  it('forgets nothing of a longer memory when a shorter one follows', () => {
    const index = createRevocationIndex()
    index.apply(revocation('a', 100, 5_000))
    index.apply(revocation('a', 200, 300))
    index.prune(301)
    expect(index.find(['a'], 150)).not.toBe(null)
  })

  it('keeps what was prolonged, and forgets it at its later end', () => {
    const index = createRevocationIndex()
    index.apply(revocation('a', 100, 300))
    index.apply(revocation('a', 100, 500))
    index.prune(300)
    expect(index.size).toBe(1)
    index.prune(500)
    expect(index.size).toBe(0)
  })

  it('keeps what reaches furthest in either way, when one goes on longer and the other covers more', () => {
    for (const order of [
      [0, 1],
      [1, 0],
    ]) {
      const index = createRevocationIndex()
      const both = [revocation('a', 100, 5_000), revocation('a', 200, 300)]
      for (const i of order) index.apply(both[i] as Revocation)
      expect([...index.live()]).toEqual([{ ...revocation('a', 200, 5_000) }])
    }
  })

  it('says whether there was anything new in it', () => {
    const index = createRevocationIndex()
    expect(index.apply(revocation('a', 100, 500))).toBe(true)
    expect(index.apply(revocation('a', 100, 500))).toBe(false)
    expect(index.apply(revocation('a', 99, 499))).toBe(false)
    expect(index.apply(revocation('a', 99, 501))).toBe(true)
    expect(index.apply(revocation('a', 101, 1))).toBe(true)
    expect([...index.live()]).toEqual([revocation('a', 101, 501)])
  })

  it('of two that cover the same, knows the later one, for as long as it is in force', () => {
    const index = createRevocationIndex()
    const [first, second] = [revocation('a', 100, 300), { ...revocation('a', 100, 500), id: 'second' }]
    expect(index.knows(first)).toBe(false)
    index.apply(first)
    expect([index.knows(first), index.knows(second)]).toEqual([true, false])
    index.apply(second)
    expect([index.knows(first), index.knows(second)]).toEqual([false, true])
    expect(index.knows({ ...first, name: 'b' })).toBe(false)
  })

  it('forgets several of several seconds at once, one that was prolonged among them, and keeps the rest', () => {
    const index = createRevocationIndex()
    for (const expiresAt of [300, 500]) index.apply(revocation('a', 100, expiresAt))
    index.apply(revocation('b', 100, 500))
    index.apply(revocation('c', 100, 501))
    index.prune(500)
    expect([...index.live()].map(({ name }) => name)).toEqual(['c'])
    index.prune(501)
    expect(index.size).toBe(0)
  })

  it('forgets all that end in the same second', () => {
    const index = createRevocationIndex()
    for (const name of ['a', 'b', 'c']) index.apply(revocation(name, 100, 500))
    index.prune(500)
    expect(index.size).toBe(0)
  })

  it('forgets in the second of the end or in the next, and never before', () => {
    const index = createRevocationIndex()
    index.apply(revocation('a', 100, 300.5))
    index.prune(300.4)
    expect(index.size).toBe(1)
    index.prune(301)
    expect(index.size).toBe(0)
  })

  it('goes on forgetting what ends later, after it had nothing to forget', () => {
    const index = createRevocationIndex()
    index.prune(100)
    for (const expiresAt of [400, 300, 500]) index.apply(revocation(`until ${expiresAt}`, 100, expiresAt))
    const left = [299, 300, 399, 400, 499, 500].map((now) => {
      index.prune(now)
      return index.size
    })
    expect(left).toEqual([3, 2, 2, 1, 1, 0])
  })
})

describe('revocationName', () => {
  const digest = (value: string) => `digest of ${value}`

  it.each<[RevocationKey, string]>([
    [{ issuer: 'i', subject: 's' }, 'subject:["i","s"]'],
    [{ session: 'id' }, 'session:digest of id'],
    [{ tokenId: 'jti' }, 'token:jti'],
    [{ tag: 'device' }, 'tag:device'],
  ])('of %j is %s', (key, name) => expect(revocationName(key, digest)).toBe(name))

  it('is another for another principal, wherever the border between issuer and subject is', () => {
    const names = [
      ['a', 'bc'],
      ['ab', 'c'],
      ['a","b', 'c'],
      ['a', 'b","c'],
    ].map(([issuer = '', subject = '']) => revocationName({ issuer, subject }, digest))
    expect(new Set(names).size).toBe(4)
  })
})

it('a session at a provider is unique within its issuer', () => {
  expect(providerSession('https://a.example', 's')).toEqual({ tag: 'sid:["https://a.example","s"]' })
})
