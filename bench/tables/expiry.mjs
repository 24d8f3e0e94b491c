// @ts-check
/** What it costs that a connection ends at a moment, and what everybody else notices when 10,000 end at once. */

import { isolated } from '../child.mjs'
import { beside, medianError, summarize } from '../statistics.mjs'
import { within } from '../table.mjs'

/** @typedef {import('../settings.mjs').Settings} Settings */
/** @typedef {import('../table.mjs').Table} Table */
/** @typedef {import('../table.mjs').Row} Row */

/** @type {readonly (Omit<Row, 'values'> & { server: string })[]} */
const COSTS = [
  { variant: 'bare', role: 'base', server: 'bare' },
  { variant: 'a timer each, by hand', role: 'peer', server: 'a timer each' },
  { variant: 'portcullis, leases without an end', role: 'base', server: 'endless' },
  {
    ...{ variant: 'portcullis, leases with an end', role: 'ours', server: 'ending' },
    against: 'portcullis, leases without an end',
  },
]

/** @param {Settings} settings @returns {Promise<Table>} */
async function cost({ quick }) {
  const rounds = quick ? 120 : 1_500
  const variants = COSTS.map(({ variant, server }) => ({ name: variant, group: 'leases', server }))
  const figures = await isolated('isolated/handshake.mjs', { variants, rounds, slices: 1, warmUps: 40 })
  const series = new Map(COSTS.map(({ variant }, index) => [variant, inNanoseconds(figures[index])]))
  return {
    name: 'expiry-cost',
    title: 'A lease with an end',
    method: `CPU of the process for a client that connects over a fake engine and goes, with a moment at which it would be disconnected and without: what is more is creating and cancelling. ${rounds.toLocaleString('en-US')} rounds of 100.`,
    unit: 'ns per connection',
    digits: 0,
    compare: 'difference',
    columns: ['± (standard error)'],
    judged: 'comparison',
    rows: COSTS.map((row) => {
      const values = series.get(row.variant) ?? []
      const more = beside(values, series.get(row.against ?? 'bare') ?? [], 'difference')
      const error = medianError(more)
      const measured = summarize(more).median + error
      return {
        ...{ ...row, values, more: [error.toFixed(0)] },
        ...(row.role === 'ours' ? { goal: within('≤ 300 ns, with the error', measured, 300, 'ns') } : {}),
      }
    }),
  }
}

/** @param {readonly number[]} microseconds */
function inNanoseconds(microseconds) {
  return microseconds.map((us) => us * 1000)
}

/** @param {Settings} settings @returns {Promise<Table>} */
async function crowd({ quick }) {
  const rounds = quick ? 1 : 5
  const count = quick ? 2_000 : 10_000
  const rows = []
  for (const variant of /** @type {const} */ (['by hand', 'portcullis'])) {
    const outcomes = []
    for (let round = 0; round < rounds; round += 1) {
      outcomes.push(await isolated('isolated/expiry.mjs', { variant, count }))
    }
    rows.push(crowdRow(variant, outcomes))
  }
  return {
    name: 'expiry-crowd',
    title: `${count.toLocaleString('en-US')} leases that end at one moment`,
    method: `How long the event loop lets everybody else wait, from the moment until the last socket is closed; each is told why and leaves a room. ${rounds} times each, in a process of its own.`,
    unit: 'ms of longest delay',
    compare: 'none',
    columns: ['p99 of the delay, ms', 'last closed after, ms', 'CPU, ms'],
    rows,
  }
}

/** @param {'by hand' | 'portcullis'} variant @param {any[]} outcomes @returns {Row} */
function crowdRow(variant, outcomes) {
  const worst = (/** @type {(outcome: any) => number} */ of) => Math.max(...outcomes.map(of)).toFixed(0)
  const more = [worst(({ delayMs }) => delayMs.p99), worst(({ lastMs }) => lastMs), worst(({ cpuMs }) => cpuMs)]
  const values = outcomes.map(({ delayMs }) => delayMs.max)
  const p99 = summarize(outcomes.map(({ delayMs }) => delayMs.p99)).median
  if (variant === 'by hand') return { variant: 'a timer each, by hand', role: 'peer', values, more }
  return { variant, role: 'ours', values, more, goal: within('p99 ≤ 20 ms', p99, 20, 'ms') }
}

/** @param {Settings} settings @returns {Promise<Table[]>} */
export async function expiry(settings) {
  return [await cost(settings), await crowd(settings)]
}
