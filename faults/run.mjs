// @ts-check
/**
 * `npm run faults`: F1 to F22, one after another, each in a process of its own. `-- F8,F14` plays some, `--quick` with smaller counts, `--write`
 * puts the table into docs/faults.md. Ends with code 1 when a goal was missed.
 */

import { writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { playApart } from './play-apart.mjs'
import { pageOf, rowOf } from './report.mjs'
import { chosen } from './scenarios.mjs'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { quick: { type: 'boolean', default: false }, write: { type: 'boolean', default: false } },
})
const scenarios = await chosen(positionals.flatMap((list) => list.split(',')))
/** No fault may take longer than this with small counts. */
const QUICK_SECONDS = 120
/** @type {import('./report.mjs').Played[]} */
const played = []
for (const { file, ...scenario } of scenarios) {
  console.error(`${scenario.id}: ${scenario.fault}`)
  const outcome = await playApart(file, {
    quick: values.quick,
    seconds: values.quick ? Math.min(scenario.seconds, QUICK_SECONDS) : scenario.seconds,
  })
  played.push({ ...scenario, ...outcome })
  console.log(rowOf({ ...scenario, ...outcome }))
}
if (values.write) {
  if (positionals.length > 0) throw new TypeError('"--write" writes the whole table: play them all')
  await writeFile(new URL('../docs/faults.md', import.meta.url), pageOf(played, values.quick))
}
const missed = played.filter((each) => each.missed.length > 0)
console.log(`${played.length - missed.length} of ${played.length} met`)
process.exit(missed.length === 0 ? 0 : 1)
