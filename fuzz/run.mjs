// @ts-check
/**
 * `npm run fuzz -- --seconds 60 --seed 7 --inputs 10000`: random and mutated frames, tokens, cookies, headers and PHP bytes for a guarded
 * server. Ends with code 1 when it fell, admitted somebody wrongly, took more than 5 ms for one input, or kept something. What did it is
 * written to fuzz/findings; `-- --replay fuzz/findings/x.json` plays it again.
 */

import { parseArgs } from 'node:util'
import { fuzz } from './fuzz.mjs'
import { replay } from './replay.mjs'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string' },
    seed: { type: 'string' },
    inputs: { type: 'string' },
    replay: { type: 'string' },
  },
})

/** @param {string | undefined} text @param {string} option @param {number} otherwise */
function number(text, option, otherwise) {
  const value = text === undefined ? otherwise : Number(text)
  if (value > 0) return value
  throw new TypeError(`"--${option}" must be a number above 0`)
}

const report =
  values.replay === undefined
    ? await fuzz({
        seconds: number(values.seconds, 'seconds', values.inputs === undefined ? 60 : Number.POSITIVE_INFINITY),
        inputs: number(values.inputs, 'inputs', Number.POSITIVE_INFINITY),
        seed: number(values.seed, 'seed', 1 + Math.floor(Math.random() * 2 ** 31)),
        log: (line) => console.log(line),
      })
    : await replay(values.replay, (line) => console.log(line))
console.log(JSON.stringify(report, null, 2))
process.exit(report.findings.length === 0 ? 0 : 1)
