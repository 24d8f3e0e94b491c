/** The checks bite: wrong implementations fail at least one of them. */

import { type AuthorizationFunction, authorization } from 'portcullis/compat/socketio-0.9'
import type { Namespace, Server } from 'socket.io'
import { describe, expect, it } from 'vitest'
import { checks, type Facade } from './checks.ts'

type Target = Server | Namespace

const wrong: readonly (readonly [string, string, (target: Target, fn: AuthorizationFunction) => unknown])[] = [
  ['admits all', 'answers 403', (target) => authorization(target, (_data, callback) => callback(null, true))],
  ['refuses all', 'admits', (target) => authorization(target, (_data, callback) => callback(null, false), quiet())],
  [
    'lets "authorized" count in spite of an error',
    'answers 500',
    (target, fn) =>
      authorization(target, (data, callback) => fn(data, (_error, authorized) => callback(null, authorized)), quiet()),
  ],
  [
    'does not wait for the answer',
    'waits',
    (target, fn) =>
      authorization(
        target,
        (data, callback) => {
          let answered = false
          fn(data, (error, authorized) => {
            if (!answered) callback(error, authorized)
            answered = true
          })
          if (!answered) callback(null, true)
          answered = true
        },
        quiet(),
      ),
  ],
  [
    'admits where the function throws',
    'throws',
    (target, fn) =>
      authorization(target, (data, callback) => {
        try {
          return fn(data, callback)
        } catch {
          return callback(null, true)
        }
      }),
  ],
  [
    'skips the functions of namespaces',
    'asks a namespace',
    (target, fn) => ('_nsps' in target ? authorization(target, fn, quiet()) : target),
  ],
  [
    'shows the function a copy',
    'shows the socket',
    (target, fn) => authorization(target, (data, callback) => fn({ ...data }, callback), quiet()),
  ],
  [
    'is a middleware of the main namespace, as in Socket.IO 1',
    'answers 403',
    (target, fn) =>
      target.use((socket, next) => {
        const data = Object.assign(socket.handshake, { address: { address: '', port: 0 } })
        fn(data as never, (error, authorized) => next(error || !authorized ? new Error('unauthorized') : undefined))
      }),
  ],
]

function quiet() {
  return { onError() {} }
}

describe('a wrong implementation is found', () => {
  for (const [what, failing, implementation] of wrong) {
    it(`that ${what}`, async () => {
      const failed: string[] = []
      for (const check of checks({ authorization: implementation as Facade['authorization'] })) {
        await within(check.run()).catch(() => failed.push(check.name))
      }
      expect(failed.join('\n')).toContain(failing)
    })
  }
})

/** A wrong implementation may never answer. */
async function within(work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(reject, 1_000, new Error('no answer'))
  })
  await Promise.race([work, late]).finally(() => clearTimeout(timer))
}
