// @ts-check
/** Plays what a finding, or a file of the corpus, holds: each input alone. */

import { playAll } from './batch.mjs'
import { isSlow, slowness } from './blame.mjs'
import { readInputs } from './input.mjs'
import { leftAtTheEnd } from './leftovers.mjs'
import { startTarget, TargetLost } from './target.mjs'

/** @param {string} file @param {(line: string) => void} log */
export async function replay(file, log) {
  /** @type {import('./findings.mjs').Finding[]} */
  const findings = []
  let target = await startTarget()
  const before = await target.ask('state')
  let slowestMs = 0
  try {
    for (const [i, input] of readInputs(file).entries()) {
      try {
        const { results } = await playAll(target, [input], i + 1)
        for (const { played, wrong } of results) {
          log(JSON.stringify(played, null, 2))
          for (const what of wrong) findings.push({ what, file })
        }
        const ms = await slowness(target, input)
        slowestMs = Math.max(slowestMs, ms)
        if (isSlow(ms)) findings.push({ what: `${ms.toFixed(1)} ms for one input`, file })
      } catch (error) {
        if (!(error instanceof TargetLost)) throw error
        findings.push({ what: error.message, file })
        await target.stop()
        target = await startTarget()
      }
    }
    const left = await leftAtTheEnd(target, before)
    if (left.length > 0) findings.push({ what: `left at the end: ${left.join(', ')}`, file })
  } finally {
    await target.stop()
  }
  return { file, slowestMs, findings }
}
