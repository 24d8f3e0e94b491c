/** Who a page of laravel-echo belongs to, as the application itself says. */

import { AuthError, type Connect, type CredentialSource, type Handshake, type Strategy } from 'portcullis'
import { createEndpoint } from './laravel-echo-endpoint.ts'
import { field } from './laravel-echo-names.ts'
import { type EndpointOptions, endpointOf } from './laravel-echo-options.ts'
import { type LegacyIdentity, legacyAuthentication } from './legacy-identity.ts'

/**
 * Where `strategy` asks who the bearer of a token is, and how often.
 *
 * @deprecated docs/migrate/laravel-echo.md
 */
export interface LaravelUserOptions extends EndpointOptions {
  /** Path at `authHost` that answers `{ id, ... }`. Default `/broadcasting/user-auth`, as `Broadcast::userRoutes()` has it. */
  readonly authEndpoint?: string
  /** How often the application is asked again. Milliseconds; default 300000. */
  readonly revalidateEveryMs?: number
}

type Headers = Readonly<Record<string, string>>

/** Laravel does not say when its tokens end, and asks for nothing older. */
const MAX_LIFETIME_SECONDS = 86_400

/**
 * A strategy for `createAuth`: asks the application with the bearer token that laravel-echo puts into its CONNECT packet, `auth: {
 * headers: { Authorization } }`. `{ id }` of the answer is the subject, the rest of it the claims.
 *
 * Does not read cookies: `laravelSession` and `phpSession` do that without a request.
 *
 * @deprecated `webhook`, `accessToken` and `laravelSession` ask for less: docs/migrate/laravel-echo.md
 * @throws TypeError at once, quoting the option
 *
 * @example createAuth({ origins: [], strategies: [strategy({ authHost: 'https://app.example' })] })
 *
 * @see docs/migrate/laravel-echo.md ; subpath `portcullis/compat/laravel-echo`
 */
export function strategy(options: LaravelUserOptions = {}): Strategy<LegacyIdentity> {
  const configuration = endpointOf(options, '/broadcasting/user-auth')
  const { revalidateEveryMs = 300_000 } = options
  const endpoint = createEndpoint(configuration)

  function headersOf(connect: Connect | null): Headers | null {
    const presented = field(connect?.auth, 'headers')
    if (presented === undefined) return null
    const headers = configuration.readHeaders(presented)
    if (headers === null) throw new AuthError('AUTH_CREDENTIAL_INVALID', { reason: 'malformed' })
    return headers.authorization === undefined ? null : headers
  }

  async function authenticated(headers: Headers) {
    const answer = await endpoint.ask({ form: {}, headers })
    if (answer.is === 'away') throw new AuthError('AUTH_UNAVAILABLE', { reason: answer.reason })
    if (answer.is === 'refused') throw new AuthError('AUTH_CREDENTIAL_INVALID', { reason: 'refused' })
    const id = field(answer.body, 'id')
    if (typeof id !== 'number' && (typeof id !== 'string' || id === '')) {
      throw new AuthError('AUTH_CREDENTIAL_INVALID', { reason: 'subject_missing' })
    }
    const { authorization = '' } = headers
    const claims = answer.body
    const subject = String(id)
    const issuer = 'laravel-echo-server'
    return legacyAuthentication({
      issuer,
      subject,
      claims,
      expiresAt: null,
      credential: authorization,
      handle: headers,
    })
  }

  const inConnect: CredentialSource = {
    in: 'auth',
    name: 'headers',
    ambient: false,
    read: (_handshake: Handshake, connect) => headersOf(connect)?.authorization ?? null,
  }
  return {
    scheme: 'legacy',
    from: [inConnect],
    maxLifetimeSeconds: MAX_LIFETIME_SECONDS,
    revalidateEveryMs,
    async authenticate(_handshake, connect) {
      const headers = headersOf(connect)
      return headers === null ? null : await authenticated(headers)
    },
    revalidate: (handles) =>
      Promise.all(
        handles.map((handle) =>
          authenticated(handle as Headers).catch((error: unknown) =>
            AuthError.is(error) ? error : new AuthError('AUTH_ERROR', { cause: error }),
          ),
        ),
      ),
  }
}
