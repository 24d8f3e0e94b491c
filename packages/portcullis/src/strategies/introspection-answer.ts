/** What an introspection endpoint says of a token (RFC 7662 section 2.2), and what it must say. */

import { AuthError } from '../errors.ts'
import { isDate, isName, namesAudience } from './registered-claims.ts'
import { type JsonObject, own } from './strict-json.ts'

/** What the answer must say, and how far clocks may be apart. */
export interface ExpectedToken {
  readonly issuer: string
  readonly audience: string
  readonly scopes: readonly string[]
  readonly allowClients: boolean
  readonly requireIssuer: boolean
  readonly leewaySeconds: number
}

/** What becomes identity and lease. Times are epoch seconds. */
export interface CheckedToken {
  readonly subject: string
  readonly clientId: string | undefined
  readonly scope: string
  readonly tokenId: string | undefined
  readonly issuedAt: number | undefined
  readonly expiresAt: number | undefined
}

/** As many as a rule looks at. */
const MAX_SCOPES = 256

/**
 * What servers call an access token in members of their own: `token_use` (Ory Hydra), `typ` (Keycloak). Both also answer
 * `active` for refresh tokens, and Keycloak for ID tokens, whatever `token_type_hint` said.
 */
const ACCESS_TOKEN_USES = new Set(['access', 'access_token', 'bearer', 'at+jwt', 'jwt'])

/**
 * Checks what an answer with `active: true` says. A member that is null counts as absent.
 *
 * @throws AuthError AUTH_EXPIRED when expiry is all that is wrong; AUTH_INSUFFICIENT_SCOPE when scopes are; else
 * AUTH_CREDENTIAL_INVALID
 * @see RFC 7662 section 2.2, RFC 9068 section 5
 */
export function checkAnswer(answer: JsonObject, expected: ExpectedToken, nowSeconds: number): CheckedToken {
  const said = (name: string): unknown => own(answer, name) ?? undefined
  requireBearerAccessToken(said)
  const issuer = said('iss')
  if (issuer === undefined ? expected.requireIssuer : issuer !== expected.issuer) refuse('issuer')
  if (!namesAudience(said('aud'), expected.audience)) refuse('audience')
  const clientId = said('client_id')
  if (clientId !== undefined && !isName(clientId)) refuse('client_id')
  const subject = subjectOf(said('sub'), clientId, said('azp'), expected)
  const tokenId = said('jti')
  if (tokenId !== undefined && !isName(tokenId)) refuse('token_id')
  const scope = said('scope') ?? ''
  if (typeof scope !== 'string') refuse('scope')

  const latest = nowSeconds + expected.leewaySeconds
  const issuedAt = said('iat')
  if (issuedAt !== undefined && !(isDate(issuedAt) && issuedAt <= latest)) refuse('issued_at')
  const notBefore = said('nbf')
  if (notBefore !== undefined && !(isDate(notBefore) && notBefore <= latest)) refuse('not_before')
  const expiresAt = said('exp')
  if (expiresAt !== undefined && !isDate(expiresAt)) refuse('expiry')
  if (expiresAt !== undefined && expiresAt <= nowSeconds) throw new AuthError('AUTH_EXPIRED', { reason: 'expiry' })
  // RFC 6749 section 3.3: compared as whole words, and only a space separates them.
  const words = scope.split(' ', MAX_SCOPES)
  if (!expected.scopes.every((wanted) => words.includes(wanted))) {
    throw new AuthError('AUTH_INSUFFICIENT_SCOPE', { reason: 'scope' })
  }
  return { subject, clientId, scope, tokenId, issuedAt, expiresAt }
}

/** @throws AuthError AUTH_CREDENTIAL_INVALID, always, with the check that failed */
export function refuse(reason: string): never {
  throw new AuthError('AUTH_CREDENTIAL_INVALID', { reason })
}

/** The answer's own `exp`, however the rest of it fares; undefined where it is no date. */
export function expiryOf(answer: JsonObject): number | undefined {
  const expiresAt = own(answer, 'exp')
  return isDate(expiresAt) ? expiresAt : undefined
}

function requireBearerAccessToken(said: (name: string) => unknown): void {
  const type = said('token_type')
  if (type !== undefined && lower(type) !== 'bearer') refuse('token_type')
  for (const use of [said('token_use'), said('typ')]) {
    if (use !== undefined && !ACCESS_TOKEN_USES.has(lower(use))) refuse('token_use')
  }
  // RFC 7800 section 3.1: whoever has only the token is not its holder, and no proof is read here.
  if (said('cnf') !== undefined) refuse('sender_constrained')
}

/** `azp` is what `client_id` is called where an answer repeats the claims of a JWT. */
function subjectOf(
  subject: unknown,
  clientId: string | undefined,
  authorizedParty: unknown,
  { allowClients }: ExpectedToken,
): string {
  if (subject === undefined || subject === '') {
    if (!allowClients || clientId === undefined) refuse('no_user')
    return clientId
  }
  if (!isName(subject)) refuse('subject')
  if (!allowClients && (subject === clientId || subject === authorizedParty)) refuse('no_user')
  return subject
}

/** What is no string is nothing that is listed. */
function lower(value: unknown): string {
  return typeof value === 'string' ? value.toLowerCase() : ''
}
