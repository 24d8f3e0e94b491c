/** The keys of the `jwt` strategy: given as such, or found at a JWKS URL. */

import { createPublicKey, createSecretKey, type JsonWebKey, KeyObject } from 'node:crypto'
import { types } from 'node:util'
import { importJWK, type JSONWebKeySet, type JWK } from 'jose'
import { AuthError } from '../errors.ts'
import { algorithmOf, isHmac, type JwtAlgorithm, refuseGuessableSecret, requireSoundKey } from './jwt-key-hygiene.ts'

/** A secret's bytes, or a public key. */
export type JwtKey = Uint8Array | KeyObject | CryptoKey | JWK

/** The URL of a JWKS, or keys: one, a set, or several of both while one replaces another. */
export type JwtKeys = URL | string | JwtKey | JSONWebKeySet | readonly (JwtKey | JSONWebKeySet)[]

/** A secret, with which an HMAC is computed, or a public key for Web Crypto. */
export type VerificationKey = KeyObject | CryptoKey

/** Where a verifier finds its keys. */
export interface KeySource {
  /** Every algorithm that a key from here may have. A token with another is refused unseen. */
  readonly algorithms: ReadonlySet<string>
  /**
   * The keys of exactly this algorithm that a token with this `kid` may be signed by; none when there is no such key.
   *
   * @throws AuthError AUTH_UNAVAILABLE when they cannot be had now, AUTH_ERROR when one cannot be used at all
   */
  find(alg: string, kid: string | undefined): readonly VerificationKey[] | Promise<readonly VerificationKey[]>
  /** Forgets keys that were fetched; the next token fetches them again. */
  purge(): void
}

/** A key that was looked at and found sound. */
export interface SoundKey {
  readonly kid: string | undefined
  readonly algorithm: JwtAlgorithm
  readonly key: KeyObject
}

/**
 * Keys that the application has. Imported once, now. A key with a `kid` serves tokens with that `kid` and tokens without
 * one; a key without serves all of its algorithm.
 *
 * @throws TypeError when a key is private, too weak or fits no algorithm, when none is for verifying signatures, when
 * two have the same `kid` and algorithm, or when secrets and public keys are mixed
 */
export function staticKeys(keys: Exclude<JwtKeys, URL | string>, algorithms?: readonly JwtAlgorithm[]): KeySource {
  const sound = listed(keys)
    .map((key) => soundKey(key, algorithms))
    .filter((key) => key !== null)
  if (sound.length === 0) throw new TypeError('"keys" must hold a key for verifying signatures')
  requireOneFamily(sound.map(({ algorithm }) => algorithm))
  requireDistinct(sound)
  const matching = (alg: string, kid: string | undefined) =>
    sound.filter((key) => key.algorithm === alg && mayBe(key, kid))
  const find = sound.some(({ algorithm }) => isHmac(algorithm))
    ? (alg: string, kid: string | undefined) => matching(alg, kid).map(({ key }) => key)
    : importedKeys(sound, matching)
  return { algorithms: new Set(sound.map(({ algorithm }) => algorithm)), find, purge() {} }
}

/** Public keys, imported now: whoever presents a token is told that an import failed, and until then nobody waits for it. */
function importedKeys(
  sound: readonly SoundKey[],
  matching: (alg: string, kid: string | undefined) => readonly SoundKey[],
): KeySource['find'] {
  const imported = new Map(sound.map((key) => [key, importKey(key)]))
  for (const cryptoKey of imported.values()) cryptoKey.catch(() => {})
  return async function find(alg, kid) {
    try {
      return await Promise.all(matching(alg, kid).map((key) => imported.get(key) as Promise<CryptoKey>))
    } catch (cause) {
      throw new AuthError('AUTH_ERROR', { reason: 'key_unusable', cause })
    }
  }
}

/**
 * Secrets and public keys in one verifier would let a public key be tried as a secret.
 *
 * @throws TypeError
 * @see RFC 8725 section 2.1
 */
export function requireOneFamily(algorithms: readonly JwtAlgorithm[]): void {
  if (new Set(algorithms.map(isHmac)).size > 1) {
    throw new TypeError('"algorithms" must be all HMAC or all of public keys, never mixed; so must "keys"')
  }
}

/** Refuses secrets that anybody could try. @throws TypeError */
export function refuseGuessableSecrets(keys: Exclude<JwtKeys, URL | string>): void {
  for (const key of listed(keys)) {
    if (types.isUint8Array(key)) refuseGuessableSecret(key)
    else if (types.isKeyObject(key) || types.isCryptoKey(key)) {
      if (key.type === 'secret') refuseGuessableSecret((types.isKeyObject(key) ? key : keyObjectOf(key)).export())
    } else if (typeof key.k === 'string') refuseGuessableSecret(Buffer.from(key.k, 'base64url'))
  }
}

/**
 * The key of a JWK and its one algorithm, or null when `use` or `key_ops` say that it is not for verifying signatures.
 *
 * @throws TypeError when it is private, malformed, too weak or fits none of `algorithms`
 * @see RFC 7517 sections 4.2 to 4.5
 */
export function soundJwk(jwk: JWK, algorithms?: readonly JwtAlgorithm[]): SoundKey | null {
  const { kid, use, key_ops: operations, alg } = jwk
  if (use !== undefined && use !== 'sig') return null
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes('verify'))) return null
  if (kid !== undefined && typeof kid !== 'string') throw new TypeError('"keys" holds a JWK whose "kid" is no string')
  if (jwk.d !== undefined || jwk.priv !== undefined) {
    throw new TypeError('"keys" holds a private key: give its public key')
  }
  return { ...checked(keyOfJwk(jwk), alg, algorithms), kid }
}

function soundKey(key: JwtKey, algorithms?: readonly JwtAlgorithm[]): SoundKey | null {
  if (types.isCryptoKey(key)) {
    if (key.type !== 'private' && !key.usages.includes('verify')) return null
    return checked(keyObjectOf(key), algorithmOfCryptoKey(key), algorithms)
  }
  if (types.isKeyObject(key)) return checked(key, undefined, algorithms)
  if (types.isUint8Array(key)) return checked(createSecretKey(key), undefined, algorithms)
  return soundJwk(key, algorithms)
}

/** A key that cannot be looked into cannot be found sound. */
function keyObjectOf(key: CryptoKey): KeyObject {
  if (!key.extractable) throw new TypeError('"keys" holds a CryptoKey that is not extractable: it cannot be checked')
  return KeyObject.from(key)
}

function checked(key: KeyObject, named: string | undefined, algorithms?: readonly JwtAlgorithm[]): SoundKey {
  const algorithm = algorithmOf(key, named, algorithms)
  requireSoundKey(key, algorithm)
  return { kid: undefined, algorithm, key }
}

function keyOfJwk(jwk: JWK): KeyObject {
  try {
    const { kty, k = '', n, e, crv, x, y } = jwk
    if (kty !== 'oct') return createPublicKey({ format: 'jwk', key: { kty, n, e, crv, x, y } as JsonWebKey })
    const secret = Buffer.from(k, 'base64url')
    if (secret.toString('base64url') === k) return createSecretKey(secret)
  } catch {
    // Node's own message is dropped: it may describe the key.
  }
  throw new TypeError('"keys" holds a malformed JWK')
}

/** A CryptoKey is bound to its algorithm, hash included. Ed25519 has two names, so it names none. */
function algorithmOfCryptoKey({ algorithm }: CryptoKey): string | undefined {
  const { name, hash } = algorithm as KeyAlgorithm & { readonly hash?: KeyAlgorithm }
  const bits = hash?.name.slice('SHA-'.length)
  if (name === 'HMAC') return `HS${bits}`
  if (name === 'RSASSA-PKCS1-v1_5') return `RS${bits}`
  if (name === 'RSA-PSS') return `PS${bits}`
  return undefined
}

async function importKey({ key, algorithm }: SoundKey): Promise<CryptoKey> {
  return (await importJWK(key.export({ format: 'jwk' }) as JWK, algorithm)) as CryptoKey
}

/** Where either side names none, nothing speaks against it (RFC 7515 section 4.1.4: a hint). */
function mayBe(key: SoundKey, kid: string | undefined): boolean {
  return kid === undefined || key.kid === undefined || key.kid === kid
}

function requireDistinct(keys: readonly SoundKey[]): void {
  const named = keys.filter(({ kid }) => kid !== undefined).map(({ kid, algorithm }) => `${algorithm} ${kid}`)
  if (new Set(named).size !== named.length) {
    throw new TypeError('"keys" holds two keys with the same "kid" and algorithm')
  }
}

function listed(keys: Exclude<JwtKeys, URL | string>): readonly JwtKey[] {
  const items = Array.isArray(keys) ? (keys as readonly (JwtKey | JSONWebKeySet)[]) : [keys as JwtKey | JSONWebKeySet]
  return items.flatMap((item): readonly JwtKey[] => {
    if (typeof item !== 'object' || item === null) throw malformed()
    // A Uint8Array has a method of that name.
    if (types.isUint8Array(item) || types.isKeyObject(item) || types.isCryptoKey(item) || !('keys' in item))
      return [item]
    if (!Array.isArray(item.keys)) throw malformed()
    for (const jwk of item.keys) if (typeof jwk !== 'object' || jwk === null) throw malformed()
    return item.keys
  })
}

function malformed(): TypeError {
  return new TypeError(
    '"keys" must be an https URL, a Uint8Array, a KeyObject, a CryptoKey, a JWK, a JWKS or an array of keys',
  )
}
