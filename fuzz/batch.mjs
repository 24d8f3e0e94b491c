// @ts-check
/** Some inputs, a few at once, and what came of each. */

import { isSlow } from './blame.mjs'
import { wrongs } from './judge.mjs'
import { play } from './play.mjs'
import { TargetLost } from './target.mjs'

/** @typedef {import('./input.mjs').Input} Input */
/** @typedef {import('./judge.mjs').Observed} Observed */

const AT_ONCE = 8

/**
 * @typedef {object} Result
 * @property {Input} input
 * @property {import('./play.mjs').Played} played
 * @property {Observed[]} observed by the server
 * @property {string[]} wrong what must not have come of it
 */

/**
 * `isSuspect` when one of them may have taken longer than it may.
 *
 * @param {import('./target.mjs').Target} target
 * @param {readonly Input[]} batch
 * @param {number} first number under which the server knows the first of them
 * @returns {Promise<{ results: Result[], isSuspect: boolean }>}
 * @throws TargetLost when the server ended, or told the application of an error
 */
export async function playAll(target, batch, first) {
  /** @type {import('./play.mjs').Played[]} */
  const played = []
  let next = 0
  const worker = async () => {
    while (next < batch.length) {
      const i = next
      next += 1
      played[i] = await play(target, /** @type {Input} */ (batch[i]), first + i)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
  const { errors, observed: all, callbackMs, loopMs } = await target.ask('mark')
  if (errors.length > 0) throw new TargetLost(`the application was told of an error: ${errors[0]}`)
  const results = batch.map((input, i) => {
    const one = /** @type {import('./play.mjs').Played} */ (played[i])
    const observed = /** @type {Observed[]} */ (all).filter((each) => each.input === String(first + i))
    return { input, played: one, observed, wrong: wrongs(input, one.received, observed) }
  })
  return { results, isSuspect: isSlow(callbackMs) || isSlow(loopMs / AT_ONCE) }
}
