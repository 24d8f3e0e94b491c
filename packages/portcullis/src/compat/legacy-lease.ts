/** What an admitted socket carries, and the end of it: the old libraries checked a credential once and trusted it for ever. */

import { type Authentication, CODES, type Lease } from 'portcullis'
import type { Namespace, Socket } from 'socket.io'

/** Timers past this fire at once (Node.js, `setTimeout`). */
const MAX_TIMER_MS = 2 ** 31 - 1

/** What to do with the sockets that are still among the middlewares of their namespace, once they are connected. */
const pending = new WeakMap<Socket, (() => void)[]>()
const attended = new WeakSet<Namespace>()

/**
 * Puts identity and lease on `socket.data`, where the policies of `createAuth` have them too. When the lease ends, `tell` is
 * called, the client hears `auth:closed` with AUTH_EXPIRED, and the socket is disconnected from its namespace; at once as it is
 * connected, where the lease has ended before that. A socket that never comes to be connected is told nothing.
 */
export function holdLease(socket: Socket, { identity, lease }: Authentication, tell: () => void = () => {}): void {
  socket.data.identity = identity
  socket.data.lease = lease
  const { expiresAt } = lease
  if (expiresAt === null) return

  function end(): void {
    if (!socket.connected) return
    const { message, retry } = CODES.AUTH_EXPIRED
    try {
      tell()
      socket.emit('auth:closed', { code: 'AUTH_EXPIRED', message, retry })
    } finally {
      // Whatever a listener of the application for what is sent has thrown.
      socket.disconnect()
    }
  }

  function hold(): void {
    if (hasEnded(lease)) end()
    else socket.once('disconnect', atEnd(expiresAt as number, end))
  }

  if (socket.connected) hold()
  else onceConnected(socket, hold)
}

/** Only then is a timer needed, which a socket that goes before would leave behind: it is told of no disconnect. */
function onceConnected(socket: Socket, hold: () => void): void {
  const holds = pending.get(socket)
  if (holds === undefined) pending.set(socket, [hold])
  else holds.push(hold)
  const { nsp } = socket
  if (attended.has(nsp)) return
  attended.add(nsp)
  nsp.prependListener('connect', (connected: Socket) => {
    for (const each of pending.get(connected) ?? []) each()
    pending.delete(connected)
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
