// @ts-check
/** The fuzzed process as its parent sees it: questions to it, and how it ended. */

import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** A process that does not answer for so long is stuck. Milliseconds. */
const PATIENCE_MS = 20_000

/** Says that the process has ended or is stuck; `cause` is what it wrote. */
export class TargetLost extends Error {
  /** @override */
  name = 'TargetLost'
}

/** @typedef {Awaited<ReturnType<typeof startTarget>>} Target */

export async function startTarget() {
  const child = fork(fileURLToPath(new URL('server.mjs', import.meta.url)), {
    execArgv: ['--no-warnings'],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
  let written = ''
  child.stderr?.on('data', (chunk) => {
    written = (written + chunk).slice(-4_000)
  })
  /** @type {Map<number, (answer: never) => void>} */
  const waiting = new Map()
  let lastId = 0
  let isStopping = false
  /** @type {Promise<never>} */
  const lost = new Promise((_, reject) => {
    child.once('close', (code, signal) => {
      if (!isStopping) reject(new TargetLost(`the server ended with ${signal ?? code}: ${written}`))
    })
    child.once('error', reject)
  })
  lost.catch(() => {})
  const ports = await Promise.race([
    lost,
    new Promise((resolve) => child.once('message', (/** @type {{ ports: never }} */ { ports }) => resolve(ports))),
  ])
  child.on('message', (/** @type {{ id: number, answer: never }} */ { id, answer }) => {
    waiting.get(id)?.(answer)
    waiting.delete(id)
  })

  return {
    /** @type {{ plain: number, deferred: number }} */
    ports,
    /** Rejects with `TargetLost` as soon as the process has ended by itself. */
    lost,
    /** @param {'turn' | 'put' | 'mark' | 'state'} ask @param {unknown} [body] @returns {Promise<any>} */
    async ask(ask, body) {
      lastId += 1
      const id = lastId
      /** @type {NodeJS.Timeout | undefined} */
      let timer
      const answer = new Promise((resolve, reject) => {
        waiting.set(id, resolve)
        timer = setTimeout(
          () => reject(new TargetLost(`the server has not answered for ${PATIENCE_MS} ms`)),
          PATIENCE_MS,
        )
      })
      try {
        if (child.connected) child.send({ id, ask, body })
        return await Promise.race([answer, lost])
      } finally {
        clearTimeout(timer)
      }
    },
    async stop() {
      isStopping = true
      if (child.exitCode !== null || child.signalCode !== null) return
      const closed = new Promise((resolve) => child.once('close', resolve))
      child.kill('SIGKILL')
      await closed
    },
  }
}
