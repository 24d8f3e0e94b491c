/** What a client of socketio-jwt-auth is told. */

import { AuthError, type AuthErrorCode } from 'portcullis'
import type { LegacyJwtError } from './legacy-jwt-error.ts'

/** Said where the application did not say why, or in words that are not for the client. */
const NO_REASON = 'Authentication failed'

export function refusal(code: AuthErrorCode, cause: Error, reason?: string): AuthError {
  return new AuthError(code, { cause, ...(reason === undefined ? {} : { reason }) })
}

/** As jwt-simple had it: Socket.IO sends name and message as `data`. */
export function withData(message: string, name = 'Error'): Error {
  return Object.assign(new Error(message), { data: { name, message } })
}

/** A string becomes an error without `data`; an error, or an object with a message, one with. Of anything else nothing is said. */
export function asError(said: unknown): Error {
  if (typeof said === 'string' && said !== '') return new Error(said)
  const { message, name } = Object(said) as { message?: unknown; name?: unknown }
  if (typeof message !== 'string' || message === '') return withData(NO_REASON)
  return withData(message, typeof name === 'string' ? name : undefined)
}

/** What went wrong, which is not said, with what is said in its place. */
export function withheld(thrown: unknown): Error {
  const error = withData(NO_REASON)
  Object.defineProperty(error, 'cause', { value: thrown })
  return error
}

/** The messages of jwt-simple. */
const MESSAGES: Readonly<Record<string, string>> = {
  'jwt must be provided': 'No token supplied',
  'jwt must be a string': 'Not enough or too many segments',
  'jwt malformed': 'Not enough or too many segments',
  'invalid algorithm': 'Algorithm not supported',
  'jwt not active': 'Token not yet active',
  'invalid nbf value': 'Token not yet active',
  'jwt expired': 'Token expired',
  'invalid exp value': 'Token expired',
}

export function inOldWords(error: LegacyJwtError): Error {
  return withData(MESSAGES[error.message] ?? 'Signature verification failed')
}

/** What `next` is given for whatever an admission has thrown. */
export function toClientError(error: unknown): Error {
  if (!AuthError.is(error)) return withData(NO_REASON)
  const { cause, code, reason } = error
  if (code === 'AUTH_EXPIRED' && cause === undefined) return withData('Token expired')
  // What refuses a token made its cause to be said; other causes are those of the server.
  return cause instanceof Error && (code !== 'AUTH_ERROR' || reason !== undefined) ? cause : withData(NO_REASON)
}
