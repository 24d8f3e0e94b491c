/** What an admitted socket carries, and the end of it: the old libraries checked a credential once and trusted it for ever. */

import { type Authentication, CODES, type Lease } from 'portcullis'
import type { Socket } from 'socket.io'

/** Timers past this fire at once (Node.js, `setTimeout`). */
const MAX_TIMER_MS = 2 ** 31 - 1

/** The timers of a connection: a socket that never comes to be connected is told of no disconnect. */
const armed = new WeakMap<object, Set<() => void>>()

/**
 * Puts identity and lease on `socket.data`, where the policies of `createAuth` have them too. When the lease ends, `tell` is
 * called, the client hears `auth:closed` with AUTH_EXPIRED, and the socket is disconnected from its namespace.
 */
export function holdLease(socket: Socket, { identity, lease }: Authentication, tell: () => void = () => {}): void {
  socket.data.identity = identity
  socket.data.lease = lease
  if (lease.expiresAt === null) return
  const cancel = atEnd(lease.expiresAt, () => {
    tell()
    socket.emit('auth:closed', {
      code: 'AUTH_EXPIRED',
      message: CODES.AUTH_EXPIRED.message,
      retry: CODES.AUTH_EXPIRED.retry,
    })
    socket.disconnect()
  })
  socket.once('disconnect', cancel)
  const { conn } = socket
  const timers = armed.get(conn) ?? new Set()
  timers.add(cancel)
  if (armed.has(conn)) return
  armed.set(conn, timers)
  conn.once('close', () => {
    for (const each of timers) each()
  })
}

/** True where the lease has ended: a lease holds while now is before its end. */
export const hasEnded = ({ expiresAt }: Pick<Lease, 'expiresAt'>): boolean =>
  expiresAt !== null && Date.now() / 1000 >= expiresAt

/** Calls `end` at `expiresAt`, epoch seconds, also where that is years away. Returns how to cancel it. */
function atEnd(expiresAt: number, end: () => void): () => void {
  let timer: NodeJS.Timeout
  const arm = () => {
    const leftMs = Math.ceil(expiresAt * 1000 - Date.now())
    timer = setTimeout(() => (leftMs > MAX_TIMER_MS ? arm() : end()), Math.min(Math.max(leftMs, 0), MAX_TIMER_MS))
    timer.unref()
  }
  arm()
  return () => clearTimeout(timer)
}
