/** Asks one authorization function of Socket.IO 0.9 about one handshake, whatever that function does. */

import type { HandshakeData, Verdict } from './socketio-0.9-handshake.ts'

/** Error first; any truthy `authorized` admits, as it did. An error refuses, whatever `authorized` says. */
export type AuthorizationCallback = (error?: unknown, authorized?: unknown) => void

/**
 * Socket.IO 0.9's `authorization`. It answers by the callback, once; it may be `async`, and what it resolves with is ignored.
 *
 * @deprecated Write a `Strategy`, or a `connect` rule: docs/migrate/socketio-0.9.md
 */
export type AuthorizationFunction = (handshakeData: HandshakeData, callback: AuthorizationCallback) => unknown

export interface Question {
  readonly fn: AuthorizationFunction
  readonly handshakeData: HandshakeData
  /** What `this` is within the function. */
  readonly self: unknown
  /** Milliseconds until silence is an error. */
  readonly timeoutMs: number
  /** Receives what the function threw, rejected with or gave as an `Error`, and that it was silent or answered twice. */
  readonly onError: (error: unknown) => void
  /** Called when a function that has admitted answers again or throws, once its verdict has been told. */
  readonly withdraw: () => void
}

/** Never rejects. A throw, or a second answer within the same turn of the event loop, makes an admission an error. */
export function ask({ fn, handshakeData, self, timeoutMs, onError, withdraw }: Question): Promise<Verdict> {
  return new Promise((resolve) => {
    let verdict: Verdict | null = null
    let told = false
    const timer = setTimeout(fail, timeoutMs, new Error(`the authorization function gave no answer in ${timeoutMs} ms`))

    function answer(given: Verdict): void {
      if (verdict !== null) {
        fail(new Error('the authorization function answered twice'))
        return
      }
      verdict = given
      clearTimeout(timer)
      setImmediate(tell)
    }

    function fail(cause: unknown): void {
      onError(cause)
      if (verdict === null) answer('error')
      else if (verdict === 'authorized') {
        verdict = 'error'
        if (told) withdraw()
      }
    }

    function tell(): void {
      told = true
      resolve(verdict ?? 'error')
    }

    function callback(error?: unknown, authorized?: unknown): void {
      if (error instanceof Error) onError(error)
      answer(error ? 'error' : authorized ? 'authorized' : 'unauthorized')
    }

    try {
      const returned = fn.call(self, handshakeData, callback)
      if (isThenable(returned)) returned.then(undefined, fail)
    } catch (error) {
      fail(error)
    }
  })
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
}
