/** The end of a socket's authority, and letting go of what was kept for it. */

import type { Socket } from 'socket.io'
import { type AuthErrorCode, refusalOf } from '../errors.ts'
import { CLOSED } from '../protocol.ts'
import { isIdle } from './connection.ts'
import type { Guard } from './guard.ts'
import { mute } from './hidden.ts'
import { notify } from './packet.ts'
import type { Entry } from './registry.ts'

/** Ends a socket's authority: the reason first, in order, then the disconnection. A connecting socket never connects. */
export function endEntry(guard: Guard, entry: Entry, code: AuthErrorCode): void {
  const { socket, connection, namespace, identity } = entry
  const first = entry.ended === null
  entry.ended ??= code
  if (first && guard.audit.enabled) {
    const stage = code === 'AUTH_REVOKED' ? 'revoke' : 'expire'
    const rule = code === 'AUTH_RATE_LIMITED' ? 'limits' : 'lease'
    guard.audit.record({
      stage,
      namespace,
      socketId: socket.id,
      identity,
      code,
      rule,
      startedMs: performance.now(),
      of: entry,
    })
  }
  // One that was marked while it connected comes here once more when it has.
  if (entry.state !== 'connected') return
  notify(socket, CLOSED, refusalOf(entry.ended))
  mute(socket)
  // Other namespaces of the connection have leases of their own; without any left, the connection goes too.
  disconnect(socket)
  release(guard, entry)
  if (isIdle(connection)) connection.engineSocket.close()
}

/** Lets go of all that is kept for a socket. Safe to call twice. */
export function release(guard: Guard, entry: Entry): void {
  if (entry.state === 'connected') entry.connection.connected -= 1
  entry.state = 'closed'
  // Socket.IO goes on writing what the application sends to a socket that has left, while its connection stands.
  mute(entry.socket)
  entry.withheld = null
  entry.backlog = null
  disarmLease(guard, entry)
  guard.revalidation.delete(entry)
  for (const { expiring } of entry.grants.values()) if (expiring !== null) guard.leases.delete(expiring)
  entry.grants.clear()
  guard.registry.forget(entry)
}

/** The application's listeners may throw, which ends as anywhere else; but it stops neither this disconnection nor the next. */
function disconnect(socket: Socket): void {
  try {
    socket.disconnect()
  } catch (error) {
    process.nextTick(() => {
      throw error
    })
    // A `disconnecting` comes before Socket.IO lets go of the socket: it would keep all its rooms.
    if (socket.listenerCount('disconnecting') === 0) return
    socket.removeAllListeners('disconnecting')
    disconnect(socket)
  }
}

/** Takes the end of its lease off the timer. */
export function disarmLease(guard: Guard, entry: Entry): void {
  if (entry.expiring === null) return
  guard.leases.delete(entry.expiring)
  entry.expiring = null
}
