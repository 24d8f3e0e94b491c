/** Whom a broadcast reaches on this node: nobody while the node is stale, and a principal by the principal's own room. */

import type { Namespace } from 'socket.io'
import type { Guard } from './guard.ts'
import { nameOf } from './registry.ts'

/** No room that a client may ask for has such a name: the bar is not among the characters allowed. */
const PREFIX = 'auth|'

/** The part of an adapter through which every broadcast and every request of another node reaches local sockets. */
interface Applying {
  apply?: (options: BroadcastOptions, callback: (socket: unknown) => void) => unknown
}

interface BroadcastOptions {
  readonly rooms: Set<string>
  readonly except?: Set<string>
}

/** The room that stands for all sockets of a principal. Nobody is in it: who is meant is looked up when something is sent. */
export function principalRoom({ issuer, subject }: { readonly issuer: string; readonly subject: string }): string {
  return PREFIX + nameOf({ issuer, subject })
}

/**
 * Puts itself before whatever an adapter does with local sockets. The clock is looked at first: after a pause of the process a
 * message may be handled before the timer that would have suspended the node.
 */
export function guardReach(guard: Guard, namespace: Namespace): void {
  const adapter = namespace.adapter as unknown as Applying
  const { apply } = adapter
  if (typeof apply !== 'function') {
    throw new TypeError('the adapter of this server reaches its sockets in a way that cannot be guarded')
  }

  function withSockets(rooms: Set<string>): Set<string> {
    let found: Set<string> | null = null
    for (const room of rooms) {
      if (!room.startsWith(PREFIX)) continue
      // The name stays, even when nobody is there: a broadcast to no room at all would reach everybody.
      found ??= new Set(rooms)
      for (const { socket } of guard.registry.under(room.slice(PREFIX.length))) {
        if (socket.nsp === namespace) found.add(socket.id)
      }
    }
    return found ?? rooms
  }

  adapter.apply = (options, callback) => {
    // A stale node hides its sockets in this very call.
    guard.isFresh()
    const { rooms, except } = options
    return apply.call(
      adapter,
      { ...options, rooms: withSockets(rooms), ...(except === undefined ? {} : { except: withSockets(except) }) },
      callback,
    )
  }
}
