/** From a token to an identity: the secret, the signature, the claims, and what the application adds. */

import { AuthError, type Authentication } from 'portcullis'
import { type LegacyIdentity, legacyAuthentication } from './legacy-identity.ts'
import { peekLegacyJwt, verifyLegacyJwt } from './legacy-jwt.ts'
import { answerOf, returnOf, saidIn } from './legacy-jwt-answer.ts'
import { LegacyJwtError, refusedToken } from './legacy-jwt-error.ts'
import { legacyJwtPrincipal } from './legacy-jwt-principal.ts'
import { UnauthorizedError } from './socketio-jwt-error.ts'
import { LIBRARY, type SecretFunction, type Settings } from './socketio-jwt-options.ts'

/** What a facade hands out. */
export interface Verified {
  readonly token: string
  readonly decoded: unknown
  readonly authentication: Authentication<LegacyIdentity>
}

/** @throws AuthError, with an `UnauthorizedError` as its cause */
export async function verifyToken(settings: Settings, request: unknown, token: unknown): Promise<Verified> {
  const { checks, customDecoded, additionalAuth } = settings
  const secret = await secretFor(settings, request, token)
  try {
    const jwt = await verifyLegacyJwt(token as string, secret, checks)
    // The principal is made first: it copies the claims before the application's functions see them.
    const authentication = legacyAuthentication(legacyJwtPrincipal(LIBRARY, token as string, jwt))
    const { header, payload, signature } = jwt
    const plain = checks.complete ? { header, payload, signature } : payload
    if (additionalAuth !== null) await askApplication(additionalAuth, plain)
    const decoded = customDecoded === null ? plain : await returnOf(() => customDecoded(plain))
    return { token: token as string, decoded, authentication }
  } catch (error) {
    if (AuthError.is(error)) throw error
    if (error instanceof LegacyJwtError) throw refusedToken(error, told('invalid_token', error), 'token')
    throw failed('unknown', 'internal error', error)
  }
}

/** The code of a refused secret is `invalid_secret` in the second roundtrip, whatever was wrong. */
async function secretFor(settings: Settings, request: unknown, token: unknown): Promise<unknown> {
  const { secret, handshake } = settings
  if (typeof secret !== 'function') return secret
  let parts: ReturnType<typeof peekLegacyJwt>
  try {
    parts = peekLegacyJwt(token, 'jwt malformed')
  } catch (error) {
    throw refusedToken(error, told(handshake ? 'invalid_token' : 'invalid_secret', error as Error), 'token')
  }
  const [error, found] = await askSecret(secret, request, parts.header, parts.payload)
  if (error) {
    const { message, code } = saidIn(error, 'invalid secret')
    throw failed((handshake ? code : undefined) ?? 'invalid_secret', message, error)
  }
  if (found) return found
  const missing = new LegacyJwtError('secret or public key must be provided')
  throw refusedToken(missing, told(handshake ? 'invalid_token' : 'invalid_secret', missing), 'no_secret')
}

async function askSecret(
  secret: SecretFunction,
  request: unknown,
  header: unknown,
  payload: unknown,
): Promise<readonly unknown[]> {
  try {
    return await answerOf((answer) =>
      secret.length === 4
        ? secret(request, header, payload, answer)
        : (secret as (...args: unknown[]) => unknown)(request, payload, answer),
    )
  } catch (error) {
    throw failed('invalid_secret', 'invalid secret', error)
  }
}

async function askApplication(ask: NonNullable<Settings['additionalAuth']>, decoded: unknown): Promise<void> {
  let answer: readonly unknown[]
  try {
    answer = await answerOf((done) =>
      ask(
        decoded,
        () => done('success'),
        (error, code) => done('error', error, code),
      ),
    )
  } catch (error) {
    throw failed('unknown', 'internal error', error)
  }
  const [kind, error, code] = answer
  if (kind === 'success') return
  const refusal = new UnauthorizedError(typeof code === 'string' && code !== '' ? code : 'unknown', {
    message: saidIn(error, 'unauthorized').message,
  })
  throw new AuthError('AUTH_CREDENTIAL_INVALID', { reason: 'additional_auth', cause: refusal })
}

/** Old `fail` callbacks look at `inner`, which keeps the error of jsonwebtoken. */
function told(code: string, error: Error): UnauthorizedError {
  return new UnauthorizedError(code, error)
}

/** What the client hears is `message`; the true error is the cause of the cause. */
function failed(code: string, message: string, error: unknown): AuthError {
  const refusal = new UnauthorizedError(code, { message })
  Object.defineProperty(refusal, 'cause', { value: error })
  const known = AuthError.is(error) ? error.code : error instanceof Error ? 'AUTH_ERROR' : null
  return new AuthError(known ?? 'AUTH_CREDENTIAL_INVALID', {
    reason: code === 'unknown' ? 'failed' : 'secret',
    cause: refusal,
  })
}
