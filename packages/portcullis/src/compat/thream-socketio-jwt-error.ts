/** The error of @thream/socketio-jwt, of which the client receives `message` and `data`. */

import { AuthError } from 'portcullis'

/** Why a socket was refused. @deprecated The codes of Portcullis say what a client should do next: docs/migrate/thream-socketio-jwt.md */
export class UnauthorizedError extends Error {
  readonly inner: { readonly message: string }
  readonly data: { readonly message: string; readonly code: string; readonly type: 'UnauthorizedError' }

  constructor(code: string, error: { readonly message: string }) {
    super(error.message)
    this.name = 'UnauthorizedError'
    this.inner = error
    this.data = { message: error.message, code, type: 'UnauthorizedError' }
  }
}

/** For `connect_error` on the client, too: it asks for no class. @deprecated docs/migrate/thream-socketio-jwt.md */
export function isUnauthorizedError(error: unknown): error is UnauthorizedError {
  if (typeof error !== 'object' || error === null || !('data' in error)) return false
  const { data } = error
  return typeof data === 'object' && data !== null && 'type' in data && data.type === 'UnauthorizedError'
}

/** The one message for every token that is not accepted. */
export const INVALID_TOKEN = 'Unauthorized: Token is missing or invalid Bearer'

export function unauthorized(code: string, message: string, cause?: unknown): AuthError {
  const refusal = new UnauthorizedError(code, { message })
  if (cause !== undefined) Object.defineProperty(refusal, 'cause', { value: cause })
  return new AuthError('AUTH_CREDENTIAL_INVALID', { reason: code, cause: refusal })
}

/** What `next` is given for whatever an admission has thrown. */
export function toClientError(error: unknown): UnauthorizedError {
  if (!AuthError.is(error)) return new UnauthorizedError('unknown', { message: 'internal error' })
  const { cause, code, reason } = error
  // An error of `onAuthentication` goes to the client as it is: that is how applications say why.
  if (cause instanceof UnauthorizedError || (reason === 'on_authentication' && cause instanceof Error)) {
    return cause as UnauthorizedError
  }
  if (reason === 'connection_state_recovery' && cause instanceof Error) {
    return new UnauthorizedError('unknown', { message: cause.message })
  }
  return new UnauthorizedError(code === 'AUTH_ERROR' ? 'unknown' : 'invalid_token', { message: INVALID_TOKEN })
}
