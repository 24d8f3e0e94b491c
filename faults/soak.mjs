// @ts-check
/**
 * `npm run soak`: D18 and F19, 100,000 handshakes, half of them hostile, against one guarded server in a process of its own. Ends with code 1
 * when memory, timers, maps or Socket.IO's own sets are not back where they began. `-- --count 5000` makes fewer; `--seed 7` others.
 */

import { parseArgs } from 'node:util'
import { soak } from './soak/run-soak.mjs'
import { growthOf, missedOf, rowsOf } from './soak/verdict.mjs'

const { values } = parseArgs({
  options: { count: { type: 'string', default: '100000' }, seed: { type: 'string', default: '1' } },
})
const count = Number(values.count)
if (!(Number.isInteger(count) && count > 0)) throw new TypeError('"--count" must be a positive whole number')
// Engine and library fill bounded caches at first, however few handshakes there are.
const warmUp = Math.max(10_000, Math.ceil(count / 10))
const report = await soak({ count, warmUp, seed: Number(values.seed), log: (line) => console.error(line) })
for (const row of rowsOf(report)) console.log(`| ${row.join(' | ')} |`)
const { data, heap, rss } = growthOf(report.before, report.after)
console.log(`\nheap without code ${percent(data)}, with it ${percent(heap)}, resident memory ${percent(rss)}`)
const missed = missedOf(report)
for (const each of missed) console.log(`not met: ${each}`)
process.exit(missed.length === 0 ? 0 : 1)

/** @param {number} fraction */
function percent(fraction) {
  return `${fraction < 0 ? '' : '+'}${(fraction * 100).toFixed(1)} %`
}
