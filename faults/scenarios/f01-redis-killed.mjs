// @ts-check
/** F1: Redis is killed while handshakes ask it. */

import { fault, ms } from '../scenario.mjs'
import { playTests } from '../test-run.mjs'

export const scenario = fault({
  id: 'F1',
  fault: 'Redis is killed by -9',
  done: '1,000 handshakes with each of four strategies, every fourth bad, and the same with clients that queue; then Redis is started again',
  goal: 'no bad one admitted, no crash, none unanswered after the deadline of 1 s, the first success at most 1 s after Redis is back',
  seconds: 120,
  async play() {
    const { missed, figures } = await playTests({
      files: ['packages/portcullis/test/faults/redis-killed.test.ts'],
      named: 'F1\\b',
    })
    const { handshakes = 0, wronglyAdmitted = 0, longestMs = 0, backMs = 0 } = figures
    const seen = `${handshakes} answered, ${wronglyAdmitted} wrongly admitted, the slowest after ${ms(longestMs)}; back after ${ms(backMs)}`
    return { seen, missed }
  },
})
