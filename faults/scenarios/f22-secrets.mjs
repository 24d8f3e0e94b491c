// @ts-check
/** F22: what was planted as a secret shows up nowhere. */

import { fault } from '../scenario.mjs'
import { playTests } from '../test-run.mjs'

export const scenario = fault({
  id: 'F22',
  fault: 'none: twelve planted secrets in everything that is logged, emitted or stored',
  done: 'twelve kinds of them, drawn for the run, are shown well and badly, with stores there and gone, and all that is said and stored is searched; `npm test` does so over the whole suite',
  goal: '0 found',
  seconds: 60,
  async play() {
    const { missed, passed } = await playTests({
      files: [
        'packages/portcullis/test/threats/leaks-planted.test.ts',
        'packages/portcullis/test/server/leaks.test.ts',
        'packages/gateway/test/secrets.test.ts',
      ],
      named: '(F22|Q03|secret)',
    })
    return { seen: `${missed.length} found, ${passed} tests`, missed }
  },
})
