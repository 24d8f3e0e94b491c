import { availableParallelism, loadavg } from 'node:os'
import { describe, expect, it } from 'vitest'
import { createLeaseTimer } from '../../src/server/lease-timer.ts'
import { usedHeap } from '../faults/heap.ts'
import { fakeTime } from '../harness.ts'

describe('lease timer', () => {
  it('keeps nothing of what was taken off, however far away its end was', async () => {
    const time = fakeTime()
    const timer = createLeaseTimer(time.clock)
    timer.add({ expiresAt: time.seconds() + 1_000_000, expire: () => {} })
    const before = await usedHeap()
    for (let i = 0; i < 200_000; i += 1) {
      const item = { expiresAt: time.seconds() + 1_000 + i, expire: () => {} }
      timer.add(item)
      timer.delete(item)
    }
    expect((await usedHeap()) - before).toBeLessThan(2_000_000)
    expect(timer.size).toBe(1)
  })

  it('R05: 100,000 ends cost at most 300 ns each to set, and to take off, by the best of seven', () => {
    const best = { add: Number.POSITIVE_INFINITY, delete: Number.POSITIVE_INFINITY }
    const expire = () => {}
    for (let round = 0; round < 7; round += 1) {
      const timer = createLeaseTimer(fakeTime().clock)
      const items = Array.from({ length: 100_000 }, (_, i) => ({ expiresAt: 1_900_000_000 + (i % 3_600), expire }))
      best.add = Math.min(best.add, nanosecondsEach(items, timer.add))
      best.delete = Math.min(best.delete, nanosecondsEach(items, timer.delete))
    }
    // Whatever else runs on the machine takes its part of the time.
    const crowd = Math.max(1, (loadavg()[0] ?? 0) / availableParallelism())
    expect(best.add).toBeLessThan(300 * crowd)
    expect(best.delete).toBeLessThan(300 * crowd)
  })
})

function nanosecondsEach<T>(items: readonly T[], act: (item: T) => void): number {
  const started = process.hrtime.bigint()
  for (const item of items) act(item)
  return Number(process.hrtime.bigint() - started) / items.length
}
