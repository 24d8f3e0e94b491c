/** How long Postgres has to answer, and what may be told of its errors. */

import type { Clock } from '../core/clock.ts'

/** What comes later than `timeoutMs` is ignored. */
export function withTimeout<T>(promise: Promise<T>, timeoutMs: number, clock: Clock): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = clock.setTimer(() => {
      reject(new Error(`Postgres did not answer within ${timeoutMs} ms`))
    }, timeoutMs)
    promise.then(resolve, reject).finally(cancel)
  })
}

/** Classes of SQLSTATE whose messages speak of connections and statements, never of values. */
const SPEAKABLE = new Set(['08', '28', '3D', '42', '53', '55', '57'])

/** The SQLSTATE of an error of Postgres, or a system's error code; empty when there is none. */
export function codeOf(error: unknown): string {
  const { code } = (error ?? {}) as { readonly code?: unknown }
  return typeof code === 'string' && /^[A-Z0-9_]{1,40}$/.test(code) ? code : ''
}

/** An error without values: the details of Postgres hold some, and so do messages about data. */
export function failureOf(error: unknown): Error {
  const code = codeOf(error)
  const { message } = (error ?? {}) as { readonly message?: unknown }
  const speakable = !/^[A-Z0-9]{5}$/.test(code) || SPEAKABLE.has(code.slice(0, 2))
  const text = speakable && typeof message === 'string' && message !== '' ? message : 'Postgres failed'
  return Object.assign(new Error(`memberships: ${text}${code === '' ? '' : ` (${code})`}`), code === '' ? {} : { code })
}
