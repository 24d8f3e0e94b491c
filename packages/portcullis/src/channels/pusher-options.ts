/** What `pusherSigner` may be told, and the check of it at start-up. */

import { createSecretKey, type KeyObject } from 'node:crypto'
import type { Clock } from '../core/clock.ts'

/** An application's key, which is public, and its secret. */
export interface PusherKey {
  /** 1 to 64 of `A-Z a-z 0-9 _ -`. Sent along with every signature. */
  readonly key: string
  /** Pusher's have 20 characters; a shorter one is warned of. */
  readonly secret: string
}

/** Options of `pusherSigner`; `keys` is required. */
export interface PusherSignerOptions {
  /** The newest first: it signs, and all verify. A key that is taken out verifies nothing any more. */
  readonly keys: readonly PusherKey[]
  /** What a socket's id looks like, as a whole. Default: Socket.IO 4's (20 of base64url) and Pusher's (`123.456`). */
  readonly socketIdPattern?: RegExp
  /**
   * Seconds, at most 86,400, after which a signature made here verifies no more; `auth` then is `<key>:<64 hex digits>:<epoch
   * seconds>`. Pusher's clients pass it on; Pusher's own servers refuse it. Default: signatures as Pusher makes them, without an end.
   */
  readonly ttlSeconds?: number
  /** Refuse signatures without an end, such as those of Pusher's libraries. Needs `ttlSeconds`. Default false. */
  readonly requireExpiry?: boolean
  /** For tests. Default: the system's. */
  readonly clock?: Pick<Clock, 'now'>
}

/** The options with their defaults, checked. */
export interface PusherSignerSettings {
  /** By key, in the order of the option; at least one. */
  readonly secrets: ReadonlyMap<string, KeyObject>
  readonly socketIdPattern: RegExp | undefined
  readonly ttlSeconds: number | null
  readonly requireExpiry: boolean
  readonly clock: Pick<Clock, 'now'>
}

const OPTIONS = new Set(['keys', 'socketIdPattern', 'ttlSeconds', 'requireExpiry', 'clock'])
const KEY = /^[A-Za-z0-9_-]{1,64}$/
const STRONG_SECRET_BYTES = 20
const LONGEST_TTL_SECONDS = 86_400

/** @throws TypeError that quotes the option and no secret */
export function signerSettingsOf(options: PusherSignerOptions): PusherSignerSettings {
  // Without a prototype, so that a polluted one configures nothing.
  const own: PusherSignerOptions = Object.assign(Object.create(null), options)
  const { keys, socketIdPattern, ttlSeconds = null, requireExpiry = false, clock = Date } = own
  // A misspelt option would otherwise be a default in silence.
  const unknown = Object.keys(own).find((name) => !OPTIONS.has(name))
  if (unknown !== undefined) throw new TypeError(`"${unknown}" is not an option of pusherSigner()`)
  if (ttlSeconds !== null && !(typeof ttlSeconds === 'number' && ttlSeconds > 0 && ttlSeconds <= LONGEST_TTL_SECONDS)) {
    throw new TypeError(`"ttlSeconds" must be a number above 0 and at most ${LONGEST_TTL_SECONDS}`)
  }
  if (typeof requireExpiry !== 'boolean') throw new TypeError('"requireExpiry" must be a boolean')
  if (requireExpiry && ttlSeconds === null) {
    throw new TypeError('"requireExpiry" needs "ttlSeconds": a signer would refuse what it signs')
  }
  return Object.freeze({ secrets: secretsOf(keys), socketIdPattern, ttlSeconds, requireExpiry, clock })
}

function secretsOf(keys: unknown): ReadonlyMap<string, KeyObject> {
  const secrets = new Map<string, KeyObject>()
  for (const each of Array.isArray(keys) ? (keys as unknown[]) : []) {
    const { key, secret } = (each ?? {}) as Partial<Record<keyof PusherKey, unknown>>
    if (typeof key !== 'string' || !KEY.test(key))
      throw new TypeError('"keys": a "key" must be 1 to 64 of A-Z a-z 0-9 _ -')
    if (typeof secret !== 'string' || secret === '') {
      throw new TypeError(`"keys": the "secret" of ${JSON.stringify(key)} must be a non-empty string`)
    }
    if (secrets.has(key)) throw new TypeError(`"keys": ${JSON.stringify(key)} stands there twice`)
    if (Buffer.byteLength(secret) < STRONG_SECRET_BYTES) warnOfWeakSecret()
    secrets.set(key, createSecretKey(Buffer.from(secret, 'utf8')))
  }
  if (secrets.size === 0) throw new TypeError('"keys" must be a non-empty array of { key, secret }')
  return secrets
}

function warnOfWeakSecret(): void {
  process.emitWarning(
    `"secret" is shorter than ${STRONG_SECRET_BYTES} bytes: whoever guesses it from one signature can sign any channel`,
    { type: 'SecurityWarning', code: 'PORTCULLIS_WEAK_SECRET' },
  )
}
