/** Where the token of a handshake is. */

import { AuthError, type Connect, type CredentialSource, type Handshake } from 'portcullis'
import { fromCookie } from 'portcullis/strategies/from'
import { UnauthorizedError } from './socketio-jwt-error.ts'
import type { Settings } from './socketio-jwt-options.ts'

/**
 * `Authorization: Bearer <token>`.
 *
 * @throws AuthError for a header that is not two words; another scheme is none of ours
 */
function bearerOf(headers: Handshake['headers']): string | null {
  const { authorization } = headers
  if (typeof authorization !== 'string' || authorization === '') return null
  const [scheme = '', token, ...rest] = authorization.split(' ')
  if (token === undefined || rest.length > 0) {
    throw unauthorized('credentials_bad_format', 'Format is Authorization: Bearer [token]')
  }
  return scheme.toLowerCase() === 'bearer' && token !== '' ? token : null
}

/** As every query parser writes it: a repeated name may have become an array, which is no token. */
function queryToken(query: unknown): unknown {
  if (typeof query !== 'object' || query === null || !Object.hasOwn(query, 'token')) return null
  return (query as { readonly token?: unknown }).token || null
}

/**
 * Null where there is none. The query counts before the header, as it always did; with `auth_header_required`, not at all.
 *
 * @throws AuthError
 */
export function handshakeToken(settings: Settings, headers: Handshake['headers'], ...queries: unknown[]): unknown {
  const bearer = bearerOf(headers)
  if (settings.headerOnly) {
    if (bearer === null) throw unauthorized('missing_authorization_header', 'Server requires Authorization Header')
    return bearer
  }
  for (const query of queries) {
    const token = queryToken(query)
    if (token !== null) return token
  }
  return bearer
}

export function unauthorized(code: string, message: string): AuthError {
  return new AuthError('AUTH_CREDENTIAL_INVALID', { reason: code, cause: new UnauthorizedError(code, { message }) })
}

/** For `createAuth`, which asks of each strategy where it may look. Of a namespace's `auth`, `token` counts as well. */
export function sourcesOf({ headerOnly, cookie }: Settings): readonly CredentialSource[] {
  const header = source('header', 'authorization', (handshake) => bearerOf(handshake.headers))
  if (headerOnly) return [header]
  return [
    source('query', 'token', ({ query }) => textOf(queryToken(query))),
    header,
    ...(cookie === null ? [] : [fromCookie(cookie)]),
    source('auth', 'token', (_handshake, connect) => textOf(queryToken(connect?.auth))),
  ]
}

function source(
  where: CredentialSource['in'],
  name: string,
  read: (handshake: Handshake, connect: Connect | null) => string | null,
): CredentialSource {
  return { in: where, name, ambient: false, read }
}

/** @throws AuthError for anything else than a string, such as a repeated parameter */
function textOf(value: unknown): string | null {
  if (value === null || typeof value === 'string') return value
  throw unauthorized('invalid_token', 'jwt must be a string')
}
