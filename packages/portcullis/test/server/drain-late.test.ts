/** A busy node takes the steps of its drain late, and lets go evenly all the same. */

import { expect, it } from 'vitest'
import type { Connection } from '../../src/server/connection.ts'
import { createDrain, type DrainParts } from '../../src/server/drain.ts'

const CONNECTIONS = 1_000
const OVER_MS = 1_000
/** What every timer takes at least, as on a node that does something else for that long each time. */
const LATE_MS = 40

it('half of the connections are let go in half of the time, though every step comes late', async () => {
  let nowMs = 0
  const timers: { readonly atMs: number; readonly run: () => void }[] = []
  const closedAtMs: number[] = []
  const connections = Array.from({ length: CONNECTIONS }, () => {
    const listeners: (() => void)[] = []
    const engineSocket = {
      once: (_event: string, listener: () => void) => void listeners.push(listener),
      close() {
        closedAtMs.push(nowMs)
        for (const listener of listeners) listener()
      },
    }
    return { closed: false, engineSocket } as unknown as Connection
  })
  const drain = createDrain({
    clock: {
      now: () => nowMs,
      monotonic: () => nowMs,
      setTimer(run: () => void, delayMs: number) {
        timers.push({ atMs: nowMs + Math.max(delayMs, LATE_MS), run })
        return () => {}
      },
    } as unknown as DrainParts['clock'],
    guard: (() => ({ registry: { ofConnection: () => [] } })) as unknown as DrainParts['guard'],
    connections: () => connections,
  })
  const drained = drain.start({ overMs: OVER_MS })
  for (let timer = timers.shift(); timer !== undefined; timer = timers.shift()) {
    nowMs = timer.atMs
    timer.run()
  }
  expect(await drained).toMatchObject({ released: CONNECTIONS, cut: 0 })
  const before = (ms: number) => closedAtMs.filter((atMs) => atMs <= ms).length
  expect(before(OVER_MS / 2)).toBeGreaterThan(CONNECTIONS * 0.4)
  expect(before(OVER_MS / 2)).toBeLessThan(CONNECTIONS * 0.6)
  expect(before(OVER_MS * 0.9)).toBeGreaterThan(CONNECTIONS * 0.8)
})
