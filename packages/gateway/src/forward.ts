/** What happens to an event once its rule has permitted it: the backend gets it, or a room hears it. */

import { AuthError, type Identity, type Refusal } from 'portcullis'
import type { Socket } from 'socket.io'
import type { CompiledTarget } from './policy/namespace-policy.ts'
import { isReservedRoom } from './reserved.ts'
import { createTurns } from './turns.ts'

/** An event on its way to the backend. */
export interface ForwardedEvent {
  readonly namespace: string
  readonly event: string
  readonly args: readonly unknown[]
  readonly identity: Identity
  readonly socketId: string
}

/** What an event may lead to. */
export interface Destinations {
  /** The backend's answer: what the acknowledgement gets. Null when the file has no hooks. */
  readonly backend: ((event: ForwardedEvent) => Promise<readonly unknown[]>) | null
  readonly onError: (error: unknown, where: string) => void
}

type Reply = (...values: readonly unknown[]) => void

/**
 * Listens on a connected socket. The events of one socket reach their places in the order in which they came; a slow answer
 * of the backend holds up the later events of that socket, and of no other. What still waits when the socket is gone goes nowhere.
 *
 * @param targetOf where an event goes at this moment, or undefined for one that the policy does not name
 */
export function forwardEvents(
  socket: Socket,
  targetOf: (event: string) => CompiledTarget | undefined,
  { backend, onError }: Destinations,
): void {
  const turn = createTurns(socket)
  socket.onAny((event: string, ...all: unknown[]) => {
    const target = targetOf(event)
    if (target === undefined) return
    const { args, reply } = apart(all)
    const identity = socket.data.identity as Identity
    const namespace = socket.nsp.name
    const act = async () => {
      if (target.kind === 'nothing') return [{}]
      if (target.kind === 'hook') {
        if (backend === null) throw new TypeError('no backend is configured')
        return backend({ namespace, event, args, identity, socketId: socket.id })
      }
      const room = target.room({ identity, event, args })
      if (typeof room !== 'string' || room === '') throw new TypeError('"room" gave no text')
      if (isReservedRoom(room) || (!target.mayBeOutside && !socket.rooms.has(room)))
        throw new AuthError('AUTH_FORBIDDEN')
      socket.to(room).emit(target.event, ...args)
      return [{}]
    }
    void answered(reply, `event ${event}`, () => turn(act))
  })

  async function answered(reply: Reply, where: string, work: () => Promise<readonly unknown[]>): Promise<void> {
    try {
      reply(...(await work()))
    } catch (cause) {
      const error = AuthError.is(cause) ? cause : new AuthError('AUTH_ERROR', { cause })
      if (error.status >= 500) onError(error.cause ?? error, where)
      reply({ error: refusalOf(error) })
    }
  }
}

/** The last argument is the acknowledgement where the client asked for one. */
function apart(all: readonly unknown[]): {
  readonly args: readonly unknown[]
  readonly reply: Reply
} {
  const last = all.at(-1)
  if (typeof last === 'function') return { args: all.slice(0, -1), reply: last as Reply }
  return { args: all, reply: () => undefined }
}

/** What a client is told of an error. */
export function refusalOf({ code, message, retry }: AuthError): Refusal {
  return { code, message, retry }
}
