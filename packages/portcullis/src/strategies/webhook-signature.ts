/** Signatures of Standard Webhooks, which libraries in PHP, Ruby, Python, Go, Java and others verify. */

import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

/** `whsec_` and base64, or bytes. At least 32 bytes. */
export type WebhookSecret = string | Uint8Array

/** Which request it was. Remember `id` for as long as the tolerance, and a copy of the request can do nothing. */
export interface VerifiedWebhook {
  readonly id: string
  /** When it was signed, epoch seconds. */
  readonly timestamp: number
}

/** Options of `verifyWebhook`. */
export interface VerifyWebhookOptions {
  /** Seconds by which the timestamp may differ from now, either way. Default 300. */
  readonly toleranceSeconds?: number
  /** Epoch milliseconds. Default `Date.now`. */
  readonly now?: () => number
}

type Headers = Readonly<Record<string, string | readonly string[] | undefined>>

const LEAST_BYTES = 32
const PREFIX = 'whsec_'
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/

/**
 * Whether a request comes from a holder of `secret`: give the headers with lower-case names, as Node has them, and the body
 * as it arrived, before anything parsed it. Null when it does not, or was signed more than 5 minutes ago.
 *
 * Does not remember ids: within the tolerance a copy of the request verifies again.
 *
 * @throws TypeError when the secret is malformed or short
 *
 * @example
 * const verified = verifyWebhook(process.env.WEBHOOK_SECRET ?? '', request.headers, rawBody)
 * if (verified === null) return response.writeHead(400).end()
 *
 * @see https://www.standardwebhooks.com; subpath `portcullis/strategies/webhook`
 */
export function verifyWebhook(
  secret: WebhookSecret | readonly WebhookSecret[],
  headers: Headers,
  body: string | Uint8Array,
  { toleranceSeconds = 300, now = Date.now }: VerifyWebhookOptions = {},
): VerifiedWebhook | null {
  const keys = keysOf(secret)
  const [id, written, signatures] = ['webhook-id', 'webhook-timestamp', 'webhook-signature'].map(
    (name) => headers[name],
  )
  if (typeof id !== 'string' || typeof written !== 'string' || typeof signatures !== 'string') return null
  if (!/^\d{1,12}$/.test(written) || signatures.length > 1024) return null
  const timestamp = Number(written)
  // Written so that NaN refuses.
  if (!(Math.abs(now() / 1000 - timestamp) <= toleranceSeconds)) return null
  const given = signatures.split(' ').map((signature) => Buffer.from(signature))
  const genuine = keys.some((key) => {
    const expected = Buffer.from(signatureOf(key, id, timestamp, body))
    return given.some((one) => one.length === expected.length && timingSafeEqual(one, expected))
  })
  return genuine ? { id, timestamp } : null
}

/** Headers that sign `body` with every key. A new id each time. */
export function signedHeaders(
  keys: readonly Uint8Array[],
  body: string,
  nowMs: number,
): { readonly 'webhook-id': string; readonly 'webhook-timestamp': string; readonly 'webhook-signature': string } {
  const id = `msg_${randomBytes(18).toString('base64url')}`
  const timestamp = Math.floor(nowMs / 1000)
  return {
    'webhook-id': id,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': keys.map((key) => signatureOf(key, id, timestamp, body)).join(' '),
  }
}

export function signatureOf(key: Uint8Array, id: string, timestamp: number, body: string | Uint8Array): string {
  return `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest('base64')}`
}

/** The bytes of one secret, or of several while one replaces another. */
export function keysOf(secret: unknown): readonly Uint8Array[] {
  const list: readonly unknown[] = Array.isArray(secret) ? secret : [secret]
  if (list.length === 0 || list.length > 8) throw malformed()
  return list.map((one) => {
    const bytes = typeof one === 'string' ? decoded(one) : one instanceof Uint8Array ? Uint8Array.from(one) : null
    if (bytes === null || bytes.byteLength < LEAST_BYTES || bytes.every((byte) => byte === bytes[0])) throw malformed()
    return bytes
  })
}

/** Only with the prefix: other text could be the bytes themselves, or some other encoding of them. */
function decoded(text: string): Uint8Array | null {
  const encoded = text.startsWith(PREFIX) ? text.slice(PREFIX.length) : ''
  return BASE64.test(encoded) ? Buffer.from(encoded, 'base64') : null
}

function malformed(): TypeError {
  return new TypeError(
    `"secret" must be "${PREFIX}" and at least ${LEAST_BYTES} random bytes in base64, such bytes, or an array of these`,
  )
}
