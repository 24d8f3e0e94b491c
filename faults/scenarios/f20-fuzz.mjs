// @ts-check
/** F20: random and mutated input. */

import { fuzz } from '../../fuzz/fuzz.mjs'
import { fault } from '../scenario.mjs'

export const scenario = fault({
  id: 'F20',
  fault: 'frames, tokens, cookies, headers and PHP bytes at random',
  done: 'for 60 s over WebSocket and polling (quick: 8 s); for longer: `npm run fuzz -- --inputs 10000000`',
  goal: 'no crash, no unhandled rejection, nobody admitted wrongly, no input over 5 ms',
  seconds: 180,
  async play({ quick, log }) {
    const report = await fuzz({
      seconds: quick ? 8 : 60,
      inputs: Number.POSITIVE_INFINITY,
      seed: 1 + Math.floor(Math.random() * 2 ** 31),
      log,
    })
    const { findings, inputs, inputsPerSecond, connections, slowestConfirmedMs } = report
    const rate = `${inputs} inputs on ${connections} connections, ${inputsPerSecond} per second`
    const slow = slowestConfirmedMs === 0 ? 'none over 5 ms' : `the slowest, played alone, ${slowestConfirmedMs} ms`
    return { seen: `${rate}; ${slow}; ${findings.length} findings`, missed: findings.map(({ what }) => what) }
  },
})
