/** Keeps the sockets of one server from everything until their connection has authenticated. */

import { randomUUID } from 'node:crypto'
import type { Authentication, Strategy } from 'portcullis'
import { AuthError } from 'portcullis'
import type { Namespace, Socket } from 'socket.io'
import { admitLegacy } from './legacy-admission.ts'
import type { LegacyIdentity } from './legacy-identity.ts'
import { hasEnded, holdLease } from './legacy-lease.ts'
import { recoveryRefusal } from './legacy-recovery.ts'
import { silence } from './legacy-silence.ts'
import { attempt, refused, type Success } from './socketio-auth-attempt.ts'
import { LIBRARY, type SocketIOAuthSettings } from './socketio-auth-options.ts'

/** One transport connection: as ever, one success counts for all its namespaces. */
interface Connection {
  readonly name: string
  authentication: Authentication<LegacyIdentity> | null
  failures: number
  readonly waiting: Set<(found: Authentication<LegacyIdentity>) => void>
}

/** A socket with the property that applications look at. It says nothing to us. */
type MarkedSocket = Socket & { auth?: boolean }

const HEARD: ReadonlySet<string> = new Set(['authentication'])
/** Over several namespaces; in one, the first failure disconnects. */
const MOST_FAILURES = 5

/** Guards a namespace from its next connection on. */
export type Guard = (nsp: Namespace) => void

export function guardOf(settings: SocketIOAuthSettings): Guard {
  const connections = new WeakMap<object, Connection>()
  const guarded = new WeakSet<Namespace>()
  const { timeoutMs, audit, origins } = settings

  function connectionOf({ conn }: Socket): Connection {
    const known = connections.get(conn)
    if (known !== undefined) return known
    const made: Connection = { name: randomUUID(), authentication: null, failures: 0, waiting: new Set() }
    connections.set(conn, made)
    return made
  }

  function arrive(socket: MarkedSocket): void {
    const connection = connectionOf(socket)
    // A restored socket has passed no middleware.
    if (recoveryRefusal(LIBRARY, socket) !== null) {
      socket.disconnect(true)
      return
    }
    let isAsked = false
    let hasSucceeded = false
    socket.auth = false
    const speak = silence(socket, HEARD)
    const timer = timeoutMs === null ? undefined : setTimeout(() => socket.disconnect(), timeoutMs)
    socket.once('disconnect', leave)
    socket.on('authentication', hear)
    const { authentication } = connection
    // What one success has opened is closed again with its lease.
    if (authentication === null || hasEnded(authentication.lease)) connection.waiting.add(follow)
    else follow(authentication)

    /** After the success of another socket of the connection. */
    function follow(found: Authentication<LegacyIdentity>): void {
      if (!socket.connected) return
      holdLease(socket, found)
      enter()
    }

    function enter(): void {
      connection.waiting.delete(follow)
      clearTimeout(timer)
      socket.auth = true
      speak()
    }

    function leave(): void {
      connection.waiting.delete(follow)
      clearTimeout(timer)
      if (settings.disconnect && (hasSucceeded || socket.nsp.name === '/')) quietly(() => settings.disconnect?.(socket))
    }

    function hear(data?: unknown): void {
      // One at a time, and none after a success.
      if (isAsked) return
      isAsked = true
      admit(data)
        .then((found) => succeed(found, data))
        .catch(fail)
    }

    async function admit(data: unknown): Promise<Success | null> {
      let found: Success | null = null
      const strategy: Strategy<LegacyIdentity> = {
        scheme: 'legacy',
        from: [],
        maxLifetimeSeconds: 1,
        async authenticate() {
          found = await attempt(settings, socket, data, connection.name)
          return found.authentication
        },
      }
      await admitLegacy(socket, { library: LIBRARY, strategy, ...(audit && { audit }), ...(origins && { origins }) })
      return found
    }

    function succeed(found: Success | null, data: unknown): void {
      if (!socket.connected || found === null) return
      const { success, authentication } = found
      socket.auth = true
      // Before anything is opened: it throws for what cannot be written.
      socket.emit('authenticated', success)
      hasSucceeded = true
      connection.authentication = authentication
      enter()
      for (const each of [...connection.waiting]) each(authentication)
      if (settings.postAuthenticate) {
        quietly(
          () => settings.postAuthenticate?.(socket, data),
          () => socket.disconnect(),
        )
      }
    }

    function fail(error: unknown): void {
      if (!socket.connected) return
      // What else fails, such as `identify`, is nobody's business.
      const { cause } = AuthError.is(error) && error.reason === 'authenticate' ? error : refused(null)
      connection.failures += 1
      socket.auth = false
      // The acknowledgement that old clients may call; nobody waits for it.
      socket.emit('unauthorized', { message: cause instanceof Error ? cause.message : '' }, () => {})
      socket.disconnect(connection.failures >= MOST_FAILURES)
    }
  }

  return function guard(nsp) {
    if (guarded.has(nsp)) return
    guarded.add(nsp)
    nsp.use(function beforeAuthentication(socket, next) {
      const refusal = recoveryRefusal(LIBRARY, socket)
      if (refusal !== null) next(refusal)
      else next()
    })
    // Before all that the application does with a new socket, such as greeting everybody.
    nsp.prependListener('connect', arrive)
  }
}

/** Calls what belongs to the application: neither a throw nor a rejection ends the process. */
function quietly(call: () => unknown, failed: () => void = () => {}): void {
  try {
    Promise.resolve(call()).catch(failed)
  } catch {
    failed()
  }
}
