// @ts-check
/** F12: one ticket, three nodes that redeem it at once. */

import { fault } from '../scenario.mjs'
import { playTests } from '../test-run.mjs'

export const scenario = fault({
  id: 'F12',
  fault: 'one ticket is presented on three nodes at once',
  done: '30,000 tickets in Redis, three at once of each (quick: 5,000)',
  goal: 'none admitted twice, none lost',
  seconds: 240,
  async play({ quick }) {
    const { missed, figures } = await playTests({
      files: ['packages/portcullis/test/strategies/ticket-redis.test.ts'],
      named: 'F12\\b',
      env: { TICKETS: quick ? '5000' : '30000' },
    })
    const { tickets = 0, twice = 0, lost = 0 } = figures
    return { seen: `${tickets} tickets: ${twice} admitted twice, ${lost} lost`, missed }
  },
})
