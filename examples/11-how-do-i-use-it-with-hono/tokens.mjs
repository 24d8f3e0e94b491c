// @ts-check
/** Stands for your login: short-lived JSON Web Tokens, each with an id by which it can be revoked. */

import { randomUUID } from 'node:crypto'
import { jwtVerify, SignJWT } from 'jose'

/** @param {{ issuer: string; audience: string; secret: Uint8Array }} settings */
export function tokensOf({ issuer, audience, secret }) {
  return {
    /** @param {{ id: string; name: string }} user */
    issue: (user) =>
      new SignJWT({ name: user.name, role: user.name === 'alice' ? 'moderator' : 'member' })
        .setProtectedHeader({ alg: 'HS256' })
        .setIssuer(issuer)
        .setAudience(audience)
        .setSubject(user.id)
        .setJti(randomUUID())
        .setIssuedAt()
        .setExpirationTime('15 minutes')
        .sign(secret),
    /**
     * The id of the token in an `Authorization` header, or null when it is none of ours.
     *
     * @param {string | null | undefined} authorization
     */
    async idOf(authorization) {
      const [scheme, token = ''] = (authorization ?? '').split(' ')
      if (scheme?.toLowerCase() !== 'bearer') return null
      const options = { issuer, audience, algorithms: ['HS256'] }
      const verified = await jwtVerify(token, secret, options).catch(() => null)
      return verified?.payload.jti ?? null
    },
  }
}
