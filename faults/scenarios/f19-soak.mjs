// @ts-check
/** F19, D18: many handshakes, half of them hostile, and nothing that stays. */

import { fault } from '../scenario.mjs'
import { soak } from '../soak/run-soak.mjs'
import { growthOf, missedOf } from '../soak/verdict.mjs'

export const scenario = fault({
  id: 'F19',
  fault: 'D18: 100,000 handshakes, half of them hostile',
  done: 'bad, forged and ended credentials, wrong namespaces, floods, garbage, half-open connections, clients that vanish at each step (quick: 2,000, with shorter time limits)',
  goal: 'heap without compiled code within 5 %; timers, maps, `_preConnectSockets` and all sockets back where they began; no bad one admitted',
  seconds: 900,
  async play({ quick, log }) {
    const report = await soak(quick ? { count: 2_000, brief: true, log } : { count: 100_000, log })
    const { before, after, count, facts } = report
    const { data, heap, rss } = growthOf(before, after)
    const percent = (/** @type {number} */ part) => `${part < 0 ? '' : '+'}${(part * 100).toFixed(1)} %`
    const memory = `heap without code ${percent(data)}, with it ${percent(heap)}, resident memory ${percent(rss)}`
    const left = `${after.objects.timers} timer, ${after.counts['namespace._preConnectSockets']} in \`_preConnectSockets\`, ${after.objects['Engine.IO sockets']} connections`
    return {
      seen: `${count} handshakes: ${memory}; left: ${left}; ${facts.intruders} admitted wrongly`,
      missed: missedOf(report, { heap: !quick }),
    }
  },
})
