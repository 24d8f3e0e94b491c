// @ts-check
/** A process of ours that is asked over IPC: `{ id, … }` there, `{ id, answer }` back. It says first which port it has, or 0. */

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/**
 * @typedef {object} Child
 * @property {number} port
 * @property {(question: object) => Promise<any>} ask
 * @property {() => Promise<void>} stop
 */

/**
 * @param {string} file beside this one
 * @param {Record<string, string>} [env]
 * @returns {Promise<Child>}
 */
export async function startChild(file, env = {}) {
  const child = fork(fileURLToPath(new URL(file, import.meta.url)), [], {
    env: { ...process.env, NODE_OPTIONS: '', ...env },
    execArgv: [],
  })
  endWithUs(child)
  /** @type {Map<number, { resolve: (answer: unknown) => void, reject: (error: Error) => void }>} */
  const asked = new Map()
  let count = 0
  const ended = once(child, 'exit').then(() => {
    for (const { reject } of asked.values()) reject(new Error(`${file} has ended`))
  })
  const port = await new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`${file} ended with ${code} before it was ready`)))
    child.on('message', (/** @type {any} */ message) => {
      if (message.port !== undefined) resolve(message.port)
      else asked.get(message.id)?.resolve(message.answer)
      asked.delete(message.id)
    })
  })
  return {
    port,
    ask: (question) =>
      new Promise((resolve, reject) => {
        count += 1
        asked.set(count, { resolve, reject })
        child.send({ ...question, id: count })
      }),
    async stop() {
      child.kill('SIGKILL')
      await ended
    },
  }
}

/** However this process ends, as long as it is not killed. @param {import('node:child_process').ChildProcess} child @param {NodeJS.Signals} [signal] */
export function endWithUs(child, signal = 'SIGKILL') {
  const end = () => void child.kill(signal)
  process.once('exit', end)
  child.once('exit', () => process.off('exit', end))
}
