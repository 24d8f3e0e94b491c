/** Faults that `npm run faults` plays at full size, at a size for every run of the tests; the others of F1 to F22 have tests of their own. */

import { describe, expect, it } from 'vitest'
import { revokeCrowd } from '../faults/scenarios/f08-revoke-crowd.mjs'
import { idleCrowd } from '../faults/scenarios/f15-idle-crowd.mjs'
import { guardCost } from '../faults/scenarios/f21-guard-cost.mjs'
import { soak } from '../faults/soak/run-soak.mjs'
import { missedOf } from '../faults/soak/verdict.mjs'

/** Whatever else runs on the machine takes its part of the time, and may spoil one attempt. */
const ON_A_BUSY_MACHINE = { timeout: 60_000, retry: 2 }

it(
  'F21: an event that is permitted or denied takes at most 20 µs, a token at most 1.1 times what jose takes',
  ON_A_BUSY_MACHINE,
  async () => {
    const { missed } = await guardCost({ events: 5_000, blocks: 5 })
    expect(missed).toEqual([])
  },
)

describe.concurrent('against servers in processes of their own', () => {
  it(
    'F8: a revoked person with a socket on each of three nodes is gone from all within 250 ms, and a person with many sockets too',
    ON_A_BUSY_MACHINE,
    async ({ expect }) => {
      const { missed } = await revokeCrowd({ sockets: 60, people: 10 })
      expect(missed).toEqual([])
    },
  )

  it(
    'F15, D03, D07: connections that never say who they are, WebSockets and polling sessions, are closed within a second of their time',
    ON_A_BUSY_MACHINE,
    async ({ expect }) => {
      const { missed } = await idleCrowd({ count: 40, connectTimeoutMs: 1_000, samples: 20 })
      // So few say nothing about how long others take.
      expect(missed.filter((goal) => !goal.startsWith('p99'))).toEqual([])
    },
  )

  it(
    'F19, D18: 104 handshakes, half of them hostile, leave no timer, no entry in a map, no socket in `_preConnectSockets` and none on the heap',
    ON_A_BUSY_MACHINE,
    async ({ expect }) => {
      const report = await soak({ count: 104, warmUp: 0, brief: true })
      // What is compiled for the first time is more than what so few could leave.
      expect(missedOf(report, { heap: false })).toEqual([])
      expect(Object.keys(report.kinds)).toHaveLength(26)
    },
  )
})
