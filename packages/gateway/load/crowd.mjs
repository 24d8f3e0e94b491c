// @ts-check
/** All processes of clients, as one. */

import { startChild } from './child.mjs'

/** @typedef {Awaited<ReturnType<typeof createCrowd>>} Crowd */

/** @param {number} processes */
export async function createCrowd(processes) {
  const started = await Promise.allSettled(Array.from({ length: processes }, () => startChild('./clients.mjs')))
  const children = started.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
  const ask = (/** @type {object} */ question) => Promise.all(children.map((child) => child.ask(question)))
  /** @template T @param {readonly T[]} parts @returns {T} numbers are summed, lists joined */
  const sum = (parts) => {
    /** @type {Record<string, any>} */
    const whole = {}
    for (const part of parts) {
      for (const [key, value] of Object.entries(/** @type {Record<string, any>} */ (part))) {
        whole[key] = Array.isArray(value) ? [...(whole[key] ?? []), ...value] : (whole[key] ?? 0) + value
      }
    }
    return /** @type {T} */ (whole)
  }
  /** @returns {Promise<{ good: number, others: number, left: number, refused: number, admittedWrongly: number }>} */
  const state = async () => sum(await ask({ command: 'state' }))
  const crowd = {
    state,
    /** Browsers stay together. @param {readonly import('./crowd-plan.mjs').Member[]} members @param {string} url @param {number} perSecond @param {number} stubbornMs */
    open: (members, url, perSecond, stubbornMs) =>
      Promise.all(
        children.map((child, index) =>
          child.ask({
            command: 'open',
            members: members.filter(({ number }) => Math.floor(number / 10) % children.length === index),
            url,
            perSecond: perSecond / children.length,
            stubbornMs,
          }),
        ),
      ),
    guard: () => ask({ command: 'guard' }),
    /** @returns {Promise<{ connectedAt: number[], disconnectedAt: number[], told: number, refusals: number }>} */
    times: async () => sum(await ask({ command: 'times' })),
    /** @param {string} id @param {string} [org] @returns {Promise<{ once: number, never: number, again: number, stray: number }>} */
    heard: async (id, org) => sum(await ask({ command: 'heard', message: id, ...(org === undefined ? {} : { org }) })),
    /** @param {(now: Awaited<ReturnType<typeof state>>) => boolean} check @param {number} seconds @param {string} what */
    async until(check, seconds, what) {
      const endMs = Date.now() + seconds * 1_000
      for (;;) {
        const now = await state()
        if (check(now)) return
        if (Date.now() > endMs) throw new Error(`not within ${seconds} s: ${what}; ${JSON.stringify(now)}`)
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
    },
    stop: async () => void (await Promise.all(children.map((child) => child.stop()))),
  }
  const failed = started.find((each) => each.status === 'rejected')
  if (failed !== undefined) {
    await crowd.stop()
    throw failed.reason
  }
  return crowd
}
