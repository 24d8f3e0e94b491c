/** Names that are not an application's to use: those of Socket.IO, of the protocol, and of the gateway's own rooms. */

const EVENTS = new Set([
  'connect',
  'connect_error',
  'connection',
  'disconnect',
  'disconnecting',
  'newListener',
  'removeListener',
])
const PREFIXES = /^(auth:|presence:(join|leave|list|watch|unwatch)$)/
/** Rooms of users, and of those who watch presence, have a bar in their names. */
const ROOMS = /[|]|^auth:/

/** An event that no application sends: a client would take it for something that the server says. */
export function isReservedEvent(event: string): boolean {
  return EVENTS.has(event) || PREFIXES.test(event)
}

/** A room that Portcullis or the gateway itself puts sockets into: to be in it would be to hear what is meant for somebody else. */
export function isReservedRoom(room: string): boolean {
  return ROOMS.test(room)
}
