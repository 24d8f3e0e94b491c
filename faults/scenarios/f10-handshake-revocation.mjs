// @ts-check
/** F10: a revocation in the middle of a handshake. */

import { fault } from '../scenario.mjs'
import { playTests } from '../test-run.mjs'

export const scenario = fault({
  id: 'F10',
  fault: 'a revocation at every await of the handshake',
  done: '10,000 seeds, each with its own moment, through the real gates (quick: 1,000)',
  goal: 'no socket connects or is heard after it',
  seconds: 240,
  async play({ quick }) {
    const { missed, figures } = await playTests({
      files: ['packages/portcullis/test/threats/races-handshake.test.ts'],
      named: 'F10\\b',
      env: { HANDSHAKE_SEEDS: quick ? '1000' : '10000' },
    })
    const { seeds = quick ? 1_000 : 10_000, violations = missed.length } = figures
    return { seen: `${seeds} seeds, ${violations} connected`, missed }
  },
})
