/** Pusher's signatures: HMAC-SHA256, in hex, over a socket's id and the channel or user that it may have. */

import { createHmac, type KeyObject, timingSafeEqual } from 'node:crypto'
import { AuthError } from '../errors.ts'
import {
  isChannelName,
  isPresenceChannel,
  isSignable,
  type PresenceMember,
  personOf,
  socketIdTest,
} from './pusher-names.ts'
import { type PusherSignerOptions, signerSettingsOf } from './pusher-options.ts'
import { authOf, channelText, parseAuth, signedText, userText } from './pusher-text.ts'

/** What Pusher's clients take from an authorization endpoint. */
export interface ChannelSignature {
  /** `<key>:<64 hex digits>`; with `ttlSeconds`, `:` and epoch seconds behind it. */
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

/**
 * Signs and verifies as Pusher does: `socket_id:channel`, `socket_id:channel:channel_data` and
 * `socket_id::user::user_data`. `channel_data` counts as the bytes it came in, never as what they mean, up to 2048; on a
 * `presence-` channel it must name a member by `user_id`.
 *
 * Pusher's scheme has no expiry: a signature holds as long as the socket's id. With `ttlSeconds`, what is signed here says until when
 * it may be presented, as `socket_id::expires::<epoch seconds>:` before the rest; with `requireExpiry`, nothing else verifies.
 *
 * Does not check: whether the socket may have the channel (that is decided before signing), and whether the socket still exists.
 * The end is that of the signature, not of what was joined with it: who must lose a channel is removed from it.
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
  const { secrets, socketIdPattern, ttlSeconds, requireExpiry, clock } = signerSettingsOf(options)
  const [[newestKey, newestSecret]] = secrets as unknown as readonly [readonly [string, KeyObject]]
  const isSocketId = socketIdTest(socketIdPattern)

  function sign(socketId: string, text: string): string {
    const end = ttlSeconds === null ? null : String(Math.ceil(clock.now() / 1000 + ttlSeconds))
    return authOf(newestKey, digestOf(newestSecret, signedText(socketId, text, end)), end)
  }

  /** The key that made the signature, or null. */
  function keyOf(presented: unknown, socketId: string, text: string): string | null {
    const auth = parseAuth(presented)
    const secret = auth === null ? undefined : secrets.get(auth.key)
    if (auth === null || secret === undefined) return null
    const { key, signature, end } = auth
    if (!timingSafeEqual(digestOf(secret, signedText(socketId, text, end)), signature)) return null
    const holds = end === null ? !requireExpiry : clock.now() < Number(end) * 1000
    return holds ? key : null
  }

  return Object.freeze<PusherSigner>({
    isSocketId,
    signChannel(socketId, channel, channelData) {
      const data = textOf(channelData)
      if (!isSocketId(socketId)) throw invalid('socket_id')
      if (!isChannelName(channel)) throw invalid('channel')
      if (!isChannelData(channel, data)) throw invalid('channel_data')
      const auth = sign(socketId, channelText(channel, data))
      return data === undefined ? { auth } : { auth, channel_data: data }
    },
    signUser(socketId, userData) {
      const data = textOf(userData)
      if (!isSocketId(socketId)) throw invalid('socket_id')
      if (!isSignable(data) || personOf(data, 'id') === null) throw invalid('user_data')
      return { auth: sign(socketId, userText(data)), user_data: data }
    },
    verifyChannel({ socketId, channel, auth, channelData }) {
      if (!isSocketId(socketId) || !isChannelName(channel) || !isChannelData(channel, channelData)) return null
      const key = keyOf(auth, socketId, channelText(channel, channelData))
      return key === null ? null : { key, member: memberOf(channel, channelData) }
    },
    verifyUser({ socketId, auth, userData }) {
      if (!isSocketId(socketId) || !isSignable(userData)) return null
      const key = keyOf(auth, socketId, userText(userData))
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

function invalid(reason: string): AuthError {
  return new AuthError('AUTH_ARGUMENTS_INVALID', { reason })
}
