/** What clients may call channels and events, and what the names say about who may be there. */

/** Laravel's names are far shorter; Pusher's own limit is 200. UTF-16 units. */
export const MAX_NAME_LENGTH = 200

/** Room names of Socket.IO are also socket ids and whatever the application uses: a channel must never be one of those. */
const ROOM_PREFIX = 'laravel-echo#'

const CONTROL = /\p{Cc}|\p{Cs}|[\u2028\u2029]/u

/** Names that Socket.IO keeps for itself: emitting one throws. */
const RESERVED = new Set(['connect', 'connect_error', 'disconnect', 'disconnecting', 'newListener', 'removeListener'])

/** A string of 1 to 200 characters, none of which is a control character or half of a surrogate pair. */
export function isName(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= MAX_NAME_LENGTH && !CONTROL.test(value)
}

/**
 * True where the application has to be asked. As in the old server the words count anywhere in the name: with a wrong key prefix, the
 * events of `private-x` arrive on `app_private-x`, which must not be public by that.
 */
export const needsAuthorization = (channel: string): boolean => /private-|presence-/.test(channel)

export const isPresence = (channel: string): boolean => channel.startsWith('presence-')

/** What a client may send to the others. */
export const isClientEvent = (event: unknown): event is string => isName(event) && event.startsWith('client-')

/** What the application may send. */
export const isServerEvent = (event: unknown): event is string => isName(event) && !RESERVED.has(event)

export const roomOf = (channel: string): string => ROOM_PREFIX + channel

/** An own property of an object from outside; undefined where there is none. */
export function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? (value as Record<string, unknown>)[name]
    : undefined
}
