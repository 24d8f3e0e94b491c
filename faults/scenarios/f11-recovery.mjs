// @ts-check
/** F11: what a returning client is given back. */

import { fault } from '../scenario.mjs'
import { playTests } from '../test-run.mjs'

export const scenario = fault({
  id: 'F11',
  fault: 'a client returns after its authority has ended or shrunk',
  done: 'revoked, expired, and with rooms, grants and memberships lost, while away; in memory and in Redis Streams',
  goal: 'no missed packet and no room that it may not have any more; at least 95 of 100 others recover, with all that they missed',
  seconds: 120,
  async play() {
    const { missed, passed } = await playTests({
      files: ['recovery', 'recovery-rooms', 'recovery-many', 'recovery-redis', 'recovery-guard', 'recovery-facts'].map(
        (name) => `packages/portcullis/test/server/${name}.test.ts`,
      ),
      named: '(F11|R17)\\b',
    })
    return { seen: `${passed} tests of it pass`, missed }
  },
})
