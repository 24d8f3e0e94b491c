// @ts-check
/** F13: what the application gives us throws. */

import { fault } from '../scenario.mjs'
import { playTests } from '../test-run.mjs'

export const scenario = fault({
  id: 'F13',
  fault: 'callbacks of the application throw',
  done: 'thirteen of them throw, reject or answer twice: strategies, sources, rules, memberships, audit, onError, stores',
  goal: 'the process lives with 13 of 13, each request has one answer, and others are served',
  seconds: 60,
  async play() {
    const { missed, passed } = await playTests({
      files: ['packages/portcullis/test/threats/races-thirteen-callbacks.test.ts'],
      named: 'F13\\b.*the process lives',
    })
    return { seen: `${passed} of 13 alive`, missed: passed === 13 ? missed : [...missed, `${passed} of 13`] }
  },
})
