/** Pusher's signatures: HMAC-SHA256, in hex, over a socket's id and the channel or user that it may have. */

import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto'
import { AuthError } from '../errors.ts'
import {
  isChannelName,
  isPresenceChannel,
  isSignable,
  type PresenceMember,
  personOf,
  socketIdTest,
} from './pusher-names.ts'

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
}

/** What Pusher's clients take from an authorization endpoint. */
export interface ChannelSignature {
  /** `<key>:<64 hex digits>`. */
  readonly auth: string
  /** The very bytes that are signed: a client must pass them on as they are. */
  readonly channel_data?: string
}

/** What Pusher's clients take from a user authentication endpoint. */
export interface UserSignature {
  readonly auth: string
  readonly user_data: string
}

/** A signature that holds. */
export interface VerifiedChannel {
  /** The key it was made with. */
  readonly key: string
  /** Who is on a presence channel; null on any other. */
  readonly member: { readonly userId: string; readonly userInfo: unknown } | null
}

/** A user signature that holds. */
export interface VerifiedUser {
  readonly key: string
  readonly userId: string
  /** The parsed `user_data`. */
  readonly data: object
}

/** Signs and verifies. Whatever `verifyChannel` and `verifyUser` are given, they answer or say null and never throw. */
export interface PusherSigner {
  /** Lets one socket have one channel. `channelData` is required for `presence-` channels; an object becomes its JSON. */
  signChannel(socketId: string, channel: string, channelData?: string | PresenceMember): ChannelSignature
  /** Says who one socket's user is. `userData` needs a non-empty `id`; an object becomes its JSON. */
  signUser(socketId: string, userData: string | { readonly id: string }): UserSignature
  /** Null unless this signature was made for exactly this socket, this channel and these bytes. */
  verifyChannel(presented: {
    readonly socketId: unknown
    readonly channel: unknown
    readonly auth: unknown
    readonly channelData?: unknown
  }): VerifiedChannel | null
  /** Null unless this signature was made for exactly this socket and these bytes. */
  verifyUser(presented: {
    readonly socketId: unknown
    readonly auth: unknown
    readonly userData: unknown
  }): VerifiedUser | null
  /** True for what can be the id of a socket here. */
  isSocketId(value: unknown): value is string
}

/** A signature is `<key>:<hex>`; upper case would be a second spelling of the same. */
const AUTH = /^([A-Za-z0-9_-]{1,64}):([0-9a-f]{64})$/
const KEY = /^[A-Za-z0-9_-]{1,64}$/
const STRONG_SECRET_BYTES = 20

/**
 * Signs and verifies as Pusher does: `socket_id:channel`, `socket_id:channel:channel_data` and
 * `socket_id::user::user_data`. `channel_data` counts as the bytes it came in, never as what they mean, up to 2048; on a
 * `presence-` channel it must name a member by `user_id`.
 *
 * Does not check: whether the socket may have the channel (that is decided before signing), whether the socket still
 * exists, and when it was signed: the scheme has no expiry, so a signature holds as long as the socket's id. Who must
 * lose a channel is removed from it, or the key is changed.
 *
 * @throws TypeError at once, when an option is missing or malformed
 * @throws AuthError from `signChannel` and `signUser`: AUTH_ARGUMENTS_INVALID, with the reason `socket_id`, `channel`,
 * `channel_data` or `user_data`
 *
 * @example
 * const signer = pusherSigner({ keys: [{ key, secret }] })
 * const { auth } = signer.signChannel(socket.id, 'private-orders')
 * signer.verifyChannel({ socketId: socket.id, channel: 'private-orders', auth }) !== null
 *
 * @see https://pusher.com/docs/channels/library_auth_reference/auth-signatures/ ; subpath `portcullis/channels/pusher`
 */
export function pusherSigner(options: PusherSignerOptions): PusherSigner {
  const { keys, socketIdPattern }: PusherSignerOptions = Object.assign(Object.create(null), options)
  const secrets = secretsOf(keys)
  const [newest] = secrets
  if (newest === undefined) throw new TypeError('"keys" must be a non-empty array of { key, secret }')
  const isSocketId = socketIdTest(socketIdPattern)

  function sign(text: string): string {
    const [key, secret] = newest as readonly [string, KeyObject]
    return `${key}:${digestOf(secret, text).toString('hex')}`
  }

  /** The key that made the signature, or null. */
  function keyOf(auth: unknown, text: string): string | null {
    const [, key = '', hex = ''] = (typeof auth === 'string' ? AUTH.exec(auth) : null) ?? []
    const secret = secrets.get(key)
    if (secret === undefined) return null
    return timingSafeEqual(digestOf(secret, text), Buffer.from(hex, 'hex')) ? key : null
  }

  return Object.freeze<PusherSigner>({
    isSocketId,
    signChannel(socketId, channel, channelData) {
      const data = textOf(channelData)
      if (!isSocketId(socketId)) throw invalid('socket_id')
      if (!isChannelName(channel)) throw invalid('channel')
      if (!isChannelData(channel, data)) throw invalid('channel_data')
      const auth = sign(channelText(socketId, channel, data))
      return data === undefined ? { auth } : { auth, channel_data: data }
    },
    signUser(socketId, userData) {
      const data = textOf(userData)
      if (!isSocketId(socketId)) throw invalid('socket_id')
      if (!isSignable(data) || personOf(data, 'id') === null) throw invalid('user_data')
      return { auth: sign(userText(socketId, data)), user_data: data }
    },
    verifyChannel({ socketId, channel, auth, channelData }) {
      if (!isSocketId(socketId) || !isChannelName(channel) || !isChannelData(channel, channelData)) return null
      const key = keyOf(auth, channelText(socketId, channel, channelData))
      return key === null ? null : { key, member: memberOf(channel, channelData) }
    },
    verifyUser({ socketId, auth, userData }) {
      if (!isSocketId(socketId) || !isSignable(userData)) return null
      const key = keyOf(auth, userText(socketId, userData))
      const person = key === null ? null : personOf(userData, 'id')
      return key === null || person === null ? null : { key, userId: person.id, data: person.data }
    },
  })
}

/** What is signed for an object is its JSON; what has none, such as a cycle, is null and refused as malformed. */
function textOf(data: unknown): unknown {
  if (typeof data !== 'object' || data === null) return data
  try {
    return JSON.stringify(data)
  } catch {
    return null
  }
}

function channelText(socketId: string, channel: string, data: string | undefined): string {
  return data === undefined ? `${socketId}:${channel}` : `${socketId}:${channel}:${data}`
}

function userText(socketId: string, data: string): string {
  return `${socketId}::user::${data}`
}

function digestOf(secret: KeyObject, text: string): Buffer {
  return createHmac('sha256', secret).update(text, 'utf8').digest()
}

function isChannelData(channel: string, data: unknown): data is string | undefined {
  if (isPresenceChannel(channel)) return isSignable(data) && personOf(data, 'user_id') !== null
  return data === undefined || isSignable(data)
}

function memberOf(channel: string, data: string | undefined): VerifiedChannel['member'] {
  const person = data !== undefined && isPresenceChannel(channel) ? personOf(data, 'user_id') : null
  if (person === null) return null
  const userInfo = Object.hasOwn(person.data, 'user_info') ? (person.data as PresenceMember).user_info : null
  return { userId: person.id, userInfo }
}

function secretsOf(keys: unknown): ReadonlyMap<string, KeyObject> & Iterable<[string, KeyObject]> {
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
  return secrets
}

function warnOfWeakSecret(): void {
  process.emitWarning(
    `"secret" is shorter than ${STRONG_SECRET_BYTES} bytes: whoever guesses it from one signature can sign any channel`,
    { type: 'SecurityWarning', code: 'PORTCULLIS_WEAK_SECRET' },
  )
}

function invalid(reason: string): AuthError {
  return new AuthError('AUTH_ARGUMENTS_INVALID', { reason })
}
