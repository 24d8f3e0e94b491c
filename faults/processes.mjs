// @ts-check
/** Starts guarded servers and crowds in processes of their own, which end with this one. */

import { startChild } from '../packages/gateway/load/child.mjs'
import './credentials.mjs'

/**
 * @typedef {object} Guarded
 * @property {number} port
 * @property {(command: string, given?: object) => Promise<any>} ask
 * @property {() => Promise<void>} stop
 */

/** @param {import('./guarded-server.mjs').Settings} [settings] @returns {Promise<Guarded>} */
export async function startGuarded(settings = {}) {
  const file = new URL('guarded-server.mjs', import.meta.url).href
  const { port, ask, stop } = await startChild(file, {
    SETTINGS: JSON.stringify(settings),
    // That a store is in memory, and that what is counted on the heap may change: known here.
    NODE_NO_WARNINGS: '1',
  })
  return { port, stop, ask: (command, given = {}) => ask({ command, ...given }) }
}

/**
 * A crowd in a process of its own.
 *
 * @returns {Promise<{ ask: (command: 'come' | 'count' | 'members', given?: object) => Promise<any>, stop: () => Promise<void> }>}
 */
export async function startCrowd() {
  const { ask, stop } = await startChild(new URL('crowd-process.mjs', import.meta.url).href)
  return { stop, ask: (command, given) => ask({ command, given }) }
}

/**
 * Asks until the answer is good, or the time is over; the last answer either way.
 *
 * @template T @param {() => Promise<T>} ask @param {(answer: T) => boolean} isGood @param {number} withinMs @param {number} [everyMs]
 */
export async function until(ask, isGood, withinMs, everyMs = 100) {
  const endAt = performance.now() + withinMs
  for (;;) {
    const answer = await ask()
    if (isGood(answer) || performance.now() > endAt) return answer
    await new Promise((resolve) => setTimeout(resolve, everyMs))
  }
}
