// @ts-check
/** What the event gate adds to an event, in nanoseconds. */

import { isolated } from '../child.mjs'
import { atMost } from '../table.mjs'

/** @typedef {import('../table.mjs').Row} Row */

const PERMIT = 'portcullis, () => permit()'
/** @type {Record<string, Partial<Row>>} */
const GOALS = {
  [PERMIT]: { goal: atMost(100, 'ns') },
  'portcullis, requireScope': { goal: atMost(100, 'ns') },
  [`${PERMIT}, decision log on`]: { against: PERMIT, goal: atMost(300, 'ns') },
}

/** @param {import('../settings.mjs').Settings} settings @returns {Promise<import('../table.mjs').Table>} */
export async function inprocEvent({ quick }) {
  const rounds = quick ? 5 : 31
  const slices = quick ? 3 : 6
  const figures = await isolated('isolated/event.mjs', { rounds, slices })
  return {
    name: 'inproc-event',
    title: 'An event with a synchronous rule, in process',
    method: `CPU of the process for a decoded packet with a small object, until a listener has heard it. ${rounds} rounds of ${(slices * 5_000).toLocaleString('en-US')}, in slices that take turns.`,
    unit: 'ns per event',
    digits: 0,
    compare: 'difference',
    rows: Object.entries(figures).map(([variant, values]) => ({
      ...{ variant, role: roleOf(variant), values },
      ...GOALS[variant],
    })),
  }
}

/** @param {string} variant @returns {Row['role']} */
function roleOf(variant) {
  if (variant.startsWith('bare')) return 'base'
  return variant.startsWith('portcullis') ? 'ours' : 'peer'
}
