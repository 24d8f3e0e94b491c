// @ts-check
/** F4: PostgreSQL is killed, locked, exhausted, or behind a network that loses. */

import { fault, ms } from '../scenario.mjs'
import { playTests } from '../test-run.mjs'

export const scenario = fault({
  id: 'F4',
  fault: 'PostgreSQL is killed, has its table locked, its pool exhausted, its network dead',
  done: '400, 100, 100 and 40 handshakes with access tokens, every fourth bad; and the same for revocations kept there',
  goal: '503 at the deadline of 1 s, back within 2 s, no client leaked',
  seconds: 120,
  async play() {
    const { missed, figures, passed } = await playTests({
      files: [
        'packages/portcullis/test/faults/postgres-away.test.ts',
        'packages/portcullis/test/revocations/postgres-faults.test.ts',
        'packages/portcullis/test/strategies/access-token-queries.test.ts',
      ],
      named: 'F4\\b',
    })
    const { handshakes = 0, wronglyAdmitted = 0, longestMs = 0, backMs = 0 } = figures
    const answers = `${handshakes} answered, ${wronglyAdmitted} wrongly admitted, the slowest after ${ms(longestMs)}`
    return { seen: `${answers}; back after ${ms(backMs)} at most; ${passed} tests`, missed }
  },
})
