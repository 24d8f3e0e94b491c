/** What happens when a socket has connected, and when it is gone. */

import type { Socket } from 'socket.io'
import { armDeadline, isIdle } from './connection.ts'
import { endOfEntry, type Guard } from './guard.ts'
import type { Entry } from './registry.ts'

/** The prepended `connect` listener: the last look, before the application's own listener sees the socket. */
export function createAdmitted(guard: Guard, close: (entry: Entry, code: NonNullable<Entry['ended']>) => void) {
  return function admitted(socket: Socket): void {
    const entry = guard.registry.of(socket)
    // Whatever connected without an entry did not pass the gate.
    if (entry === undefined) {
      socket.disconnect(true)
      return
    }
    const { connection } = entry
    const ended = endOfEntry(guard, entry)
    entry.state = 'connected'
    connection.connected += 1
    connection.failures = 0
    connection.cancelDeadline()
    socket.once('disconnect', () => {
      release(guard, entry)
      if (isIdle(connection)) armDeadline(connection, guard.limits, guard.clock)
    })
    if (ended !== null) {
      close(entry, ended)
      return
    }
    if (entry.memberships.length > 0) socket.join([...entry.memberships])
    if (entry.lease.expiresAt !== null) {
      entry.expiring = { expiresAt: entry.lease.expiresAt, expire: () => close(entry, 'AUTH_EXPIRED') }
      guard.leases.add(entry.expiring)
    }
  }
}

/** Lets go of all that is kept for a socket. Safe to call twice. */
export function release(guard: Guard, entry: Entry): void {
  if (entry.state === 'connected') entry.connection.connected -= 1
  entry.state = 'closed'
  entry.backlog = null
  if (entry.expiring !== null) guard.leases.delete(entry.expiring)
  for (const { expiring } of entry.grants.values()) if (expiring !== null) guard.leases.delete(expiring)
  entry.grants.clear()
  guard.registry.forget(entry)
}
