// @ts-check
/** Plays one scenario in a process of its own, with all that it starts, within its time. */

import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/**
 * @param {string} file of the scenario, as a URL
 * @param {{ quick: boolean, seconds: number }} options
 * @returns {Promise<import('./scenario.mjs').Outcome & { tookSeconds: number }>}
 */
export async function playApart(file, { quick, seconds }) {
  const startedMs = performance.now()
  // A group of its own: what it started ends with it, also when it does not end by itself.
  const child = fork(fileURLToPath(new URL('play.mjs', import.meta.url)), [file, quick ? 'quick' : 'full'], {
    detached: true,
    execArgv: ['--expose-gc'],
  })
  const end = () => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
    } catch {
      // It has ended.
    }
  }
  const interrupted = () => process.exit(1)
  process.once('exit', end)
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, interrupted)
  const failed = (/** @type {string} */ why) => ({ seen: '–', missed: [why] })
  /** @type {import('./scenario.mjs').Outcome} */
  const outcome = await new Promise((resolve) => {
    const timer = setTimeout(() => resolve(failed(`it took more than ${seconds} s`)), seconds * 1000)
    child.once('message', (message) => resolve(/** @type {any} */ (message)))
    child.once('exit', (code) => resolve(failed(`it ended with ${code}`)))
    child.once('exit', () => clearTimeout(timer))
  })
  const gone =
    child.exitCode === null && child.signalCode === null ? new Promise((resolve) => child.once('exit', resolve)) : null
  end()
  await gone
  process.off('exit', end)
  for (const signal of ['SIGINT', 'SIGTERM']) process.off(signal, interrupted)
  return { ...outcome, tookSeconds: (performance.now() - startedMs) / 1000 }
}
