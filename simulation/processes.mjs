// @ts-check
/** Runs a bundled simulation in processes of its own: it takes over timers, randomness and unhandled rejections. */

import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

/** @typedef {{ readonly seed: number, readonly violations: readonly string[] }} Failure */
/** @typedef {{ readonly failed: readonly Failure[], readonly total: { readonly seeds: number, readonly steps: number } }} Result */

/**
 * Seeds are dealt out in turn. `until` ends each process at its first failure.
 * @param {string} program from `bundle`
 * @param {{ first: number, seeds: number, processes?: number, until?: boolean, trace?: boolean }} options
 * @returns {Promise<Result>}
 */
export async function simulate(program, { first, seeds, processes = 1, until = false, trace = false }) {
  const flags = [...(until ? ['--until'] : []), ...(trace ? ['--trace'] : [])]
  const results = await Promise.all(
    Array.from({ length: processes }, (_, i) => {
      const count = Math.ceil((seeds - i) / processes)
      return one(program, ['--first', `${first + i}`, '--step', `${processes}`, '--count', `${count}`, ...flags])
    }),
  )
  const failed = results.flatMap((result) => result.failed).sort((one, other) => one.seed - other.seed)
  const sum = (/** @type {'seeds' | 'steps'} */ what) => results.reduce((all, { total }) => all + total[what], 0)
  return { failed, total: { seeds: sum('seeds'), steps: sum('steps') } }
}

/**
 * @param {string} program
 * @param {readonly string[]} args
 * @returns {Promise<Result>}
 */
async function one(program, args) {
  const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  const exited = new Promise((resolve) => child.once('exit', resolve))
  /** @type {Failure[]} */
  const failed = []
  let total = null
  for await (const line of createInterface({ input: child.stdout })) {
    const told = JSON.parse(line)
    if (told.total === undefined) failed.push(told)
    else total = told.total
  }
  if ((await exited) !== 0 || total === null) throw new Error('the simulation ended before its last seed')
  return { failed, total }
}
