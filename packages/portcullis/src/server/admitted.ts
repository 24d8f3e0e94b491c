/** What happens when a socket has connected, and when it is gone. */

import type { Socket } from 'socket.io'
import { isInForce } from './authorize.ts'
import { armDeadline, discardRequest, isIdle } from './connection.ts'
import { endEntry, release } from './end-entry.ts'
import { armLease } from './entry-lease.ts'
import { endOfEntry, type Guard } from './guard.ts'
import type { Entry } from './registry.ts'

/** The prepended `connect` listener: the last look, before the application's own listener sees the socket. */
export function createAdmitted(guard: Guard, afterConnect: (entry: Entry) => void = () => {}) {
  function left(this: Socket): void {
    const entry = guard.registry.of(this)
    if (entry === undefined) return
    release(guard, entry)
    if (isIdle(entry.connection)) armDeadline(entry.connection, guard.limits, guard.clock)
  }

  return function admitted(socket: Socket): void {
    const entry = guard.registry.of(socket)
    // Whatever connected without an entry did not pass the gate.
    if (entry === undefined) {
      socket.disconnect(true)
      return
    }
    const { connection } = entry
    // A reload that came while the application's middlewares ran has not judged it: it is to come again.
    const ended = endOfEntry(guard, entry) ?? (isInForce(guard, entry) ? null : 'AUTH_UNAVAILABLE')
    entry.state = 'connected'
    connection.connected += 1
    connection.failures = 0
    connection.cancelDeadline()
    guard.unadmitted.delete(connection)
    // One function for all sockets: a closure for each is kept as long as they are.
    socket.on('disconnect', left)
    if (ended !== null) {
      endEntry(guard, entry, ended)
      return
    }
    if (entry.memberships.length > 0) socket.join([...entry.memberships])
    guard.memberships.connected(entry)
    guard.replaceOthers?.(entry)
    // Joining tells the application's adapter listeners, and they may have disconnected it.
    if (!socket.connected) return
    armLease(guard, entry)
    // The application's listeners, which come after this one in the same turn, may still want it.
    if (guard.discardRequest) process.nextTick(discardRequest, connection)
    guard.revalidation.add(entry)
    afterConnect(entry)
  }
}
