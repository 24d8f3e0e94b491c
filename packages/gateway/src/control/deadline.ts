/** Waiting for something no longer than allowed. */

import { AuthError } from 'portcullis'

/** What `work` resolves with. @throws AuthError AUTH_UNAVAILABLE when it rejects, or has not answered within `timeoutMs` */
export function within<T>(work: () => Promise<T>, timeoutMs: number, reason: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const fail = (cause: unknown) =>
      reject(AuthError.is(cause) ? cause : new AuthError('AUTH_UNAVAILABLE', { reason, cause }))
    const timer = setTimeout(() => fail(new Error(`${reason}: no answer within ${timeoutMs} ms`)), timeoutMs)
    Promise.resolve()
      .then(work)
      .then(resolve, fail)
      .finally(() => clearTimeout(timer))
  })
}
