/** Runs seeds one after another and prints a line of JSON for each that matters: the part that runs in a process of its own. */

import { parseArgs } from 'node:util'
import { runSeed } from './scenario.ts'

const { values } = parseArgs({
  options: {
    first: { type: 'string', default: '0' },
    count: { type: 'string', default: '1' },
    step: { type: 'string', default: '1' },
    /** Stop at the first seed that fails. */
    until: { type: 'boolean', default: false },
    trace: { type: 'boolean', default: false },
  },
})

// Socket.IO's adapter for recovery looks every minute for what is old: in virtual time there is no such minute.
globalThis.setInterval = (() => ({ unref() {} })) as unknown as typeof setInterval

const [first, count, step] = [Number(values.first), Number(values.count), Number(values.step)]
const total = { seeds: 0, steps: 0, failed: 0, counts: {} as Record<string, number> }
for (let i = 0; i < count; i += 1) {
  const trace = values.trace ? { trace: (text: string) => console.error(text) } : {}
  const { seed, violations, steps, counts } = await runSeed(first + i * step, trace)
  total.seeds += 1
  total.steps += steps
  for (const [what, times] of Object.entries(counts)) total.counts[what] = (total.counts[what] ?? 0) + times
  if (violations.length === 0) continue
  total.failed += 1
  console.log(JSON.stringify({ seed, violations }))
  if (values.until) break
}
console.log(JSON.stringify({ total }))
// What a seed that failed left open must not be waited for.
process.exit()
