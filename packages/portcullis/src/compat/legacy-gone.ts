/** The end of a socket, also of one that was never connected. */

import type { Socket } from 'socket.io'

const onConnectionClose = new WeakMap<object, Set<() => void>>()

/**
 * A socket that never comes to be connected is told of no disconnect: its connection is. Returns how to wait no longer, since
 * one connection may come to have any number of sockets that are refused.
 */
export function whenGone(socket: Socket, gone: () => void): () => void {
  const { conn } = socket
  const known = onConnectionClose.get(conn)
  const all = known ?? new Set<() => void>()
  const forget = () => {
    all.delete(gone)
  }
  if (conn.readyState === 'closed') {
    gone()
    return forget
  }
  all.add(gone)
  socket.once('disconnect', () => {
    gone()
    forget()
  })
  if (known !== undefined) return forget
  onConnectionClose.set(conn, all)
  conn.once('close', () => {
    for (const each of all) each()
  })
  return forget
}
