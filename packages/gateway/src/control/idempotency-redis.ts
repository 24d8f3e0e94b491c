/** Idempotency keys in Redis, for all nodes: sealed, because an answer may hold a ticket and a forged one would be believed. */

import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'
import type { IdempotencyRecord, IdempotencyStore } from './idempotency-store.ts'

/** Options of `redisIdempotency`; `client` and `secret` are required. */
export interface RedisIdempotencyOptions {
  /** A connected client of node-redis. Let it fail while there is no connection: `disableOfflineQueue: true`. */
  readonly client: { sendCommand(command: string[]): Promise<unknown> }
  /** What all nodes share, and nobody else: at least 32 bytes. */
  readonly secret: Uint8Array
  /** What its keys begin with. Default `portcullis:idempotency:`. */
  readonly keyPrefix?: string
}

const CLAIM_LENGTH = 22
const NONCE_BYTES = 12
const TAG_BYTES = 16

const CLAIM = `local known = redis.call('GET', KEYS[1])
if known then return known end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return false`
const KEEP = `local known = redis.call('GET', KEYS[1])
if known and string.sub(known, 1, ${CLAIM_LENGTH}) ~= ARGV[3] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1`
const RELEASE = `local known = redis.call('GET', KEYS[1])
if known and string.sub(known, 1, ${CLAIM_LENGTH}) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 1`

/**
 * Keeps records in Redis 6.2 or later under AES-256-GCM, each sealed for its id. A record that does not open is an error: the
 * request is refused and nothing is done.
 *
 * @throws TypeError quoting the option that is wrong
 */
export function redisIdempotency(options: RedisIdempotencyOptions): IdempotencyStore {
  const { client, secret, keyPrefix = 'portcullis:idempotency:' } = options
  if (typeof client?.sendCommand !== 'function') throw new TypeError('"client" must be a client of node-redis')
  if (!(secret instanceof Uint8Array) || secret.length < 32) throw new TypeError('"secret" must have at least 32 bytes')
  if (typeof keyPrefix !== 'string' || keyPrefix === '') throw new TypeError('"keyPrefix" must be a non-empty string')
  const key = Buffer.from(hkdfSync('sha256', secret, '', 'portcullis control idempotency', 32))

  function seal(id: string, record: IdempotencyRecord): string {
    const nonce = randomBytes(NONCE_BYTES)
    const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(id))
    const sealed = Buffer.concat([cipher.update(JSON.stringify(record)), cipher.final()])
    return Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString('base64url')
  }

  function open(id: string, text: string): IdempotencyRecord {
    const bytes = Buffer.from(text, 'base64url')
    const tag = bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES)
    if (tag.length !== TAG_BYTES) throw new Error('a record of an idempotency key is too short')
    const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, NONCE_BYTES))
    decipher.setAAD(Buffer.from(id)).setAuthTag(tag)
    const opened = Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES)), decipher.final()])
    return JSON.parse(opened.toString()) as IdempotencyRecord
  }

  const run = (script: string, id: string, ...args: string[]) =>
    client.sendCommand(['EVAL', script, '1', keyPrefix + id, ...args])

  return {
    async claim(id, claim, fingerprint, ttlMs) {
      const known = await run(CLAIM, id, claim + seal(id, { fingerprint, answer: null }), String(ttlMs))
      return typeof known === 'string' ? open(id, known.slice(CLAIM_LENGTH)) : null
    },
    async keep(id, claim, record, ttlMs) {
      await run(KEEP, id, claim + seal(id, record), String(ttlMs), claim)
    },
    async release(id, claim) {
      await run(RELEASE, id, claim)
    },
  }
}
