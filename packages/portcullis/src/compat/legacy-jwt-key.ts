/** What an old API calls a secret, as a key with the algorithms of its kind: the token never chooses between the kinds. */

import { createPublicKey, createSecretKey, KeyObject } from 'node:crypto'

/** The algorithms of each kind of key. There is no `none`. */
const HMAC = ['HS256', 'HS384', 'HS512']
const RSA = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512']
const CURVES: Readonly<Record<string, readonly string[]>> = {
  prime256v1: ['ES256'],
  secp384r1: ['ES384'],
  secp521r1: ['ES512'],
}
const EDWARDS = ['EdDSA', 'Ed25519']
const KNOWN = new Set([...HMAC, ...RSA, ...Object.values(CURVES).flat(), ...EDWARDS])

/** Keys that are text: as HMAC secrets, everyone who has the public text could sign (CVE-2022-29217). */
const PEM = /^\s*-----BEGIN /
const OTHER_KEY_TEXT = /^\s*(ssh-|ecdsa-sha2-|\{\s*"kty")/

/** A shared secret, or a public key or certificate in PEM, or a KeyObject. */
export type LegacySecret = string | Uint8Array | KeyObject

export interface LegacyKey {
  readonly key: KeyObject
  /** Those that fit the kind of the key. */
  readonly algorithms: readonly string[]
}

/** True for what `legacyKey` takes, whatever is in it. */
export function isLegacySecret(value: unknown): value is LegacySecret {
  return typeof value === 'string' || value instanceof Uint8Array || value instanceof KeyObject
}

/**
 * Null for anything else than a usable key: nothing, an empty text, a function that a map's prototype had under the name, a
 * private key, or a key in a form that would count as an HMAC secret.
 */
export function legacyKey(secret: unknown): LegacyKey | null {
  try {
    const key = keyObject(secret)
    const algorithms = key === null ? [] : algorithmsOf(key)
    return key === null || algorithms.length === 0 ? null : { key, algorithms }
  } catch {
    return null
  }
}

export function isKnownAlgorithm(value: unknown): value is string {
  return typeof value === 'string' && KNOWN.has(value)
}

function keyObject(secret: unknown): KeyObject | null {
  if (secret instanceof KeyObject) return secret.type === 'private' ? null : secret
  if (typeof secret !== 'string' && !(secret instanceof Uint8Array)) return null
  const bytes = typeof secret === 'string' ? Buffer.from(secret) : Buffer.from(secret)
  const text = bytes.toString('latin1')
  if (bytes.length === 0 || OTHER_KEY_TEXT.test(text)) return null
  if (!PEM.test(text)) return createSecretKey(bytes)
  // A public key could be derived from a private one, but whoever verifies should not have that.
  return text.includes('PRIVATE KEY-----') ? null : createPublicKey(bytes)
}

function algorithmsOf(key: KeyObject): readonly string[] {
  if (key.type === 'secret') return key.symmetricKeySize === 0 ? [] : HMAC
  switch (key.asymmetricKeyType) {
    case 'rsa':
      return RSA
    case 'rsa-pss':
      return RSA.filter((name) => name.startsWith('PS'))
    case 'ec':
      return CURVES[key.asymmetricKeyDetails?.namedCurve ?? ''] ?? []
    case 'ed25519':
      return EDWARDS
    default:
      return []
  }
}
