// @ts-check
/** `npm run chaos -- --runs 1000 --seed 7`: random revocations among random faults; ends with code 1 when anything leaked. */

import { parseArgs } from 'node:util'
import { chaos } from './chaos.mjs'

const { values } = parseArgs({
  options: { runs: { type: 'string' }, seed: { type: 'string' }, recovery: { type: 'boolean' } },
})
const report = await chaos({
  runs: Number(values.runs ?? 1_000),
  seed: Number(values.seed ?? 1),
  recovery: values.recovery ?? false,
  log: (line) => console.log(line),
})
console.log(JSON.stringify(report, null, 2))
const failures = [...report.leaks, ...report.lost, ...report.alive]
process.exit(failures.length === 0 ? 0 : 1)
