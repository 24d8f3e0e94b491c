// @ts-check
/** `npm run load -- --clients 5000 --kill --seconds 60`: ends with code 1 when somebody is not back, or should not be there. */

import { availableParallelism, cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { load } from './load.mjs'
import { failuresOf, tableOf } from './table.mjs'

const { values } = parseArgs({
  options: {
    clients: { type: 'string', default: '5000' },
    kill: { type: 'boolean', default: false },
    drain: { type: 'boolean', default: false },
    seconds: { type: 'string', default: '60' },
    'drain-ms': { type: 'string', default: '10000' },
    'per-second': { type: 'string', default: '500' },
    'stand-in': { type: 'boolean', default: false },
  },
})
// What was started ends with this process, as it does when this process ends by itself.
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM'])) process.once(signal, () => process.exit(1))
const report = await load({
  clients: Number(values.clients),
  end: values.drain ? 'drain' : 'kill',
  seconds: Number(values.seconds),
  drainMs: Number(values['drain-ms']),
  perSecond: Number(values['per-second']),
  ...(values['stand-in'] ? { standIn: true } : {}),
  log: (line) => console.error(line),
})
console.log(`${tableOf(report)}\n`)
console.log(
  JSON.stringify({
    ...report,
    machine: { cores: availableParallelism(), cpu: cpus()[0]?.model, node: process.version },
  }),
)
const failures = failuresOf(report)
for (const failure of failures) console.error(`not met: ${failure}`)
process.exit(failures.length === 0 ? 0 : 1)
