/** Tokens: JWTs signed with HMAC-SHA-256, for clients that send no cookie. */

import { randomUUID } from 'node:crypto'
import { errors, jwtVerify, SignJWT } from 'jose'
import { AuthError } from 'portcullis'
import type { Account } from './accounts.ts'
import { AUDIENCE, claimsOf, ISSUER } from './claims.ts'

export interface Token {
  readonly token: string
  /** Epoch seconds. */
  readonly expiresAt: number
}

export interface Tokens {
  issue(account: Account): Promise<Token>
  /**
   * For HTTP; sockets have the `jwt` strategy. Does not check revocations.
   *
   * @throws AuthError AUTH_EXPIRED, AUTH_CREDENTIAL_INVALID
   */
  verify(token: string): Promise<{ readonly subject: string; readonly issuedAt: number }>
}

export function createTokens(secret: Uint8Array, lifetimeSeconds: number): Tokens {
  return {
    async issue(account) {
      // A fraction is allowed (RFC 7519 section 2), and tells a token issued right after a revocation from one before it.
      const issuedAt = Date.now() / 1000
      const expiresAt = Math.floor(issuedAt) + lifetimeSeconds
      const token = await new SignJWT({ ...claimsOf(account) })
        .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
        .setIssuer(ISSUER)
        .setAudience(AUDIENCE)
        .setSubject(account.id)
        .setIssuedAt(issuedAt)
        .setExpirationTime(expiresAt)
        .setJti(randomUUID())
        .sign(secret)
      return { token, expiresAt }
    },
    async verify(token) {
      const expected = {
        algorithms: ['HS256'],
        issuer: ISSUER,
        audience: AUDIENCE,
        requiredClaims: ['sub', 'iat', 'exp', 'jti'],
      }
      try {
        const { payload } = await jwtVerify(token, secret, expected)
        return { subject: String(payload.sub), issuedAt: Number(payload.iat) }
      } catch (error) {
        const expired = error instanceof errors.JWTExpired
        throw new AuthError(expired ? 'AUTH_EXPIRED' : 'AUTH_CREDENTIAL_INVALID', { reason: 'token', cause: error })
      }
    },
  }
}
