/** Authentication of a request to the control API: one API key or one token, in a header and nowhere else. */

import type { IncomingMessage } from 'node:http'
import { AuthError, type Handshake } from 'portcullis'
import { fromAuthorization } from 'portcullis/strategies/from'
import { type JwtOptions, jwt } from 'portcullis/strategies/jwt'
import { z } from 'zod'
import { type FindKey, isNamespace, MAX_KEY_LENGTH } from './api-keys.ts'
import { type Caller, PERMISSIONS } from './caller.ts'

/**
 * Tokens that are accepted: options as of the `jwt` strategy. The claim `scope` holds permissions, such as
 * `control:publish control:sessions`; the claim `namespaces`, where there is one, is a list of the only namespaces that
 * the token reaches. Not checked: whether a token was revoked, so keep their lifetime short.
 */
export type ControlJwt = Pick<
  JwtOptions,
  'issuer' | 'audience' | 'keys' | 'algorithms' | 'typ' | 'profile' | 'leewaySeconds' | 'maxLifetimeSeconds'
>

/** @throws AuthError AUTH_CREDENTIAL_MISSING, AUTH_CREDENTIAL_INVALID, AUTH_EXPIRED, AUTH_UNAVAILABLE (the JWKS) */
export type Authenticate = (request: IncomingMessage) => Promise<Caller>

const SCOPE_PREFIX = 'control:'
const claims = z.object({ scope: z.string(), namespaces: z.array(z.string().startsWith('/')).min(1).optional() })
/** Three parts; an API key may look like that too, and is asked about first. */
const JWT_SHAPE = /^[\w-]+\.[\w-]+\.[\w-]*$/

/** @throws TypeError quoting the option of `jwt` that is wrong */
export function createAuthenticate(findKey: FindKey, options: ControlJwt | null): Authenticate {
  const strategy = options === null ? null : jwt({ ...options, claims, from: [fromAuthorization()] })

  async function authenticateToken(request: IncomingMessage): Promise<Caller> {
    const found = await strategy?.authenticate(handshakeOf(request), null)
    if (!found) throw new AuthError('AUTH_CREDENTIAL_INVALID')
    const { issuer, subject, claims } = found.identity
    const scopes = new Set(claims.scope.split(' '))
    return {
      kind: 'jwt',
      name: JSON.stringify([issuer, subject]),
      permissions: new Set(PERMISSIONS.filter((permission) => scopes.has(SCOPE_PREFIX + permission))),
      namespaces: claims.namespaces === undefined ? null : new Set(claims.namespaces.filter(isNamespace)),
    }
  }

  return async function authenticate(request) {
    const presented = credentialOf(request)
    if (presented.length <= MAX_KEY_LENGTH) {
      const caller = findKey(presented)
      if (caller !== null) return caller
    }
    if (strategy === null || request.headers['x-api-key'] !== undefined || !JWT_SHAPE.test(presented)) {
      throw new AuthError('AUTH_CREDENTIAL_INVALID', { reason: 'unknown_key' })
    }
    return authenticateToken(request)
  }
}

/** Two are refused, even if equal: whoever stands between may have looked at the other one. */
function credentialOf({ headersDistinct }: IncomingMessage): string {
  const { authorization = [], 'x-api-key': apiKey = [] } = headersDistinct
  const [only, ...others] = [...authorization.map(bearerOf), ...apiKey]
  if (only === undefined) throw new AuthError('AUTH_CREDENTIAL_MISSING')
  if (only === null || only === '' || others.length > 0) throw new AuthError('AUTH_CREDENTIAL_INVALID')
  return only
}

function bearerOf(authorization: string): string | null {
  return /^Bearer +([\x21-\x7e]+)$/i.exec(authorization)?.[1] ?? null
}

/** The request as strategies see one. */
function handshakeOf(request: IncomingMessage): Handshake {
  const { remoteAddress = '', remotePort = 0 } = request.socket
  const now = new Date()
  return {
    headers: { authorization: request.headers.authorization },
    time: now.toString(),
    address: { address: remoteAddress, port: remotePort },
    xdomain: false,
    secure: 'encrypted' in request.socket,
    issued: now.getTime(),
    url: '/',
    query: {},
    peer: remoteAddress,
  }
}
