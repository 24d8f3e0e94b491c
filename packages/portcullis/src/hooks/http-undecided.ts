/** "Could not decide", which is no verdict: it permits nothing, and ends nothing that there is. */

import { AuthError } from '../errors.ts'

/** Neither word may hold anything of a request or an answer. */
export function undecided(reason: string, message: string): AuthError {
  return new AuthError('AUTH_UNAVAILABLE', { reason, cause: new Error(message) })
}
