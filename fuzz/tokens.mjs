// @ts-check
/** Tokens as an attacker makes them of good ones, without any key. */

import { BAD_TOKENS, EDDSA_ISSUER, HMAC_ISSUER, TOKENS } from './credentials.mjs'

/** @typedef {import('./random.mjs').Random} Random */

const GOOD = Object.values(TOKENS)
const BASE64URL = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_']

/** Mostly good, or for nobody though its signature is good, or forged. @param {Random} random @returns {string} */
export function anyToken(random) {
  if (random.once(5)) return random.pick(BAD_TOKENS)
  return random.once(4) ? forge(random) : random.pick(GOOD)
}

/** @param {Random} random @returns {string} */
export function forge(random) {
  const segments = random.pick(GOOD).split('.')
  const others = random.pick(GOOD).split('.')
  const which = random.below(3)
  const segment = segments[which] ?? ''
  switch (random.below(6)) {
    case 0: // One letter is another.
      segments[which] = replaceAt(segment, random.below(segment.length), random.pick(BASE64URL))
      break
    case 1: // One bit of what it spells.
      segments[which] = flipped(random, segment)
      break
    case 2: // A part of another token.
      segments[which] = others[which] ?? ''
      break
    case 3: // The last letter spells the same bytes.
      segments[which] = replaceAt(segment, segment.length - 1, random.pick(BASE64URL))
      break
    case 4:
      segments[0] = encode({ ...decode(segments[0]), ...header(random) })
      if (random.once(2)) segments[2] = ''
      break
    default:
      segments[1] = encode({ ...decode(segments[1]), ...claims(random) })
  }
  return segments.join('.')
}

/** @param {Random} random */
function header(random) {
  return random.pick([
    { alg: 'none' },
    { alg: 'HS256' },
    { alg: 'EdDSA' },
    { alg: ['HS256'] },
    { kid: '../../dev/null' },
    { jwk: { kty: 'oct', k: '' } },
    { crit: [] },
    { b64: false },
    { typ: 'at+jwt' },
  ])
}

/** @param {Random} random */
function claims(random) {
  return random.pick([
    { sub: 'root' },
    { role: 'admin' },
    { org: 'globex' },
    { exp: 1e300 },
    { iss: EDDSA_ISSUER },
    { iss: HMAC_ISSUER },
    { aud: [] },
    { sub: { toString: 'root' } },
  ])
}

/** @param {string} text @param {number} at @param {string} letter */
function replaceAt(text, at, letter) {
  return text.slice(0, at) + letter + text.slice(at + 1)
}

/** @param {Random} random @param {string} segment */
function flipped(random, segment) {
  const bytes = Buffer.from(segment, 'base64url')
  const at = random.below(bytes.length)
  bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8))
  return bytes.toString('base64url')
}

/** @param {string | undefined} segment @returns {object} */
function decode(segment) {
  return JSON.parse(Buffer.from(segment ?? '', 'base64url').toString())
}

/** @param {object} part */
function encode(part) {
  return Buffer.from(JSON.stringify(part)).toString('base64url')
}
