// @ts-check
/** F2: Redis accepts connections and bytes, and says nothing. */

import { fault, ms } from '../scenario.mjs'
import { playTests } from '../test-run.mjs'

export const scenario = fault({
  id: 'F2',
  fault: 'Redis is stopped (SIGSTOP)',
  done: '10 s under 200 handshakes a second, over four strategies (quick: 3 s)',
  goal: 'all answered 503 at the deadline of 1 s, heap +10 MiB at most, normal 1 s after SIGCONT',
  seconds: 90,
  async play({ quick }) {
    const { missed, figures } = await playTests({
      files: ['packages/portcullis/test/faults/redis-frozen.test.ts'],
      named: 'F2\\b',
      env: { FROZEN_MS: quick ? '3000' : '10000' },
    })
    const { handshakes = 0, longestMs = 0, backMs = 0, heapGrowthMiB = 0, rssGrowthMiB = 0 } = figures
    const memory = `heap ${heapGrowthMiB.toFixed(1)} MiB, resident memory of server and clients together ${rssGrowthMiB.toFixed(1)} MiB`
    return {
      seen: `${handshakes} answered, the slowest after ${ms(longestMs)}; ${memory}; back after ${ms(backMs)}`,
      missed,
    }
  },
})
