// @ts-check
/** What clients present, and where; made before anything is measured. */

import { sign } from 'cookie-signature'
import { freshTokens, SECRET_TEXT } from './tokens.mjs'

/**
 * @typedef {object} Credential
 * @property {'auth' | 'bearer in auth' | 'header' | 'cookie' | 'opaque'} in where it rides: the CONNECT packet's `token`, the same with
 *   "Bearer " before it, `Authorization`, the session cookie, or an opaque token in the CONNECT packet
 * @property {import('./tokens.mjs').Algorithm} [alg] default HS256
 * @property {boolean} [seen] one token again and again
 * @property {boolean} [forged] the last character of the signature is another
 * @property {string} [sessionId] what the cookie names; `#` stands for the number of the client
 */

/** @typedef {{ headers: Record<string, string>, auth: Record<string, string> }} Presented */

export const ORIGIN = 'https://app.example'
export const COOKIE_SECRET = SECRET_TEXT

/** One for each client. @param {Credential} credential @param {number} count @returns {Presented[]} */
export function credentials(credential, count) {
  if (credential.in === 'cookie') {
    return Array.from({ length: count }, (_, index) => ({
      headers: { origin: ORIGIN, cookie: sessionCookie((credential.sessionId ?? '').replace('#', String(index))) },
      auth: {},
    }))
  }
  return tokensOf(credential, count).map((token) => presented(credential.in, token))
}

/** @param {Credential} credential @param {number} count @returns {string[]} */
function tokensOf({ in: where, alg, seen, forged }, count) {
  if (where === 'opaque') return Array.from({ length: count }, (_, index) => opaqueToken(index))
  const tokens = seen ? Array.from({ length: count }, sameOf(alg)) : freshTokens(count, alg)
  return forged ? tokens.map(forge) : tokens
}

/** @type {Map<string, string>} */
const same = new Map()

/** @param {import('./tokens.mjs').Algorithm} [alg] */
function sameOf(alg = 'HS256') {
  if (!same.has(alg)) same.set(alg, freshTokens(1, alg)[0] ?? '')
  return () => same.get(alg) ?? ''
}

/** @param {Credential['in']} where @param {string} token @returns {Presented} */
function presented(where, token) {
  const headers = { origin: ORIGIN }
  if (where === 'header') return { headers: { ...headers, authorization: `Bearer ${token}` }, auth: {} }
  return { headers, auth: { token: where === 'bearer in auth' ? `Bearer ${token}` : token } }
}

/** Well formed, and signed by nobody. @param {string} token */
function forge(token) {
  const at = token.lastIndexOf('.') + 1
  return `${token.slice(0, at)}${token[at] === 'A' ? 'B' : 'A'}${token.slice(at + 1)}`
}

/** As express-session sets it. @param {string} sessionId */
export function sessionCookie(sessionId) {
  return `connect.sid=${encodeURIComponent(`s:${sign(sessionId, COOKIE_SECRET)}`)}`
}

/** @param {number} index */
export function opaqueToken(index) {
  return `bench-access-token-${String(index).padStart(8, '0')}`
}
