// @ts-check
/** F9: a revocation while nodes cannot hear of it. */

import { chaos } from '../../packages/portcullis/test/cluster/chaos.mjs'
import { fault } from '../scenario.mjs'

export const scenario = fault({
  id: 'F9',
  fault: 'somebody is revoked while Redis is down, or a node is cut off, silent, stopped',
  done: 'three node processes, 200 revocations with and 200 without connection state recovery, among random faults (quick: 20 each)',
  goal: 'the caller is told; after a complete receipt nothing is delivered or accepted; whoever was revoked hears of it, and nobody else',
  seconds: 900,
  async play({ quick, log }) {
    const seen = []
    const missed = []
    for (const recovery of [false, true]) {
      const { runs, complete, partial, rejected, leaks, lost, alive } = await chaos({
        runs: quick ? 20 : 200,
        recovery,
        seed: recovery ? 2 : 1,
        log,
      })
      seen.push(
        `${runs} runs${recovery ? ' with recovery' : ''}: ${complete} complete receipts, ${partial + rejected} that say they are not; ${leaks.length} leaks`,
      )
      missed.push(...leaks, ...lost, ...alive)
    }
    return { seen: seen.join('; '), missed: missed.slice(0, 5) }
  },
})
