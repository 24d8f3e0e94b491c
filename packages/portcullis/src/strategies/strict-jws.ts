/** A compact JWS, read strictly: each accepted token has one spelling and one meaning, before any key is looked at. */

import { createHmac, type KeyObject, timingSafeEqual } from 'node:crypto'
import { compactVerify } from 'jose'
import { AuthError } from '../errors.ts'
import { MAX_CREDENTIAL_BYTES } from './from.ts'
import type { KeySource, VerificationKey } from './jwt-keys.ts'
import { type JsonObject, own, parseStrictJson } from './strict-json.ts'

/** The words that an AUTH_CREDENTIAL_INVALID of the `jwt` strategy gives as its `reason`. */
export type JwtReason =
  | 'too_long'
  | 'shape'
  | 'alg'
  | 'crit'
  | 'key'
  | 'signature'
  | 'typ'
  | 'payload'
  | 'issuer'
  | 'audience'
  | 'subject'
  | 'token_id'
  | 'expiry'
  | 'issued_at'
  | 'not_before'
  | 'lifetime'
  | 'client_id'
  | 'confirmation'
  | 'claims'

/** The decoded parts of a compact JWS. Nothing in it is verified. */
export interface StrictJws {
  readonly header: JsonObject
  readonly alg: string
  readonly kid: string | undefined
  readonly headerBytes: Uint8Array
  readonly payload: Uint8Array
  readonly signature: Uint8Array
}

/**
 * Splits and decodes a compact JWS (RFC 7515 section 7.1) of at most 8192 bytes. Refused: anything but three segments of
 * canonical base64url (so a JWE and the JSON serializations too), an empty header or signature, a header that is not
 * strict JSON, any `crit` and any `b64`, of which none is supported. `jku`, `jwk`, `x5u` and `x5c` are not looked at.
 *
 * Does not check the signature, nor the payload, which in a JWS may be anything and empty.
 *
 * @throws AuthError AUTH_CREDENTIAL_INVALID with reason `too_long`, `shape`, `alg` or `crit`
 * @see RFC 7515 sections 2, 4 and 5.2, RFC 7797 section 6
 */
export function parseStrictJws(token: string): StrictJws {
  // Characters are at most as many as bytes, and a token of more than one byte per character is no base64url.
  if (token.length > MAX_CREDENTIAL_BYTES) refuse('too_long')
  const segments = token.split('.', 4)
  if (segments.length !== 3) refuse('shape')
  const [headerBytes, payload, signature] = segments.map(decodeSegment)
  if (!headerBytes || !payload || !signature?.length) refuse('shape')
  const header = parseStrictJson(headerBytes)
  if (header === null) refuse('shape')
  if (Object.hasOwn(header, 'crit') || Object.hasOwn(header, 'b64')) refuse('crit')
  const alg = own(header, 'alg')
  if (typeof alg !== 'string') refuse('alg')
  const kid = own(header, 'kid')
  if (kid !== undefined && typeof kid !== 'string') refuse('shape')
  return { header, alg, kid, headerBytes, payload, signature }
}

/**
 * Verifies a compact JWS with the keys of `source`. The token's `alg` and `kid` only choose among keys; each key has one
 * algorithm, its own. Says nothing about the payload's content.
 *
 * @throws AuthError AUTH_CREDENTIAL_INVALID with reason `alg`, `key`, `signature` or those of `parseStrictJws`;
 * AUTH_UNAVAILABLE when the keys cannot be had now; AUTH_ERROR when a key cannot be used
 * @see RFC 8725 section 3.1
 */
export async function verifyStrictJws(token: string, source: KeySource): Promise<StrictJws> {
  const jws = parseStrictJws(token)
  await verifySignature(token, jws, source)
  return jws
}

/**
 * As `verifyStrictJws`, for a token that is parsed already: `jws` must be what `parseStrictJws` made of `token`. Resolves with the
 * key that verified it.
 */
export async function verifySignature(token: string, jws: StrictJws, source: KeySource): Promise<VerificationKey> {
  if (!source.algorithms.has(jws.alg)) refuse('alg')
  const found = source.find(jws.alg, jws.kid)
  const keys = found instanceof Promise ? await found : found
  if (keys.length === 0) refuse('key')
  for (const key of keys) {
    if ('export' in key ? isMacOf(token, jws, key) : await isSignatureOf(token, jws, key)) return key
  }
  refuse('signature')
}

/**
 * In place: an HMAC of so few bytes takes a tenth of what it costs to hand it to another thread.
 *
 * @see RFC 7518 section 3.2, RFC 2104; ADR 0026
 */
function isMacOf(token: string, { alg, signature }: StrictJws, secret: KeyObject): boolean {
  const mac = createHmac(`sha${alg.slice(2)}`, secret)
    .update(token.slice(0, token.lastIndexOf('.')))
    .digest()
  return mac.length === signature.length && timingSafeEqual(mac, signature)
}

async function isSignatureOf(token: string, { alg }: StrictJws, key: CryptoKey): Promise<boolean> {
  try {
    await compactVerify(token, key, { algorithms: [alg] })
    return true
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED') return false
    // Anything else cannot come from the token any more: it passed the checks above, so the key is at fault.
    throw new AuthError('AUTH_ERROR', { reason: 'key_unusable', cause: error })
  }
}

/** Ends with AUTH_CREDENTIAL_INVALID. Takes a fixed word and no cause: causes quote their input. */
export function refuse(reason: JwtReason): never {
  throw new AuthError('AUTH_CREDENTIAL_INVALID', { reason })
}

/** Null unless the text is what encoding the bytes gives again: no padding, no white space, no stray bits, no `+/`. */
function decodeSegment(text: string): Uint8Array | null {
  const bytes = Buffer.from(text, 'base64url')
  return bytes.toString('base64url') === text ? bytes : null
}
