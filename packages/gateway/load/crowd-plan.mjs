// @ts-check
/** Who takes part: clients with good credentials, and stubborn ones whose credentials are forged, expired or revoked. */

import { createHmac } from 'node:crypto'

export const NAMESPACE = '/news'
export const ISSUER = 'https://load.example'
export const ORIGIN = 'http://load.example'
export const COOKIE = 'SITE'
/** @type {readonly Kind[]} */
const REFUSED = ['forged', 'expired', 'revoked']

/**
 * @typedef {'good' | 'forged' | 'expired' | 'revoked'} Kind
 * @typedef {object} Member one client
 * @property {number} number
 * @property {Kind} kind
 * @property {string} subject
 * @property {string} org
 * @property {string} credential
 * @property {'cookie' | 'token'} by how it is presented: in the request, or in the CONNECT packet
 * @property {string} address its own end of the connection, in 127.0.0.0/8
 */

/**
 * Of ten clients nine are good, two of those being tabs of one browser, with one credential; the tenth is refused. Half of the
 * browsers have a cookie, half a token.
 *
 * @param {number} clients
 * @param {string} secret of the backend
 * @returns {readonly Member[]}
 */
export function planCrowd(clients, secret) {
  const orgs = Math.max(2, Math.ceil(clients / 50))
  const now = Math.floor(Date.now() / 1000)
  return Array.from({ length: clients }, (_, number) => {
    const kind = number % 10 === 9 ? (REFUSED[Math.floor(number / 10) % REFUSED.length] ?? 'forged') : 'good'
    const browser = number % 10 === 8 ? number - 1 : number
    const subject = `user-${browser}`
    const org = `org-${browser % orgs}`
    const expiresAt = kind === 'expired' ? now - 60 : now + 3_600
    const text = [subject, org, now - 120, expiresAt].join('.')
    const credential = `${text}.${signature(text, kind === 'forged' ? `not ${secret}` : secret)}`
    const by = Math.floor(browser / 10 + browser) % 2 === 0 ? 'cookie' : 'token'
    return { number, kind, subject, org, credential, by, address: addressOf(browser) }
  })
}

/**
 * @param {string} credential
 * @param {string} secret
 * @returns {{ subject: string, org: string, issuedAt: number, expiresAt: number } | null} null for one that is not genuine
 */
export function readCredential(credential, secret) {
  const [subject = '', org = '', issuedAt, expiresAt, signed] = credential.split('.')
  if (signature([subject, org, issuedAt, expiresAt].join('.'), secret) !== signed) return null
  return { subject, org, issuedAt: Number(issuedAt), expiresAt: Number(expiresAt) }
}

/** @param {string} text @param {string} secret */
function signature(text, secret) {
  return createHmac('sha256', secret).update(text).digest('base64url')
}

/** Each browser has its own, so that neither limits by address nor the number of ports is what is measured. @param {number} browser */
function addressOf(browser) {
  return `127.${1 + (browser >> 16)}.${(browser >> 8) & 255}.${browser & 255}`
}
