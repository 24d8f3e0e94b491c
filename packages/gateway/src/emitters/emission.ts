/** The two forms in which emitters write an emission, read into one. */

import { Decoder, ExtensionCodec } from '@msgpack/msgpack'
import { isReservedEvent } from '../reserved.ts'
import { isSoundMsgpack } from './msgpack-bounds.ts'
import { RefusedEmission } from './refusal.ts'

/** Whom it is for: rooms, none of them meaning the whole namespace. */
export interface Target {
  /** With its slash. */
  readonly namespace: string
  readonly rooms: readonly string[]
  readonly except: readonly string[]
}

/** Something to send to sockets. */
export interface Emission extends Target {
  readonly event: string
  readonly args: readonly unknown[]
  readonly volatile: boolean
  /** Null: as the server is configured. */
  readonly compress: boolean | null
}

/** EVENT and BINARY_EVENT of Socket.IO's protocol. Which of the two is sent is found out anew from the arguments. */
const TYPES: readonly unknown[] = [2, 5]

const extensionCodec = new ExtensionCodec()
// notepack.io, which @socket.io/redis-emitter encodes with, has one type for both; JSON has no undefined within an array either.
extensionCodec.register({
  type: 0,
  encode: () => null,
  decode: (data) => (data.length === 1 && data[0] === 0 ? undefined : Buffer.from(data)),
})
const decoder = new Decoder({ extensionCodec })

/**
 * Today's form, of @socket.io/redis-emitter: `[uid, packet, options]`. The uid is anything: emitters in other languages make one up.
 *
 * @throws RefusedEmission
 */
export function readEmission(payload: Buffer): Emission {
  const [uid, packet, options, ...more] = listOf(decode(payload))
  if (typeof uid !== 'string' || more.length > 0) throw new RefusedEmission('malformed')
  return emissionOf(packet, options)
}

/**
 * The form of socket.io-emitter before 1.0 and of the PHP emitter: `[packet, options]`.
 *
 * @throws RefusedEmission
 */
export function readLegacyEmission(payload: Buffer): Emission {
  const [packet, options, ...more] = listOf(decode(payload))
  if (more.length > 0) throw new RefusedEmission('malformed')
  return emissionOf(packet, options)
}

/** @throws RefusedEmission */
export function roomsOf(value: unknown): readonly string[] {
  if (value === undefined || value === null) return []
  return listOf(value).map((room) => {
    if (typeof room === 'string') return room
    // PHP turns '7' into 7 where it is an array's key.
    if (Number.isSafeInteger(room)) return String(room)
    throw new RefusedEmission('malformed')
  })
}

/** @throws RefusedEmission for lists too, except for an empty one, which is all that PHP has for an empty map */
export function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  if (Array.isArray(value) && value.length === 0) return {}
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new RefusedEmission('malformed')
  return value as Readonly<Record<string, unknown>>
}

function emissionOf(rawPacket: unknown, rawOptions: unknown): Emission {
  const packet = recordOf(rawPacket)
  const options = recordOf(rawOptions)
  const flags = options.flags === undefined || options.flags === null ? {} : recordOf(options.flags)
  const [event, ...args] = listOf(packet.data)
  if (!TYPES.includes(packet.type) || typeof event !== 'string') throw new RefusedEmission('malformed')
  if (isReservedEvent(event)) throw new RefusedEmission('reserved')
  return {
    namespace: namespaceOf(packet.nsp),
    rooms: roomsOf(options.rooms),
    except: roomsOf(options.except),
    event,
    args,
    volatile: Boolean(flags.volatile),
    compress: flags.compress === undefined || flags.compress === null ? null : Boolean(flags.compress),
  }
}

function namespaceOf(value: unknown): string {
  if (value === undefined || value === null || value === '') return '/'
  if (typeof value !== 'string') throw new RefusedEmission('malformed')
  return value.startsWith('/') ? value : `/${value}`
}

function decode(payload: Buffer): unknown {
  if (!isSoundMsgpack(payload)) throw new RefusedEmission('malformed')
  try {
    return decoder.decode(payload)
  } catch (cause) {
    throw new RefusedEmission('malformed', { cause })
  }
}

function listOf(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new RefusedEmission('malformed')
  return value
}
