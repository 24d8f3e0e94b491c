/** From a token to a user: the signature, the claims, and the application's `verify`. */

import { AuthError, type Authentication } from 'portcullis'
import { type LegacyIdentity, legacyAuthentication } from './legacy-identity.ts'
import { verifyLegacyJwt } from './legacy-jwt.ts'
import { answerOf } from './legacy-jwt-answer.ts'
import { LegacyJwtError, legacyJwtCode } from './legacy-jwt-error.ts'
import { legacyJwtPrincipal } from './legacy-jwt-principal.ts'
import { asError, inOldWords, refusal, withheld } from './socketio-jwt-auth-error.ts'
import { LIBRARY, type Settings } from './socketio-jwt-auth-options.ts'

/** @throws AuthError, with what the client is told as its cause */
export async function verifyAuthToken(
  settings: Settings,
  token: string,
): Promise<{ readonly authentication: Authentication<LegacyIdentity>; readonly user: unknown }> {
  const jwt = await verifyLegacyJwt(token, settings.secret, settings.checks).catch((error: unknown) => {
    if (!(error instanceof LegacyJwtError)) throw refusal('AUTH_ERROR', withheld(error), 'failed')
    throw refusal(legacyJwtCode(error), inOldWords(error), 'token')
  })
  // Made first: it copies the claims before the application sees them.
  const authentication = legacyAuthentication(legacyJwtPrincipal(LIBRARY, token, jwt))
  const { user, message, refused } = await askForUser(settings, jwt.payload)
  if (refused) throw refusal('AUTH_CREDENTIAL_INVALID', asError(message), 'verify')
  return { authentication, user }
}

/**
 * Asks `verify`, once. A string that it gives as its error is for the client; an `Error` may hold what a database says.
 *
 * @throws AuthError
 */
export async function askForUser(
  { verify }: Settings,
  payload: unknown,
): Promise<{ readonly user: unknown; readonly message: unknown; readonly refused: boolean }> {
  let answer: readonly unknown[]
  try {
    answer = await answerOf((done) => verify(payload, done))
  } catch (thrown) {
    throw refusal(AuthError.is(thrown) ? thrown.code : 'AUTH_ERROR', withheld(thrown), 'verify')
  }
  const [error, user, message] = answer
  if (error) {
    if (typeof error === 'string') throw refusal('AUTH_CREDENTIAL_INVALID', asError(error), 'verify')
    throw refusal('AUTH_ERROR', withheld(error), 'verify')
  }
  return { user, message, refused: !user }
}
