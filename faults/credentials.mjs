// @ts-check
/** Credentials of the faults, made anew for every run, and handed to the servers through the environment. */

import { randomBytes } from 'node:crypto'
import { sign } from 'cookie-signature'
import { SignJWT } from 'jose'

process.env.FAULTS_SECRET ??= randomBytes(32).toString('base64url')
const secret = process.env.FAULTS_SECRET

export const ISSUER = 'https://issuer.example'
export const AUDIENCE = 'faults'
export const ORIGIN = 'https://app.example'
export const TOKEN_SECRET = Buffer.from(secret, 'base64url')
export const COOKIE_SECRET = `cookies of ${secret}`
export const HOOK_SECRET = `whsec_${TOKEN_SECRET.toString('base64')}`
export const REVOCATION_SECRET = `revocations of ${secret}`
/** A session that every guarded server keeps. */
export const SESSION_ID = `session-${secret.slice(0, 24)}`
export const SESSION_USER = 'session-user'

/** @param {string} id @param {string} [by] */
export const cookieOf = (id, by = COOKIE_SECRET) => `connect.sid=${encodeURIComponent(`s:${sign(id, by)}`)}`

/**
 * A good token, unless it is signed by somebody else or has ended.
 *
 * @param {string} subject
 * @param {{ by?: Uint8Array, expiresInSeconds?: number, tokenId?: string }} [changes]
 */
export function tokenOf(subject, { by = TOKEN_SECRET, expiresInSeconds = 3_600, tokenId = subject } = {}) {
  const now = Math.floor(Date.now() / 1000)
  return new SignJWT({ org: 'acme', scope: 'chat:read chat:write' })
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .setIssuer(ISSUER)
    .setAudience(AUDIENCE)
    .setSubject(subject)
    .setJti(tokenId)
    .setIssuedAt(now - 60 + Math.min(0, expiresInSeconds))
    .setExpirationTime(now + expiresInSeconds)
    .sign(by)
}

/** @param {number} count @param {(i: number) => string} [subjectOf] */
export function tokensOf(count, subjectOf = (i) => `user-${i}`) {
  return Promise.all(Array.from({ length: count }, (_, i) => tokenOf(subjectOf(i), { tokenId: `token-${i}` })))
}
