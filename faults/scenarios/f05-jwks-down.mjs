// @ts-check
/** F5: the issuer's key set cannot be had. */

import { fault } from '../scenario.mjs'
import { playTests } from '../test-run.mjs'

export const scenario = fault({
  id: 'F5',
  fault: 'the JWKS URL is down for 30 minutes',
  done: 'a token of a known and one of an unknown key in each second of 30 minutes, on a clock that is moved; and answers of 500, HTML, 5 MB, redirects, resets and silence',
  goal: 'every token of a known key admitted, none of an unknown one, at most one fetch in 5 s',
  seconds: 90,
  async play() {
    const { missed, figures, passed } = await playTests({
      files: ['jwt-jwks-outage', 'jwt-issuers'].map((name) => `packages/portcullis/test/strategies/${name}.test.ts`),
      named: 'F5\\b',
    })
    const { knownAdmitted = 0, unknownAdmitted = 0, fetches = 0, leastGapMs = 0 } = figures
    const seen = `${knownAdmitted} of 1800 known and ${unknownAdmitted} of 1800 unknown admitted; ${fetches} fetches, at least ${leastGapMs / 1000} s apart; ${passed} tests`
    return { seen, missed }
  },
})
