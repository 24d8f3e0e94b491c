// @ts-check
/** F6: the issuer changes its keys. */

import { fault, ms } from '../scenario.mjs'
import { playTests } from '../test-run.mjs'

export const scenario = fault({
  id: 'F6',
  fault: 'keys are rotated',
  done: 'a new key published right after a fetch, a key removed, and three deployments with other keys, on a clock that is moved',
  goal: 'a new key is admitted within 1 s and one fetch, a removed one refused after 10 minutes at most, or at once by `purge()`',
  seconds: 90,
  async play() {
    const { missed, figures, passed } = await playTests({
      files: ['jwt-jwks', 'jwt-jwks-outage', 'jwt-keys'].map(
        (name) => `packages/portcullis/test/strategies/${name}.test.ts`,
      ),
      named: '(F6|K02|K03)\\b',
    })
    const { newKidMs = 0, fetches = 0 } = figures
    return { seen: `a new key after ${ms(newKidMs)} and ${fetches} fetch; ${passed} tests`, missed }
  },
})
