/** Laravel's encryption: an envelope of base64 and JSON around what AES encrypted, authenticated before it is opened. */

import { createDecipheriv, createHmac, timingSafeEqual } from 'node:crypto'
import { own, parseStrictJson } from './strict-json.ts'

/** Laravel's `app.cipher`. */
export type LaravelCipher = 'aes-128-cbc' | 'aes-256-cbc' | 'aes-128-gcm' | 'aes-256-gcm'

/** Bytes of the key that each cipher takes. */
export const CIPHER_KEY_BYTES: Readonly<Record<LaravelCipher, number>> = Object.freeze({
  'aes-128-cbc': 16,
  'aes-256-cbc': 32,
  'aes-128-gcm': 16,
  'aes-256-gcm': 32,
})

/** Laravel names a cookie inside its own value, so that the value of one cookie is none for another. */
const PREFIX_VERSION = 'v2'
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/
const MAC = /^[0-9a-f]{64}$/
const GCM_TAG_BYTES = 16

/** The fields of an envelope, still encrypted. */
interface Envelope {
  readonly iv: string
  readonly value: string
  readonly mac: string
  readonly tag: string
}

/**
 * What the envelope holds, or null when none of `keys` made it. Which cipher it is, is configured: an envelope does not choose.
 *
 * @see https://laravel.com/docs/encryption
 */
export function openEnvelope(text: string, keys: readonly Buffer[], cipher: LaravelCipher): Buffer | null {
  const envelope = envelopeOf(text)
  if (envelope === null) return null
  for (const key of keys) {
    const opened = cipher.endsWith('gcm') ? openGcm(envelope, key, cipher) : openCbc(envelope, key, cipher)
    if (opened !== null) return opened
  }
  return null
}

/** The value of the cookie `name`, without the proof that it was made for this cookie; null when that is missing. */
export function cookieValue(opened: Buffer, name: string, keys: readonly Buffer[]): string | null {
  const text = opened.toString('latin1')
  const bar = text.indexOf('|')
  const given = Buffer.from(text.slice(0, Math.max(bar, 0)), 'latin1')
  const made = keys.some((key) => {
    const expected = Buffer.from(
      createHmac('sha1', key)
        .update(name + PREFIX_VERSION)
        .digest('hex'),
    )
    return expected.length === given.length && timingSafeEqual(expected, given)
  })
  return made ? text.slice(bar + 1) : null
}

function envelopeOf(text: string): Envelope | null {
  if (!BASE64.test(text)) return null
  const json = parseStrictJson(Buffer.from(text, 'base64'))
  if (json === null) return null
  const [iv, value, mac, tag] = ['iv', 'value', 'mac', 'tag'].map((name) => own(json, name) ?? '')
  const sound = [iv, value, mac, tag].every((field) => typeof field === 'string') && isBase64(iv) && isBase64(value)
  return sound ? ({ iv, value, mac, tag } as Envelope) : null
}

/** Authenticated first, in constant time; only then decrypted, so that padding tells nobody anything. */
function openCbc({ iv, value, mac, tag }: Envelope, key: Buffer, cipher: LaravelCipher): Buffer | null {
  const expected = createHmac('sha256', key)
    .update(iv + value)
    .digest()
  if (tag !== '' || !MAC.test(mac) || !timingSafeEqual(expected, Buffer.from(mac, 'hex'))) return null
  try {
    const decipher = createDecipheriv(cipher, key, Buffer.from(iv, 'base64'))
    return Buffer.concat([decipher.update(value, 'base64'), decipher.final()])
  } catch {
    return null
  }
}

function openGcm({ iv, value, tag }: Envelope, key: Buffer, cipher: LaravelCipher): Buffer | null {
  try {
    // Node refuses a tag of another length: a short one would be easier to guess.
    const options = { authTagLength: GCM_TAG_BYTES }
    const decipher = createDecipheriv(cipher as 'aes-256-gcm', key, Buffer.from(iv, 'base64'), options)
    decipher.setAuthTag(Buffer.from(tag, 'base64'))
    return Buffer.concat([decipher.update(value, 'base64'), decipher.final()])
  } catch {
    return null
  }
}

function isBase64(text: unknown): boolean {
  return typeof text === 'string' && BASE64.test(text)
}
