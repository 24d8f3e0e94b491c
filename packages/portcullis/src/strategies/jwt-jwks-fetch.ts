/** One fetch of a JWKS: bounded in time, bytes and keys, and of its keys only the sound ones. */

import { importJWK, type JWK } from 'jose'
import type { JwtAlgorithm } from './jwt-key-hygiene.ts'
import { soundJwk } from './jwt-keys.ts'
import { own, parseStrictJson } from './strict-json.ts'

/** An answer that takes longer is no answer. Milliseconds. */
const FETCH_TIMEOUT_MS = 1_000
/** A longer answer is cut off. Bytes, after decompression. */
const MAX_JWKS_BYTES = 65_536
const MAX_JWKS_KEYS = 100

/** A public key as its issuer published it, ready for use. */
export interface PublishedKey {
  readonly kid: string | undefined
  readonly algorithm: JwtAlgorithm
  readonly key: CryptoKey
}

/** A copy of `value`. @throws TypeError unless it is an https URL, or http to a loopback host, without a password */
export function jwksUrl(value: URL | string): URL {
  let url: URL
  try {
    url = new URL(value)
  } catch {
    // What was given may be a secret: it is not quoted.
    throw new TypeError('"keys" as a string must be the URL of a JWKS; give a secret as a Uint8Array')
  }
  const loopback = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(url.hostname)
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && loopback)) {
    throw new TypeError('"keys" must be an https URL; http is for loopback hosts only')
  }
  if (url.username !== '' || url.password !== '') throw new TypeError('"keys" must be a URL without user and password')
  return url
}

/**
 * The sound keys at `url`, each bound to one of `allowed`. Follows no redirect. Secrets, private keys, weak keys and keys
 * not for verifying are left out.
 *
 * @throws whatever went wrong: for a log, not for a client
 */
export async function fetchKeys(url: URL, allowed: readonly JwtAlgorithm[]): Promise<readonly PublishedKey[]> {
  const response = await fetch(url, {
    headers: { accept: 'application/jwk-set+json, application/json' },
    redirect: 'manual',
    signal: AbortSignal.timeout(FETCH_TIMEOUT_MS),
  })
  if (response.status !== 200) {
    await response.body?.cancel()
    throw new Error(`the key set answered with status ${response.status}`)
  }
  const keys = own(parseStrictJson(await readBounded(response)) ?? {}, 'keys')
  if (!Array.isArray(keys) || keys.length > MAX_JWKS_KEYS) throw new Error('the answer is no key set')
  const published = await Promise.all(keys.map((jwk: unknown) => publishedKey(jwk, allowed)))
  return published.filter((key) => key !== null)
}

async function publishedKey(value: unknown, allowed: readonly JwtAlgorithm[]): Promise<PublishedKey | null> {
  if (typeof value !== 'object' || value === null) return null
  try {
    // No HMAC is allowed here, so a secret fits nothing.
    const sound = soundJwk(value as JWK, allowed)
    if (sound === null) return null
    const { kid, algorithm, key } = sound
    return { kid, algorithm, key: (await importJWK(key.export({ format: 'jwk' }) as JWK, algorithm)) as CryptoKey }
  } catch {
    // One bad key does not spoil the others.
    return null
  }
}

async function readBounded(response: Response): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let length = 0
  // Leaving the loop early cancels the body.
  for await (const chunk of response.body ?? []) {
    length += chunk.length
    if (length > MAX_JWKS_BYTES) throw new Error(`the key set is longer than ${MAX_JWKS_BYTES} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
