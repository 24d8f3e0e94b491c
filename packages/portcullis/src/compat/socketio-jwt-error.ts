/** The error of socketio-jwt: what it holds is what its clients receive. */

import { AuthError } from 'portcullis'

/**
 * `data` reaches the client: as `data` of `connect_error`, or with the event `unauthorized`.
 *
 * @deprecated The codes of Portcullis say what a client should do next: docs/migrate/socketio-jwt.md
 */
export class UnauthorizedError extends Error {
  /** Enumerable, as a client of the second roundtrip receives the whole error. */
  override readonly message: string
  readonly inner: { readonly message: string }
  readonly data: { readonly message: string; readonly code: string; readonly type: 'UnauthorizedError' }

  constructor(code: string, error: { readonly message: string }) {
    super()
    this.message = error.message
    this.inner = error
    this.data = { message: error.message, code, type: 'UnauthorizedError' }
  }
}

/** The old error for whatever an admission has thrown. */
export function toUnauthorized(error: unknown): UnauthorizedError {
  if (!AuthError.is(error)) return new UnauthorizedError('unknown', { message: 'internal error' })
  const { cause, code, reason } = error
  if (cause instanceof UnauthorizedError) return cause
  if (code === 'AUTH_EXPIRED') return new UnauthorizedError('invalid_token', { message: 'jwt expired' })
  if (code === 'AUTH_CREDENTIAL_INVALID') return new UnauthorizedError('invalid_token', { message: 'jwt malformed' })
  const mayBeSaid = code === 'AUTH_ORIGIN_REFUSED' || reason === 'connection_state_recovery'
  if (mayBeSaid && cause instanceof Error) return new UnauthorizedError('unknown', { message: cause.message })
  return new UnauthorizedError('unknown', { message: 'internal error' })
}
