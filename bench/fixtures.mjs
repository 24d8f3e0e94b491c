/** Credentials of the benchmark, made anew for every run and handed to the servers through the environment. */

import { randomBytes } from 'node:crypto'
import { sign } from 'cookie-signature'
import { SignJWT } from 'jose'

process.env.BENCH_SECRET ??= randomBytes(32).toString('base64url')

export const ISSUER = 'https://issuer.example'
export const AUDIENCE = 'bench'
export const ORIGIN = 'https://app.example'
export const TOKEN_SECRET = Buffer.from(process.env.BENCH_SECRET, 'base64url')
export const COOKIE_SECRET = process.env.BENCH_SECRET
export const SESSION_ID = 'bench-session-0123456789abcdef'
export const SESSION_USER = { id: 'user-42', org: 'acme' }
export const COOKIE = `connect.sid=${encodeURIComponent(`s:${sign(SESSION_ID, COOKIE_SECRET)}`)}`

/** Tokens that no server has seen: a verified token must not be cheaper only because it came before. */
export function freshTokens(count) {
  return Promise.all(
    Array.from({ length: count }, (_, i) =>
      new SignJWT({ org: 'acme', scope: 'chat:read chat:write' })
        .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
        .setIssuer(ISSUER)
        .setAudience(AUDIENCE)
        .setSubject(`user-${i}`)
        .setJti(randomBytes(12).toString('base64url'))
        .setIssuedAt()
        .setExpirationTime('10m')
        .sign(TOKEN_SECRET),
    ),
  )
}
