// @ts-check
/**
 * `npm run simulate`: 10,000 seeds in two processes. `-- --seed 1234` replays one, with a trace; `-- --seeds 500 --first 0` says
 * which; `-- --bite name` puts a known defect in, and stops when it is found; `-- --bites` does that for each, in some minutes.
 */

import { rm } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { BITES } from './bites.mjs'
import { bundle } from './bundle.mjs'
import { simulate } from './processes.mjs'

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    first: { type: 'string', default: '0' },
    seeds: { type: 'string', default: '10000' },
    bite: { type: 'string' },
    bites: { type: 'boolean', default: false },
  },
})
const bite = BITES.find(({ name }) => name === values.bite) ?? null
if (values.bite !== undefined && bite === null)
  throw new TypeError(`"--bite" must be one of ${BITES.map(({ name }) => name).join(', ')}`)

if (values.bites) {
  for (const each of BITES) {
    const file = await bundle(each)
    const { failed } = await simulate(file, { first: each.first, seeds: each.within, processes: 2, until: true })
    await rm(file, { force: true })
    console.log(`${each.name}: ${failed[0] === undefined ? 'NOT FOUND' : `seed ${failed[0].seed}`}`)
    if (failed[0] === undefined) process.exitCode = 1
  }
  process.exit()
}

const program = await bundle(bite)
try {
  if (values.seed !== undefined) {
    const { failed } = await simulate(program, { first: Number(values.seed), seeds: 1, trace: true })
    process.exitCode = failed.length === 0 ? 0 : 1
  } else {
    const startedAt = performance.now()
    const { failed, total } = await simulate(program, {
      first: bite?.first ?? Number(values.first),
      seeds: bite?.within ?? Number(values.seeds),
      processes: 2,
      until: bite !== null,
    })
    for (const { seed, violations } of failed) console.log(`seed ${seed}: ${violations[0]}`)
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
    console.log(`${total.seeds} seeds, ${total.steps} steps in ${seconds} s: ${failed.length} failed`)
    if (failed[0] !== undefined) {
      const again = bite === null ? '' : ` --bite ${bite.name}`
      console.log(`replay: npm run simulate -- --seed ${failed[0].seed}${again}`)
    }
    process.exitCode = failed.length === 0 ? 0 : 1
  }
} finally {
  await rm(program, { force: true })
}
