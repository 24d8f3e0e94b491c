/** Texts under a seal, so that who may write to the store has no authority by that. */

import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto'

/** The port's limit. */
const MAX_TEXT_LENGTH = 4_000
const MAX_ID_LENGTH = 200
const MIN_SECRET_BYTES = 32
/** Of an HMAC-SHA-256 in base64url. */
const SEAL_LENGTH = 43
/** The last second of the year 9999, in which every store can write a date. */
const LAST_SECOND = 253_402_300_799

export type Purpose = 'entry' | 'message'

export interface Seals {
  /** The seal and the text in one. @throws TypeError for a text that could not be given back as it is */
  seal(purpose: Purpose, id: string, text: string): string
  /** The text, or null when it was sealed for another purpose, log or id, with another secret, or not at all. */
  open(purpose: Purpose, id: string, sealed: string): string | null
}

/**
 * HMAC-SHA-256 over purpose, log, id and text. The first secret seals; what any of them sealed is opened.
 *
 * @throws TypeError when a secret is shorter than 32 bytes
 * @see https://www.rfc-editor.org/rfc/rfc2104
 */
export function createSeals(secret: string | readonly string[], log: string): Seals {
  const [first, ...others] = keysOf(secret)
  const sealOf = (key: KeyObject, purpose: Purpose, id: string, text: string) =>
    createHmac('sha256', key)
      .update(JSON.stringify([1, purpose, log, id, text]))
      .digest('base64url')
  return {
    seal(purpose, id, text) {
      requireText(text)
      return sealOf(first, purpose, id, text) + text
    },
    open(purpose, id, sealed) {
      // As it is written, because decoding would take several texts for one seal.
      const seal = Buffer.from(sealed.slice(0, SEAL_LENGTH))
      const text = sealed.slice(SEAL_LENGTH)
      const isSeal = (key: KeyObject) => {
        const expected = Buffer.from(sealOf(key, purpose, id, text))
        return seal.length === expected.length && timingSafeEqual(seal, expected)
      }
      return isSeal(first) || others.some(isSeal) ? text : null
    },
  }
}

/** @throws TypeError */
export function requireId(value: unknown, name: string): void {
  if (typeof value !== 'string' || value === '' || value.length > MAX_ID_LENGTH || !isPlain(value)) {
    throw new TypeError(`"${name}" must be a text of 1 to ${MAX_ID_LENGTH} characters`)
  }
}

/** @throws TypeError */
export function requireText(value: unknown): void {
  if (typeof value !== 'string' || value.length > MAX_TEXT_LENGTH || !isPlain(value)) {
    throw new TypeError(`"text" must be well-formed Unicode of at most ${MAX_TEXT_LENGTH} characters without U+0000`)
  }
}

/** Epoch seconds that every store can write as a date. @throws TypeError */
export function expiryOf(expiresAt: unknown): number {
  if (typeof expiresAt !== 'number' || Number.isNaN(expiresAt)) throw new TypeError('"expiresAt" must be epoch seconds')
  return Math.min(Math.max(expiresAt, 0), LAST_SECOND)
}

/** Without half a surrogate pair, which is no UTF-8, and U+0000, which Postgres cannot keep. */
function isPlain(text: string): boolean {
  return !/\p{Surrogate}|\0/u.test(text)
}

function keysOf(secret: unknown): [KeyObject, ...KeyObject[]] {
  const [first, ...others] = (Array.isArray(secret) ? secret : [secret]).map(keyOf)
  if (first === undefined) throw new TypeError('"secret" must not be an empty list')
  return [first, ...others]
}

/** A key object shows nothing of the secret to `console.log`, `JSON.stringify` and the like. */
function keyOf(secret: unknown): KeyObject {
  if (typeof secret !== 'string' || Buffer.byteLength(secret) < MIN_SECRET_BYTES) {
    throw new TypeError(`"secret" must be a string of at least ${MIN_SECRET_BYTES} bytes, or a list of such`)
  }
  return createSecretKey(secret, 'utf8')
}
