/** Two workers of `node:cluster`, which only exist as processes: what a test does with their servers is sent to them as text. */

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Node, Open } from './stage.ts'

interface Answer {
  readonly worker: number
  readonly id?: number
  readonly url?: string
  readonly result?: unknown
  readonly error?: string
  readonly closed?: boolean
  readonly errors?: readonly string[]
}

export function cluster(): Open {
  return async (kind) => {
    const path = fileURLToPath(new URL('./cluster-primary.mjs', import.meta.url))
    // Vitest's own conditions would have the worker load sources.
    const primary = fork(path, [kind], { serialization: 'advanced', execArgv: [] })
    const waiting = new Map<number, (answer: Answer) => void>()
    const urls = new Map<number, string>()
    const closed = new Map<number, (errors: readonly string[]) => void>()
    let count = 0
    const ready = new Promise<void>((resolve, reject) => {
      primary.once('exit', () => reject(new Error('the cluster ended')))
      primary.on('message', (answer: Answer) => {
        const { worker, id, url, errors } = answer
        if (url !== undefined) urls.set(worker, url)
        if (urls.size === 2) resolve()
        if (answer.closed) closed.get(worker)?.(errors ?? [])
        if (id === undefined) return
        waiting.get(id)?.(answer)
        waiting.delete(id)
      })
    })
    await ready

    const nodeOf = (worker: number): Node => ({
      url: urls.get(worker) ?? '',
      run: (act, arg) =>
        new Promise((resolve, reject) => {
          count += 1
          waiting.set(count, ({ result, error }) =>
            error === undefined ? resolve(result as never) : reject(new Error(error)),
          )
          primary.send({ worker, id: count, act: String(act), arg })
        }),
      async close() {
        const errors = await new Promise<readonly string[]>((resolve) => {
          closed.set(worker, resolve)
          primary.send({ worker, close: true })
        })
        urls.delete(worker)
        if (urls.size > 0) return errors
        const ended = once(primary, 'exit')
        primary.disconnect()
        await ended
        return errors
      },
    })
    return [nodeOf(0), nodeOf(1)]
  }
}
