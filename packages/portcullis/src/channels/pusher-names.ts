/** What Pusher's scheme lets be signed: socket ids, channel names, and who is behind them. */

/** A longer `channel_data` or `user_data` is neither signed nor looked at. Bytes of UTF-8. */
export const MAX_DATA_BYTES = 2048
const MAX_ID_LENGTH = 128

/** Without `:`, which separates the parts that are signed: `a` and `b:c` must not read like `a:b` and `c`. */
const CHANNEL = /^[A-Za-z0-9_\-=@,.;]{1,200}$/
/** Whatever the application's pattern says: one printable word without the separator. */
const WORD = /^[\x21-\x39\x3B-\x7E]{1,128}$/
/** As Socket.IO 4 makes them (20 of base64url, from engine.io's base64id), and as Pusher does. */
const SOCKET_ID = /[A-Za-z0-9_-]{20}|\d{1,20}\.\d{1,20}/

/** Who is on a presence channel, as `channel_data` says it. */
export interface PresenceMember {
  /** A safe integer counts as its decimal text. At most 128 characters. */
  readonly user_id: string | number
  readonly user_info?: unknown
}

/** Who has signed in, as `user_data` says it. */
export interface PusherUser {
  /** At most 128 characters. */
  readonly id: string
  readonly user_info?: unknown
  /** Ids of the users whose comings and goings this one is told of. */
  readonly watchlist?: readonly string[]
}

/**
 * True for a channel name that Pusher knows: 1 to 200 of `A-Z a-z 0-9 _ - = @ , . ;`.
 *
 * @see https://pusher.com/docs/channels/using_channels/channels/#channel-naming-conventions
 */
export function isChannelName(value: unknown): value is string {
  return typeof value === 'string' && CHANNEL.test(value)
}

export function isPresenceChannel(channel: string): boolean {
  return channel.startsWith('presence-')
}

/** @throws TypeError when the pattern keeps state between calls (`g`, `y`) or matches line by line (`m`) */
export function socketIdTest(pattern: RegExp = SOCKET_ID): (value: unknown) => value is string {
  if (!(pattern instanceof RegExp) || /[gmy]/.test(pattern.flags)) {
    throw new TypeError('"socketIdPattern" must be a RegExp without the flags g, m and y')
  }
  const whole = new RegExp(`^(?:${pattern.source})$`, pattern.flags)
  return (value): value is string => typeof value === 'string' && WORD.test(value) && whole.test(value)
}

/**
 * True for text whose UTF-8 is its own: two texts with a lone surrogate become the same bytes, so that one's signature
 * would fit the other.
 */
export function isSignable(value: unknown): value is string {
  return (
    typeof value === 'string' && value !== '' && Buffer.byteLength(value) <= MAX_DATA_BYTES && !/\p{Cs}/u.test(value)
  )
}

/** The own field `id` or `user_id` of a JSON object and the object, or null when it names nobody for certain. */
export function personOf(json: string, field: 'id' | 'user_id'): { id: string; data: object } | null {
  const data = parse(json)
  if (typeof data !== 'object' || data === null || Array.isArray(data) || !Object.hasOwn(data, field)) return null
  const id: unknown = (data as Record<string, unknown>)[field]
  const text = typeof id === 'number' && Number.isSafeInteger(id) ? String(id) : id
  if (typeof text !== 'string' || text === '' || text.length > MAX_ID_LENGTH) return null
  // Members are kept by their id in plain objects by many a client: `__proto__` would be no member but its parent.
  return Object.hasOwn(Object.prototype, text) ? null : { id: text, data }
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    return null
  }
}
