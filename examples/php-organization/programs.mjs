// @ts-check
/** Programs that run beside this one and end with it. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

/** @type {Set<import('node:child_process').ChildProcess>} */
const running = new Set()
/** @type {(() => Promise<unknown>)[]} */
const afterwards = []
/** @type {Promise<never> | null} */
let ending = null

/** Says why where there is a reason, ends what was started, the last first, and then this program. @param {string | null} why */
export function endAll(why) {
  ending ??= (async () => {
    if (why !== null) console.error(why)
    for (const child of [...running].reverse()) {
      const gone = once(child, 'exit')
      child.kill('SIGTERM')
      await gone
    }
    for (const work of afterwards.reverse()) await work().catch((error) => console.error(error.message))
    return process.exit(why === null ? 0 : 1)
  })()
  return ending
}
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => endAll(null))

/** Has something done when all programs have ended. @param {() => Promise<unknown>} work */
export function atEnd(work) {
  afterwards.push(work)
}

/**
 * A program that is to run for as long as this one. What it writes to its standard error passes through `filter`.
 *
 * @param {string} name for the error when it ends by itself
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ env: NodeJS.ProcessEnv, filter?: RegExp }} options
 */
export function run(name, command, args, { env, filter = /./ }) {
  // Ctrl+C reaches this program alone, which ends the others in order.
  const child = spawn(command, args, { env, detached: true, stdio: ['ignore', 'inherit', 'pipe'] })
  running.add(child)
  child.stderr?.on('data', (chunk) => {
    for (const line of String(chunk).split('\n')) if (filter.test(line)) console.error(line)
  })
  child.once('error', (error) => {
    running.delete(child)
    endAll(`${name} cannot be started: ${error.message}`)
  })
  child.once('exit', (code) => {
    running.delete(child)
    endAll(`${name} has ended (${code ?? 'killed'}).`)
  })
}

/** Resolves when a URL answers with 200. @param {string} url */
export async function untilReady(url) {
  const until = Date.now() + 20_000
  while (Date.now() < until && ending === null) {
    const response = await fetch(url).catch(() => null)
    await response?.body?.cancel()
    if (response?.status === 200) return
    await delay(50)
  }
  await endAll(`Nothing answers at ${url}.`)
}

/** A port that nobody has: the one that a variable names, or one below those that systems give to outgoing connections. @param {string} name */
export async function portOf(name) {
  if (process.env[name]) return Number(process.env[name])
  for (;;) {
    const port = 12_000 + Math.floor(Math.random() * 20_000)
    const server = createServer()
    const listening = await new Promise((resolve) => {
      server.once('error', () => resolve(false))
      server.listen(port, '127.0.0.1', () => resolve(true))
    })
    if (!listening) continue
    server.close()
    await once(server, 'close')
    return port
  }
}
