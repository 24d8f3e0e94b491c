/** Messages that only holders of a secret can write: HMAC-SHA256, the time, and the payload. */

import { createHmac, timingSafeEqual } from 'node:crypto'
import { RefusedEmission } from './refusal.ts'

const MAC_BYTES = 32
const TIME_BYTES = 8
/** How far a stamp may be from this node's clock, in either direction. */
const WINDOW_MS = 60_000
/** Some 10 MB; a node that hears more than that in a minute refuses the rest. */
const REMEMBERED = 100_000
const MIN_SECRET_BYTES = 32

/**
 * Signs what is published on `channel`: 32 bytes HMAC-SHA256(secret, channel "\n" time payload), 8 bytes time (milliseconds since 1970,
 * big-endian), and the payload as it was. The channel is signed with it, so that it cannot be sent to another namespace.
 *
 * @throws TypeError when the secret has fewer than 32 bytes
 * @example
 * const signing = { publish: (channel, payload) => client.publish(channel, signEmission(secret, channel, payload)) }
 * new Emitter(signing, { key: 'socket.io.signed' }).to('organization.7').emit('news', item)
 */
export function signEmission(
  secret: Buffer,
  channel: string,
  payload: string | Uint8Array,
  stampedAtMs: number = Date.now(),
): Buffer {
  requireSecret(secret)
  const time = Buffer.alloc(TIME_BYTES)
  time.writeBigUInt64BE(BigInt(stampedAtMs))
  const body = typeof payload === 'string' ? Buffer.from(payload) : payload
  return Buffer.concat([macOf(secret, channel, time, body), time, body])
}

/** @throws TypeError quoting the option */
export function requireSecret(secret: unknown): void {
  if (!Buffer.isBuffer(secret) || secret.length < MIN_SECRET_BYTES) {
    throw new TypeError(`"secret" must be a Buffer of at least ${MIN_SECRET_BYTES} bytes`)
  }
}

/**
 * Takes the payload out of a signed message. Each bridge remembers what it has heard within the window by itself: a node that has just started
 * does not know what others have heard.
 *
 * @throws RefusedEmission `signature`, `stale`, `replayed`, `overloaded`
 */
export function createUnsealing(secret: Buffer, nowMs: () => number = Date.now, remembered = REMEMBERED) {
  requireSecret(secret)
  /** Mac to the moment from which its stamp is too old anyway. In the order in which they came. */
  const heard = new Map<string, number>()

  function makeRoom(now: number): void {
    for (const [mac, untilMs] of heard) {
      if (untilMs >= now) break
      heard.delete(mac)
    }
    if (heard.size >= remembered) throw new RefusedEmission('overloaded')
  }

  return function unseal(channel: string, message: Buffer): Buffer {
    if (message.length < MAC_BYTES + TIME_BYTES) throw new RefusedEmission('signature')
    const mac = message.subarray(0, MAC_BYTES)
    const time = message.subarray(MAC_BYTES, MAC_BYTES + TIME_BYTES)
    const payload = message.subarray(MAC_BYTES + TIME_BYTES)
    if (!timingSafeEqual(mac, macOf(secret, channel, time, payload))) throw new RefusedEmission('signature')
    const now = nowMs()
    const stampedAtMs = Number(time.readBigUInt64BE())
    if (Math.abs(now - stampedAtMs) > WINDOW_MS) throw new RefusedEmission('stale')
    const key = mac.toString('base64')
    if (heard.has(key)) throw new RefusedEmission('replayed')
    makeRoom(now)
    heard.set(key, stampedAtMs + WINDOW_MS)
    return payload
  }
}

function macOf(secret: Buffer, channel: string, time: Uint8Array, payload: Uint8Array): Buffer {
  return createHmac('sha256', secret).update(`${channel}\n`).update(time).update(payload).digest()
}
