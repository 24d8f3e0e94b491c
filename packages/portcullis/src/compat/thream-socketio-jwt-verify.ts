/** From a token to an identity: the secret, the signature, the claims, and `onAuthentication`. */

import { AuthError, type Authentication } from 'portcullis'
import { type LegacyIdentity, legacyAuthentication } from './legacy-identity.ts'
import { peekLegacyJwt, type VerifiedJwt, verifyLegacyJwt } from './legacy-jwt.ts'
import { returnOf } from './legacy-jwt-answer.ts'
import { legacyJwtCode } from './legacy-jwt-error.ts'
import { legacyKey } from './legacy-jwt-key.ts'
import { legacyJwtPrincipal } from './legacy-jwt-principal.ts'
import { INVALID_TOKEN, UnauthorizedError } from './thream-socketio-jwt-error.ts'
import { type CompleteDecodedToken, LIBRARY, type Settings } from './thream-socketio-jwt-options.ts'

export interface VerifiedBearer {
  readonly authentication: Authentication<LegacyIdentity>
  readonly decoded: unknown
  /** What `onAuthentication` returned. */
  readonly user: unknown
}

/** @throws AuthError, with what the client is told as its cause */
export async function verifyBearer(settings: Settings, token: string): Promise<VerifiedBearer> {
  const jwt = await verify(settings, token)
  // Made first: it copies the claims before the application sees them.
  const authentication = legacyAuthentication(legacyJwtPrincipal(LIBRARY, token, jwt))
  const { payload: decoded } = jwt
  return { authentication, decoded, user: await askApplication(settings, decoded) }
}

/** One message whatever was wrong, a rejected secret included: the true error stays on the server. */
async function verify(settings: Settings, token: string): Promise<VerifiedJwt> {
  const { secret } = settings
  try {
    const parts = peekLegacyJwt(token)
    const found =
      typeof secret === 'function' ? await returnOf(() => secret(parts as unknown as CompleteDecodedToken)) : secret
    const checks = legacyKey(found)?.key.type === 'public' ? settings.public : settings.shared
    return await verifyLegacyJwt(token, found, checks)
  } catch (error) {
    const refusal = new UnauthorizedError('invalid_token', { message: INVALID_TOKEN })
    Object.defineProperty(refusal, 'cause', { value: error })
    const code = AuthError.is(error) ? error.code : legacyJwtCode(error)
    throw new AuthError(code, { reason: code === 'AUTH_ERROR' ? 'secret' : 'token', cause: refusal })
  }
}

async function askApplication({ onAuthentication }: Settings, decoded: unknown): Promise<unknown> {
  if (onAuthentication === null) return undefined
  try {
    return await returnOf(() => onAuthentication(decoded))
  } catch (thrown) {
    if (AuthError.is(thrown)) throw thrown
    if (isForClient(thrown)) {
      throw new AuthError('AUTH_CREDENTIAL_INVALID', { reason: 'on_authentication', cause: thrown })
    }
    const cause = new UnauthorizedError('unknown', { message: 'internal error' })
    Object.defineProperty(cause, 'cause', { value: thrown })
    throw new AuthError('AUTH_ERROR', { reason: 'on_authentication', cause })
  }
}

/**
 * An error that the application has made to say why: it goes to the client as it is. Those of drivers and of the system are
 * classes of their own, or carry codes; what they say is nobody's business.
 */
function isForClient(thrown: unknown): thrown is Error {
  if (thrown instanceof UnauthorizedError) return true
  if (!(thrown instanceof Error)) return false
  const names = Object.getOwnPropertyNames(thrown)
  if (names.includes('data')) return isWritable((thrown as { readonly data?: unknown }).data)
  return Object.getPrototypeOf(thrown) === Error.prototype && names.every((name) => PLAIN.has(name))
}

/** What has a circle would end the process as Socket.IO writes it. */
function isWritable(data: unknown): boolean {
  try {
    JSON.stringify(data)
    return true
  } catch {
    return false
  }
}

const PLAIN = new Set(['message', 'stack', 'cause'])
