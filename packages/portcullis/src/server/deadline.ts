/** Bounds how long anything outside may take to answer. */

import type { Clock } from '../core/clock.ts'
import { AuthError } from '../errors.ts'

/**
 * Settles as `promise` does, or rejects with AUTH_UNAVAILABLE (`reason: 'deadline'`) after `timeoutMs`. What arrives
 * later is ignored, a late rejection included.
 */
export function withDeadline<T>(promise: Promise<T>, timeoutMs: number, clock: Clock): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = clock.setTimer(() => reject(new AuthError('AUTH_UNAVAILABLE', { reason: 'deadline' })), timeoutMs)
    promise.then(
      (value) => {
        cancel()
        resolve(value)
      },
      (error) => {
        cancel()
        reject(error)
      },
    )
  })
}
