/** Publishing: messages to rooms, users and namespaces, through the adapter and so on every node. */

import type { Auth } from 'portcullis'
import type { Server } from 'socket.io'
import { type Caller, requireReach } from './caller.ts'
import { pointerOf } from './checked.ts'
import { Problem } from './problem.ts'
import type { Message } from './schemas.ts'

/** What publishing needs. */
export interface PublishOptions {
  readonly io: Server
  readonly auth: Pick<Auth, 'room'>
  readonly isProtected: (namespace: string) => boolean
  readonly isReady: () => boolean
}

/**
 * Sends all of the messages, or none.
 *
 * @param path where the messages stand in the body; null for a body that is one message
 * @throws Problem NAMESPACE_FORBIDDEN, NAMESPACE_UNKNOWN, AUTH_UNAVAILABLE
 */
export type Publish = (caller: Caller, messages: readonly Message[], path: string | null) => void

export function createPublish({ io, auth, isProtected, isReady }: PublishOptions): Publish {
  function send({ namespace, to, event, args, except = {}, volatile }: Message): void {
    const rooms = [
      ...(to.rooms ?? []),
      ...[to.room, to.user && auth.room(to.user)].filter((room) => room !== undefined),
    ]
    for (const user of to.users ?? []) rooms.push(auth.room(user))
    const { rooms: exceptRooms = [], users: exceptUsers = [], sockets = [] } = except
    const excepted = [...exceptRooms, ...exceptUsers.map((user) => auth.room(user)), ...sockets]
    const operator = io.of(namespace).to(rooms).except(excepted)
    ;(volatile ? operator.volatile : operator).emit(event, ...args)
  }

  return function publish(caller, messages, path) {
    for (const [i, { namespace }] of messages.entries()) {
      const pointer = pointerOf(path === null ? ['namespace'] : [path, i, 'namespace'])
      // Before what exists is looked at: whoever may not name it does not learn whether it is there.
      requireReach(caller, namespace, { pointer })
      if (!isProtected(namespace)) {
        throw new Problem('NAMESPACE_UNKNOWN', { errors: [{ pointer, detail: 'is no protected namespace' }] })
      }
    }
    if (!isReady()) throw new Problem('AUTH_UNAVAILABLE', { detail: 'This node delivers nothing at the moment.' })
    for (const message of messages) send(message)
  }
}
