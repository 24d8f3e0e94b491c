/** Asking a callback of the application, which may throw, reject, answer twice, or never. */

import { AuthError } from 'portcullis'

/** Milliseconds. Old libraries waited for ever. */
export const ANSWER_LIMIT_MS = 10_000

/** What a function called back with; the first time counts. */
export type Answer = readonly unknown[]

/**
 * `ask` is given the callback. What it throws, or rejects with, is thrown here.
 *
 * @throws AuthError AUTH_UNAVAILABLE when no answer has come after `ANSWER_LIMIT_MS`
 */
export function answerOf(ask: (answer: (...values: unknown[]) => void) => unknown): Promise<Answer> {
  return withinLimit(
    new Promise((resolve, reject) => {
      Promise.resolve(ask((...values) => resolve(values))).catch(reject)
    }),
  )
}

/** The same for a function that returns its answer or a promise of it. */
export function returnOf<T>(ask: () => T | Promise<T>): Promise<T> {
  return withinLimit(new Promise((resolve) => resolve(ask())))
}

function withinLimit<T>(asked: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new AuthError('AUTH_UNAVAILABLE', { reason: 'no_answer' })),
      ANSWER_LIMIT_MS,
    ).unref()
    asked.finally(() => clearTimeout(timer)).then(resolve, reject)
  })
}

/** What an application says to its client in a callback. The texts of `Error`s are left out: they may be those of a database. */
export interface Said {
  readonly message: string
  readonly code?: string
}

/** A string or `{ message, code }` is said to the client; of everything else, `otherwise`. */
export function saidIn(value: unknown, otherwise: string): Said {
  if (typeof value === 'string' && value !== '') return { message: value }
  if (typeof value !== 'object' || value === null || value instanceof Error) return { message: otherwise }
  const { message, code } = value as { message?: unknown; code?: unknown }
  return {
    message: typeof message === 'string' && message !== '' ? message : otherwise,
    ...(typeof code === 'string' && code !== '' ? { code } : {}),
  }
}
