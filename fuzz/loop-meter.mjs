// @ts-check
/** For how long at once nothing else can run in this process. */

import { createHook } from 'node:async_hooks'

/** Milliseconds between two looks at the loop, as long as nothing keeps them up. */
const EVERY_MS = 1

/**
 * A stretch counts by the clock or by what this process has worked meanwhile, whichever is less, so that the pauses of a crowded machine are
 * none. `loopMs` is the longest between two looks at the loop, and may count one millisecond of what came before; where several connections
 * are served at once, it counts all of them. `callbackMs` is the longest of what runs without a turn of anything else, for one of them.
 */
export function loopMeter() {
  let loopMs = 0
  let callbackMs = 0
  let depth = 0
  let loop = now()
  let callback = loop

  setInterval(() => {
    loopMs = Math.max(loopMs, since(loop))
    loop = now()
  }, EVERY_MS).unref()
  createHook({
    before() {
      depth += 1
      if (depth === 1) callback = now()
    },
    after() {
      depth -= 1
      if (depth === 0) callbackMs = Math.max(callbackMs, since(callback))
    },
  }).enable()

  return {
    /** Since the last time. Milliseconds. */
    read() {
      const read = { loopMs, callbackMs }
      loopMs = 0
      callbackMs = 0
      return read
    },
  }
}

/** @returns {readonly [wallMs: number, cpuMs: number]} */
function now() {
  const { user, system } = process.cpuUsage()
  return [performance.now(), (user + system) / 1000]
}

/** @param {readonly [wallMs: number, cpuMs: number]} start */
function since([wallMs, cpuMs]) {
  const [endMs, endCpuMs] = now()
  return Math.min(endMs - wallMs, endCpuMs - cpuMs)
}
