/** Both conventions of `accept`: one argument since Socket.IO 1, error and verdict before. */

import type { Accept } from './passport-socketio-options.ts'

/** Null admits. `isGiven` where the callback itself named the error. */
export type Verdict = { readonly error: Error; readonly isGiven: boolean } | null

export interface AcceptOptions {
  /** False where the caller is Socket.IO 0.9, in which `accept()` admits nobody. */
  readonly isModern: boolean
  /** What a refusal without an error of its own says. */
  readonly refusal: string
  /** A failure of ours: nobody is admitted, and nothing but `refusal` is said, whatever the callback wants. */
  readonly isOurs?: boolean
}

/** The first call counts. */
export function acceptOnce(settle: (verdict: Verdict) => void, options: AcceptOptions): Accept {
  let isSettled = false
  return function accept(...args) {
    if (isSettled) return
    isSettled = true
    settle(verdictOf(args, options))
  }
}

function verdictOf(args: readonly unknown[], { isModern, refusal, isOurs = false }: AcceptOptions): Verdict {
  const [error, accepted] = args
  // Socket.IO saw the first argument only, so that `accept(null, false)` once admitted. Callbacks also pass the user itself.
  const admits = !error && (isModern && args.length < 2 ? true : Boolean(accepted))
  if (admits && !isOurs) return null
  if (isOurs || !error) return { error: new Error(refusal), isGiven: false }
  return { error: error instanceof Error ? error : errorOf(error, refusal), isGiven: true }
}

/** Socket.IO sent `message` and `data` of whatever it was given. */
function errorOf(given: unknown, refusal: string): Error {
  if (typeof given === 'string') return new Error(given)
  const { message, data } = Object(given) as { message?: unknown; data?: unknown }
  const error = new Error(typeof message === 'string' && message !== '' ? message : refusal)
  return data === undefined ? error : Object.assign(error, { data })
}
