// @ts-check
/** JSON Web Tokens made anew for every run; their keys go to the processes of the benchmark through the environment. */

import {
  createHmac,
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  generateKeyPairSync,
  randomBytes,
  sign,
} from 'node:crypto'

/** @typedef {'HS256' | 'RS256' | 'ES256' | 'EdDSA'} Algorithm */

export const ISSUER = 'https://issuer.example'
export const AUDIENCE = 'bench'

process.env.BENCH_SECRET ??= randomBytes(32).toString('hex')
/** As people have it in an environment variable; the bytes of these characters are the key. */
export const SECRET_TEXT = process.env.BENCH_SECRET
export const SECRET = Buffer.from(SECRET_TEXT)
export const SECRET_KEY = createSecretKey(SECRET)

process.env.BENCH_PRIVATE_KEYS ??= JSON.stringify({
  RS256: pem(generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey),
  ES256: pem(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey),
  EdDSA: pem(generateKeyPairSync('ed25519').privateKey),
})
/** @type {Record<string, string>} */
const PRIVATE_PEMS = JSON.parse(process.env.BENCH_PRIVATE_KEYS)
const PRIVATE_KEYS = new Map(Object.entries(PRIVATE_PEMS).map(([alg, text]) => [alg, createPrivateKey(text)]))

/** What verifies the tokens of an algorithm. @param {Algorithm} alg */
export function verificationKey(alg) {
  return alg === 'HS256' ? SECRET_KEY : createPublicKey(privateKey(alg))
}

/** Tokens that no server has seen: each has an id of its own. @param {number} count @param {Algorithm} [alg] */
export function freshTokens(count, alg = 'HS256') {
  return Array.from({ length: count }, (_, index) => signedToken(alg, `user-${index}`))
}

/** @param {Algorithm} alg @param {string} subject */
export function signedToken(alg, subject) {
  const now = Math.floor(Date.now() / 1000)
  const claims = {
    org: 'acme',
    scope: 'chat:read chat:write',
    iss: ISSUER,
    aud: AUDIENCE,
    sub: subject,
    jti: randomBytes(12).toString('base64url'),
    iat: now,
    exp: now + 3_600,
  }
  const input = `${encode({ alg, typ: 'JWT' })}.${encode(claims)}`
  return `${input}.${signature(alg, input)}`
}

/** @param {Algorithm} alg @param {string} input */
function signature(alg, input) {
  if (alg === 'HS256') return createHmac('sha256', SECRET).update(input).digest('base64url')
  const data = Buffer.from(input)
  const key = privateKey(alg)
  if (alg === 'ES256') return sign('sha256', data, { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')
  return sign(alg === 'EdDSA' ? null : 'sha256', data, key).toString('base64url')
}

/** @param {string} alg */
function privateKey(alg) {
  const key = PRIVATE_KEYS.get(alg)
  if (key === undefined) throw new TypeError(`no key for ${alg}`)
  return key
}

/** @param {object} part */
function encode(part) {
  return Buffer.from(JSON.stringify(part)).toString('base64url')
}

/** @param {import('node:crypto').KeyObject} key */
function pem(key) {
  return String(key.export({ format: 'pem', type: 'pkcs8' }))
}
