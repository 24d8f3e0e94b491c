/** What the gateway does with the sockets of a namespace once they are admitted. */

import { AuthError, type Identity } from 'portcullis'
import type { Namespace, Server, Socket } from 'socket.io'
import { forwardEvents, refusalOf } from '../forward.ts'
import { type Backend, replyOf } from '../means/hooks.ts'
import type { NamespacePolicy } from '../policy/namespace-policy.ts'
import type { Presence } from '../presence/index.ts'
import { isReservedEvent } from '../reserved.ts'
import { createTurns } from '../turns.ts'

/** What events lead to. */
export interface Serving {
  readonly io: Server
  readonly backend: Backend | null
  readonly presence: () => Presence | null
  /** The policy of a namespace at this moment; a reload changes it. */
  readonly policyOf: (namespace: string) => NamespacePolicy | undefined
  /** The room of a user, on every node. */
  readonly roomOf: (principal: Pick<Identity, 'issuer' | 'subject'>) => string
  readonly isProtected: (namespace: string) => boolean
  readonly onError: (error: unknown, where: string) => void
}

/** Sends what the backend wants others to hear. */
type Publication = Awaited<ReturnType<Backend['handle']>>['publish'][number]

export function serveNamespace(namespace: Namespace, serving: Serving): void {
  const { backend, onError } = serving
  namespace.on('connection', (socket) => {
    forwardEvents(socket, (event) => serving.policyOf(namespace.name)?.targets.get(event), {
      backend:
        backend === null
          ? null
          : async (event) => {
              const handled = await backend.handle(event)
              for (const publication of handled.publish) publish(serving, namespace.name, publication)
              return replyOf(handled)
            },
      onError,
    })
    servePresence(socket, serving)
    socket.on('disconnect', (reason) => {
      const identity = socket.data.identity as Identity
      backend?.hooks.disconnect({ identity, namespace: namespace.name, socketId: socket.id, reason })
    })
  })
}

function publish({ io, roomOf, isProtected, onError }: Serving, from: string, publication: Publication): void {
  const { namespace = from, to, event, args } = publication
  if (!isProtected(namespace) || isReservedEvent(event)) {
    onError(new TypeError('"publish" of the backend names a reserved event or a namespace without a policy'), 'hooks')
    return
  }
  const target = io.of(namespace)
  const rooms = 'room' in to ? target.to(to.room) : 'user' in to ? target.to(roomOf(to.user)) : target
  rooms.emit(event, ...args)
}

/** `presence:list`, `presence:watch` and `presence:unwatch`, each with a room and an acknowledgement. */
function servePresence(socket: Socket, serving: Serving): void {
  // The rule of a room may ask a database: one client is not to have all of its connections.
  const turn = createTurns(socket)
  const identityOf = () => socket.data.identity as Identity
  const on = (event: string, answer: (presence: Presence, room: string) => Promise<object>) => {
    socket.on(event, (room: string, reply?: unknown) => {
      const send = typeof reply === 'function' ? (reply as (body: object) => void) : () => undefined
      const presence = serving.presence()
      const answered = turn(async () => {
        if (presence === null) throw new AuthError('AUTH_UNAVAILABLE')
        return answer(presence, room)
      })
      answered.then(send, (cause: unknown) => {
        const error = AuthError.is(cause) ? cause : new AuthError('AUTH_ERROR', { cause })
        if (error.status >= 500) serving.onError(error.cause ?? error, `event ${event}`)
        send({ error: refusalOf(error) })
      })
    })
  }
  on('presence:list', async (presence, room) => {
    if (!(await presence.mayRead(identityOf(), socket.nsp.name, room))) throw new AuthError('AUTH_FORBIDDEN')
    return presence.members(socket.nsp.name, room)
  })
  on('presence:watch', async (presence, room) => {
    if (!(await presence.watch(socket, room))) throw new AuthError('AUTH_FORBIDDEN')
    return presence.members(socket.nsp.name, room)
  })
  on('presence:unwatch', async (presence, room) => {
    presence.unwatch(socket, room)
    return {}
  })
}
