// @ts-check
/** F18: the wall clock is set. */

import { fault } from '../scenario.mjs'
import { playTests } from '../test-run.mjs'

export const scenario = fault({
  id: 'F18',
  fault: 'the wall clock is set an hour forward or back',
  done: 'leases before, at and after their end, handshakes, refreshes and graces, on a clock that is set',
  goal: 'nothing that has ended is admitted or stays for more than a second; nothing ends early',
  seconds: 60,
  async play() {
    const { missed, passed } = await playTests({
      files: [
        'packages/portcullis/test/server/lease-expiry.test.ts',
        'packages/portcullis/test/core/lease-timer.test.ts',
      ],
      named: 'F18\\b',
    })
    return { seen: `${passed} tests of it pass`, missed }
  },
})
