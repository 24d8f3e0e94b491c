/** Where the token is: in the header `x-auth-token`, else in the query, else in `auth`. */

import { AuthError, type Connect, type CredentialSource, type Handshake } from 'portcullis'
import { withData } from './socketio-jwt-auth-error.ts'

/** In the order in which they count. */
export const SOURCES: readonly CredentialSource[] = [
  source('header', 'x-auth-token', ({ headers }) => headers['x-auth-token']),
  source('query', 'auth_token', ({ query }) => own(query)),
  source('auth', 'auth_token', (_handshake, connect) => (connect === null ? null : own(connect.auth))),
]

/** Null where there is none. @throws AuthError for something that is no text */
export function presented(handshake: Handshake, connect: Connect | null, sources = SOURCES): string | null {
  for (const each of sources) {
    const token = each.read(handshake, connect)
    if (token !== null) return token
  }
  return null
}

function source(
  where: CredentialSource['in'],
  name: string,
  find: (handshake: Handshake, connect: Connect | null) => unknown,
): CredentialSource {
  return { in: where, name, ambient: false, read: (handshake, connect) => textOf(find(handshake, connect)) }
}

function own(record: Readonly<Record<string, unknown>>): unknown {
  return Object.hasOwn(record, 'auth_token') ? record.auth_token : null
}

function textOf(token: unknown): string | null {
  if (token === undefined || token === null || token === '') return null
  if (typeof token === 'string') return token
  const cause = withData('Not enough or too many segments')
  throw new AuthError('AUTH_CREDENTIAL_INVALID', { reason: 'not_a_string', cause })
}
