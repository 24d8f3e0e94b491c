// @ts-check
/** The credentials of the fuzzed server, the same in every run, and the oracle: whom an input may be taken for. */

import { createHmac, createPrivateKey, createPublicKey, sign } from 'node:crypto'
import { sign as signCookie } from 'cookie-signature'

export const ORIGIN = 'https://app.example'
export const AUDIENCE = 'fuzz'
/** Two issuers, of which each may sign with its own key only. */
export const HMAC_ISSUER = 'https://hmac.example'
export const HMAC_KEY = Buffer.from('of the fuzzer alone, and of no use elsewhere')
export const EDDSA_ISSUER = 'https://eddsa.example'
// The private key of RFC 8037 appendix A.1: known to everybody.
const EDDSA_JWK = {
  kty: 'OKP',
  crv: 'Ed25519',
  d: 'nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A',
  x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo',
}
export const EDDSA_KEY = createPublicKey({ key: EDDSA_JWK, format: 'jwk' })
export const COOKIE_SECRET = 'of the fuzzer alone, and of no use elsewhere'
/** A PHP session stands for somebody when it holds this, which no mutation finds by itself. */
export const PHP_PROOF = 'proof-7f3a9c51e0d24b68'

const ISSUED_AT = 1_700_000_000
const FAR = 4_000_000_000

/** @param {object} header @param {object} claims @param {(input: string) => Buffer} signer */
function token(header, claims, signer) {
  const input = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')
  return `${input}.${signer(input).toString('base64url')}`
}

/** @param {string} input */
const hmac = (input) => createHmac('sha256', HMAC_KEY).update(input).digest()
/** @param {string} input */
const eddsa = (input) => sign(null, Buffer.from(input), createPrivateKey({ key: { ...EDDSA_JWK }, format: 'jwk' }))

/** @param {string} sub @param {object} more */
const hmacToken = (sub, more = {}) =>
  token({ alg: 'HS256', typ: 'JWT' }, { iss: HMAC_ISSUER, aud: AUDIENCE, sub, iat: ISSUED_AT, exp: FAR, ...more }, hmac)

/** @typedef {{ who: string, org: string, role: string }} Person */
/** @type {Record<string, Person>} */
export const PEOPLE = {
  alice: { who: 'jwt:alice', org: 'acme', role: 'member' },
  root: { who: 'jwt:root', org: 'acme', role: 'admin' },
  bob: { who: 'jwt:bob', org: 'globex', role: 'member' },
  sara: { who: 'session:sara', org: 'acme', role: 'member' },
}

/** Good tokens, by who presents them. */
export const TOKENS = {
  'jwt:alice': hmacToken('alice', { org: 'acme', role: 'member' }),
  'jwt:root': hmacToken('root', { org: 'acme', role: 'admin', jti: 'root-1' }),
  'jwt:bob': token(
    { alg: 'EdDSA' },
    { iss: EDDSA_ISSUER, aud: [AUDIENCE], sub: 'bob', iat: ISSUED_AT, exp: FAR, org: 'globex', role: 'member' },
    eddsa,
  ),
}

/** Tokens with a good signature that are for nobody here: of the past, for others, of the wrong key, revoked, unsigned. */
export const BAD_TOKENS = [
  hmacToken('alice', { exp: ISSUED_AT + 60 }),
  hmacToken('alice', { aud: 'others' }),
  hmacToken('alice', { iss: EDDSA_ISSUER }),
  hmacToken('alice', { cnf: { jkt: 'x' } }),
  hmacToken('carol', { org: 'acme', role: 'admin' }),
  hmacToken(''),
  token({ alg: 'HS256' }, { iss: EDDSA_ISSUER, aud: AUDIENCE, sub: 'bob', exp: FAR }, (input) =>
    createHmac('sha256', Buffer.from(EDDSA_JWK.x, 'base64url')).update(input).digest(),
  ),
  token({ alg: 'none' }, { iss: HMAC_ISSUER, aud: AUDIENCE, sub: 'root', exp: FAR }, () => Buffer.alloc(0)),
  token({ alg: 'HS256', crit: ['exp'] }, { iss: HMAC_ISSUER, aud: AUDIENCE, sub: 'root', exp: FAR }, hmac),
]

export const SESSIONS = { 'session:sara': 'sara-session-0123456789', nobody: 'nobody-session-0123456789' }
export const SESSION_COOKIES = {
  'session:sara': `s:${signCookie(SESSIONS['session:sara'], COOKIE_SECRET)}`,
  nobody: `s:${signCookie(SESSIONS.nobody, COOKIE_SECRET)}`,
  gone: `s:${signCookie('gone-session-0123456789', COOKIE_SECRET)}`,
}

/**
 * Whom an input may be taken for at most: a good credential must stand in it as it is, once the escapes of URLs and JSON are
 * undone. What is admitted beyond that was admitted wrongly.
 *
 * @param {import('./input.mjs').Input} input
 * @returns {Set<string>} such as `jwt:alice`; `php` for whoever a PHP session may name
 */
export function permitted(input) {
  const text = unescaped([input.query, ...input.headers.flat(), ...input.frames.map(textOf)].join('\n'))
  /** @type {Set<string>} */
  const found = new Set()
  for (const [who, good] of Object.entries(TOKENS)) if (text.includes(good)) found.add(who)
  // What browsers attach by themselves counts for pages of the origin only.
  if (!text.includes(ORIGIN) && !text.includes('same-origin')) return found
  if (text.includes(SESSION_COOKIES['session:sara'])) found.add('session:sara')
  const { php } = input
  if (php !== null && text.includes(php.sid) && Buffer.from(php.bytes, 'base64').includes(PHP_PROOF)) found.add('php')
  return found
}

/** @param {import('./input.mjs').Frame} frame */
function textOf(frame) {
  return typeof frame === 'string' ? frame : Buffer.from(frame.bytes, 'base64').toString('latin1')
}

/** @param {string} text */
function unescaped(text) {
  const json = text.replaceAll(/\\u([0-9a-fA-F]{4})/g, (_, code) => String.fromCharCode(Number.parseInt(code, 16)))
  return `${text}\n${json.replaceAll(/%([0-9a-fA-F]{2})/g, (_, code) => String.fromCharCode(Number.parseInt(code, 16)))}`
}
