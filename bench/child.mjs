// @ts-check
/** Processes of the benchmark, which are told what to do and answer: servers, generators of load, measurements of their own. */

import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** How long one command may take before the run is given up. */
const TIMEOUT_MS = 300_000

/**
 * @typedef {object} Child
 * @property {(command: string, given?: object) => Promise<any>} ask rejects with what the command threw, or when the process ends
 * @property {(signal: NodeJS.Signals) => void} kill
 * @property {() => Promise<void>} stop
 */

/** @type {Set<import('node:child_process').ChildProcess>} */
const running = new Set()
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/**
 * @param {string} module from this folder, which calls `answer`
 * @param {readonly string[]} [nodeOptions]
 * @returns {Child}
 */
export function startChild(module, nodeOptions = ['--expose-gc']) {
  const path = fileURLToPath(new URL(module, import.meta.url))
  const child = fork(path, [], { execArgv: [...nodeOptions], env: { ...process.env, NODE_OPTIONS: '' } })
  running.add(child)
  /** @type {Map<number, { resolve: (answer: any) => void, reject: (error: Error) => void }>} */
  const asked = new Map()
  let count = 0
  const gone = new Promise((resolve) => child.once('exit', resolve))
  child.once('exit', (code, signal) => {
    running.delete(child)
    for (const { reject } of asked.values()) reject(new Error(`${module} ended with ${signal ?? code}`))
  })
  child.on('message', (/** @type {{ id: number, answer?: any, failure?: string }} */ { id, answer, failure }) => {
    const waiting = asked.get(id)
    asked.delete(id)
    if (failure === undefined) waiting?.resolve(answer)
    else waiting?.reject(new Error(`${module}: ${failure}`))
  })
  return {
    ask(command, given = {}) {
      count += 1
      const id = count
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`${module}: ${command} took too long`)), TIMEOUT_MS)
        const settled = (/** @type {(value: any) => void} */ settle) => (/** @type {any} */ value) => {
          clearTimeout(timer)
          settle(value)
        }
        asked.set(id, { resolve: settled(resolve), reject: settled(reject) })
        child.send({ id, command, given })
      })
    },
    kill: (signal) => void child.kill(signal),
    async stop() {
      if (child.connected) child.disconnect()
      await gone
    },
  }
}

/** The child's side: what each command does. The process ends with its parent. @param {Record<string, (given: any) => any>} commands */
export function answer(commands) {
  process.on(
    'message',
    async (/** @type {{ id: number, command: string, given: object }} */ { id, command, given }) => {
      const reply = await run(commands[command], given).then(
        (value) => ({ id, answer: value }),
        (error) => ({ id, failure: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
      )
      process.send?.(reply)
    },
  )
  process.on('disconnect', () => process.exit(0))
}

/** @param {((given: any) => any) | undefined} command @param {object} given */
async function run(command, given) {
  if (command === undefined) throw new Error('no such command')
  return await command(given)
}

/** Microseconds of CPU that this process has used, its threads included. */
export function cpuMicroseconds() {
  const { user, system } = process.cpuUsage()
  return user + system
}

/** Runs `run` of a module in a process of its own. @param {string} module @param {object} settings @param {readonly string[]} [nodeOptions] @returns {Promise<any>} */
export async function isolated(module, settings, nodeOptions) {
  const child = startChild(module, nodeOptions)
  try {
    return await child.ask('run', settings)
  } finally {
    await child.stop()
  }
}
