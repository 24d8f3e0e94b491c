/** What a socket asks for, one thing after another, and no more of them waiting than may wait. */

import { AuthError } from 'portcullis'
import type { Socket } from 'socket.io'

/** Does the work once all that came before is done. */
export type Turn = <T>(work: () => Promise<T>) => Promise<T>

/** Another one is refused. */
const MAX_WAITING = 100

/**
 * Work of one socket. What still waits when the socket is gone is not done: its authority may have ended meanwhile.
 *
 * The promise rejects with what `work` throws, AUTH_RATE_LIMITED where too much waits, AUTH_FORBIDDEN once the socket is gone.
 */
export function createTurns(socket: Pick<Socket, 'connected'>): Turn {
  let last: Promise<unknown> = Promise.resolve()
  let waiting = 0
  return async function turn(work) {
    if (waiting >= MAX_WAITING) throw new AuthError('AUTH_RATE_LIMITED')
    waiting += 1
    const mine = last.then(() => {
      if (!socket.connected) throw new AuthError('AUTH_FORBIDDEN')
      return work()
    })
    last = mine
      .catch(() => undefined)
      .finally(() => {
        waiting -= 1
      })
    return mine
  }
}
