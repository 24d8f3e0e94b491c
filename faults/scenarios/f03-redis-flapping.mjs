// @ts-check
/** F3: Redis comes and goes. */

import { fault, ms } from '../scenario.mjs'
import { playTests } from '../test-run.mjs'

export const scenario = fault({
  id: 'F3',
  fault: 'Redis flaps',
  done: 'killed and started again 30 times, 1 s away and 1 s there, under handshakes with four strategies (quick: 10 times, as fast as it starts)',
  goal: 'nobody wrongly admitted, at most 60 lines logged, no listener left',
  seconds: 180,
  async play({ quick }) {
    const { missed, figures } = await playTests({
      files: ['packages/portcullis/test/faults/redis-flapping.test.ts'],
      named: 'F3\\b',
      env: quick ? {} : { FLAPS: '30', PHASE_MS: '1000' },
    })
    const { handshakes = 0, wronglyAdmitted = 0, longestMs = 0, backMs = 0, lines = 0 } = figures
    const answers = `${handshakes} handshakes, ${wronglyAdmitted} wrongly admitted, the slowest after ${ms(longestMs)}`
    return { seen: `${answers}; back after ${ms(backMs)} at most; ${lines} lines logged`, missed }
  },
})
