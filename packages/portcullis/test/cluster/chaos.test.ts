import { describe, expect, it } from 'vitest'
import { chaos } from './chaos.mjs'

describe('three real nodes on one Redis, cut off, silenced, stopped and killed', () => {
  it.each([['without', false, 30]])(
    'R14, R15, R21, F9, M1, M2: nothing is delivered or accepted after a receipt, nobody else is revoked, %s connection state recovery',
    async (_word, recovery, runs) => {
      const report = await chaos({ runs, recovery, seed: 20261121 })
      expect({ leaks: report.leaks, lost: report.lost, alive: report.alive }).toEqual({
        leaks: [],
        lost: [],
        alive: [],
      })
      expect(report.runs).toBe(runs)
      expect(report.complete).toBeGreaterThan(0)
    },
    90_000,
  )

  it('finds the leaks of nodes that do not suspend themselves', async () => {
    const { leaks } = await chaos({ runs: 200, unfenced: true, seed: 1, faults: ['cut', 'silence'] })
    expect(leaks.length).toBeGreaterThan(0)
  }, 90_000)
})
