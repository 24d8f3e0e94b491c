import { describe, expect, it } from 'vitest'
import { createRevocationIndex, type Revocation } from '../../src/core/revocation.ts'

const revocation = (name: string, issuedBefore: number, expiresAt: number): Revocation => ({
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
