/** Which algorithm a key is for, and which keys are too weak to trust. */

import type { KeyObject } from 'node:crypto'

/** What kind of key each algorithm takes. Where a key names no algorithm, the first one of its kind is its algorithm. */
const KIND_OF = {
  HS256: 'secret',
  HS384: 'secret',
  HS512: 'secret',
  RS256: 'rsa',
  RS384: 'rsa',
  RS512: 'rsa',
  PS256: 'rsa',
  PS384: 'rsa',
  PS512: 'rsa',
  ES256: 'prime256v1',
  ES384: 'secp384r1',
  ES512: 'secp521r1',
  EdDSA: 'ed25519',
  Ed25519: 'ed25519',
} as const

/** The algorithms that `jwt` can verify. There is no `none`. */
export type JwtAlgorithm = keyof typeof KIND_OF

/** All of them, the default of each kind of key first. */
export const JWT_ALGORITHMS = Object.freeze(Object.keys(KIND_OF) as JwtAlgorithm[])

/** Fewer bytes than its hash gives make an HMAC key guessable (RFC 7518 section 3.2). */
const HMAC_BYTES: Partial<Record<JwtAlgorithm, number>> = { HS256: 32, HS384: 48, HS512: 64 }

/** Long enough, and in everybody's word list: the examples of jwt.io and of RFC 7515 appendix A.1 (as base64url). */
const PUBLISHED_SECRETS = new Set([
  'a-string-secret-at-least-256-bits-long',
  'a-valid-string-secret-that-is-at-least-384-bits-long',
  'a-valid-string-secret-that-is-at-least-512-bits-long-which-is-very-long',
  Buffer.from(
    'AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow',
    'base64url',
  ).toString('latin1'),
])

const PUBLIC_KEY_TEXT = /^\s*(-----BEGIN |ssh-|ecdsa-sha2-)/

export function isHmac(algorithm: JwtAlgorithm): boolean {
  return KIND_OF[algorithm] === 'secret'
}

export function isJwtAlgorithm(value: unknown): value is JwtAlgorithm {
  return typeof value === 'string' && Object.hasOwn(KIND_OF, value)
}

/**
 * The one algorithm of a key: the one that it names, else the first of `allowed` that its kind can do, else RS256, ES256,
 * ES384, ES512, EdDSA or HS256 by its kind. PS256 and the like are used only where key or configuration says so.
 *
 * @throws TypeError when there is none
 * @see RFC 8725 section 3.1: each key is used with exactly one algorithm
 */
export function algorithmOf(
  key: KeyObject,
  named: unknown,
  allowed: readonly JwtAlgorithm[] = JWT_ALGORITHMS,
): JwtAlgorithm {
  const kind =
    key.type === 'secret' ? 'secret' : (key.asymmetricKeyDetails?.namedCurve ?? key.asymmetricKeyType ?? 'unknown')
  const candidates = named === undefined ? allowed : allowed.filter((algorithm) => algorithm === named)
  const algorithm = candidates.find((candidate) => KIND_OF[candidate] === kind)
  if (algorithm === undefined) throw new TypeError('"keys" holds a key that fits none of the "algorithms"')
  return algorithm
}

/**
 * Refuses a key that is too weak for its algorithm. The message never contains the key.
 *
 * @throws TypeError
 * @see RFC 7518 sections 3.2, 3.3 and 3.5
 */
export function requireSoundKey(key: KeyObject, algorithm: JwtAlgorithm): void {
  if (key.type === 'private') throw new TypeError('"keys" holds a private key: give its public key')
  if (key.type === 'secret') requireSoundSecret(key, HMAC_BYTES[algorithm] ?? 0, algorithm)
  else if (KIND_OF[algorithm] === 'rsa') requireSoundRsa(key)
}

/**
 * Refuses a secret that anybody could try: one from the documentation, or a short text repeated. Long enough is checked
 * elsewhere.
 *
 * @throws TypeError
 */
export function refuseGuessableSecret(secret: Uint8Array): void {
  const known = PUBLISHED_SECRETS.has(Buffer.from(secret).toString('latin1').trim())
  if (known || repeatsWithin(secret, 16)) throw new TypeError('"keys" holds a secret that is easy to guess')
}

function requireSoundSecret(key: KeyObject, minBytes: number, algorithm: JwtAlgorithm): void {
  if ((key.symmetricKeySize ?? 0) < minBytes) {
    throw new TypeError(`"keys" holds a secret of fewer than ${minBytes} bytes, too short for ${algorithm}`)
  }
  // With a public key's text as the HMAC key, everyone who has that public text could sign (CVE-2022-29217).
  if (PUBLIC_KEY_TEXT.test(key.export().toString('latin1'))) {
    throw new TypeError('"keys" holds the text of a key as a secret: give a KeyObject')
  }
}

function requireSoundRsa(key: KeyObject): void {
  const { modulusLength = 0, publicExponent = 0n } = key.asymmetricKeyDetails ?? {}
  if (modulusLength < 2048) throw new TypeError('"keys" holds an RSA key of fewer than 2048 bits')
  if (publicExponent < 3n || publicExponent % 2n === 0n) {
    throw new TypeError('"keys" holds an RSA key whose public exponent is not an odd number from 3 on')
  }
  const { n = '' } = key.export({ format: 'jwk' })
  if (isRocaModulus(BigInt(`0x${Buffer.from(n, 'base64url').toString('hex')}`))) {
    throw new TypeError('"keys" holds an RSA key made by a faulty generator (CVE-2017-15361)')
  }
}

const ROCA_PRIMES = [
  3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107, 109, 113,
  127, 131, 137, 139, 149, 151, 157, 163, 167,
]

/**
 * Primes of that generator, and so their products, are powers of 65537 modulo each small prime. Of other moduli one in
 * 2^27 is.
 *
 * @see Nemec et al., The Return of Coppersmith's Attack, CCS 2017
 */
function isRocaModulus(modulus: bigint): boolean {
  return ROCA_PRIMES.every((prime) => {
    const residue = Number(modulus % BigInt(prime))
    let power = 1
    do {
      if (power === residue) return true
      power = (power * 65537) % prime
    } while (power !== 1)
    return false
  })
}

/** True when the bytes are one unit of fewer than `limit` bytes, over and over. */
function repeatsWithin(bytes: Uint8Array, limit: number): boolean {
  for (let period = 1; period < limit && period < bytes.length; period++) {
    if (bytes.every((byte, index) => index < period || byte === bytes[index - period])) return true
  }
  return false
}
