import { describe, expect, it } from 'vitest'
import { createRevocationIndex, type Revocation } from '../../src/core/revocation.ts'

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

  it('R18: applies 100,000 with a look for what has ended at each, in the time that so many take, not their square', () => {
    const index = createRevocationIndex()
    const startedMs = performance.now()
    for (let i = 0; i < 100_000; i += 1) {
      index.prune(1_000)
      index.apply(revocation(`subject ${i}`, 100, 2_000 + (i % 3_600)))
    }
    expect(index.size).toBe(100_000)
    expect(performance.now() - startedMs).toBeLessThan(2_000)
  })
})
