// @ts-check
/** Which input of many it was, by playing each alone. */

import { setTimeout } from 'node:timers/promises'
import { sizeOf } from './input.mjs'
import { play } from './play.mjs'
import { startTarget, TargetLost } from './target.mjs'

/** @typedef {import('./input.mjs').Input} Input */

/** The server may not be kept from everything else for longer, by one input. Milliseconds; a machine that others share needs more. */
export const LIMIT_MS = Number(process.env.FUZZ_LIMIT_MS ?? 5)
/** The first at once, the others with a pause before each: a machine that was busy with something else is not for that long. */
const ATTEMPTS = 25
const AT_ONCE = 5
const PAUSE_MS = 100

/** @param {number} ms */
export const isSlow = (ms) => ms > LIMIT_MS

/**
 * For how long one frame of the input, alone, keeps the server from everything else: the longest callback, or a frame's part of the longest
 * stretch of the loop. The best attempt counts, since the garbage collector has pauses of its own.
 *
 * @param {import('./target.mjs').Target} target
 * @param {Input} input
 */
export async function slowness(target, input) {
  let best = Number.POSITIVE_INFINITY
  for (let attempt = 0; attempt < ATTEMPTS && best > LIMIT_MS; attempt += 1) {
    if (attempt >= AT_ONCE) await setTimeout(PAUSE_MS)
    await target.ask('mark')
    await play(target, input, 0)
    const { callbackMs, loopMs } = await target.ask('mark')
    best = Math.min(best, Math.max(callbackMs, loopMs / sizeOf(input)))
  }
  return best
}

/** The one that ends a new process, or all of them when none does so alone. @param {Input[]} batch @returns {Promise<Input[]>} */
export async function blame(batch) {
  for (const input of batch) {
    const target = await startTarget()
    try {
      await play(target, input, 0)
      const { errors } = await target.ask('mark')
      if (errors.length > 0) return [input]
    } catch (error) {
      if (error instanceof TargetLost) return [input]
      throw error
    } finally {
      await target.stop()
    }
  }
  return batch
}
