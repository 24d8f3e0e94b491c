import { describe, expect, it } from 'vitest'
import { MOMENTS, revokeDuringHandshakes } from './handshake-revocation.ts'

/** All 10,000 of them: `HANDSHAKE_SEEDS=10000 npx vitest run packages/portcullis/test/threats/races-handshake.test.ts`. */
const SEEDS = Number(process.env.HANDSHAKE_SEEDS ?? 400)

describe('F10, R11, R12: a revocation at any await of a handshake', () => {
  it(`lets nobody connect, and is what each client is told: ${SEEDS} seeds`, { timeout: 120_000 }, async () => {
    const { seeds, moments, told, violations } = await revokeDuringHandshakes(SEEDS)
    expect(violations).toEqual([])
    expect(Object.values(told).reduce((all, count) => all + count)).toBe(seeds)
    // None of them is missed by the seeds.
    for (const moment of MOMENTS)
      expect([moment, moments[moment]]).toEqual([moment, expect.toSatisfy((count) => count >= 3)])
    if (seeds === 10_000) console.log(JSON.stringify({ seeds, moments, told }))
  })
})
