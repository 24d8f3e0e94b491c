/** `socket.request.user`, as socketio-jwt-auth set it. */

import type { Socket } from 'socket.io'

/**
 * The user is copied, because `logged_in` would else be left on an object that may be shared or cached. The request is one for all
 * namespaces of a connection, whose middlewares may find different users: each socket gets a view of it with its own.
 */
export function placeUser(socket: Socket, user: unknown, loggedIn: boolean): void {
  const request = Object.create(socket.request, {
    user: { value: marked(user, loggedIn), writable: true, enumerable: true, configurable: true },
  })
  Object.defineProperty(socket, 'request', { value: request, writable: true, enumerable: true, configurable: true })
}

/** A primitive stays what it is. */
function marked(user: unknown, loggedIn: boolean): unknown {
  const mark = { value: loggedIn, writable: true, enumerable: true, configurable: true }
  if (typeof user !== 'object' || user === null) return loggedIn ? user : Object.defineProperty({}, 'logged_in', mark)
  const properties = Object.getOwnPropertyDescriptors(user)
  return Object.create(Object.getPrototypeOf(user), { ...properties, logged_in: mark })
}
