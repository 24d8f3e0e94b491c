/** `io.on('connection', authorize({ … }))`: the token comes with the event `authenticate`, once the socket is connected. */

import { EventEmitter } from 'node:events'
import { fromCookie } from 'portcullis/strategies/from'
import type { Namespace, Socket } from 'socket.io'
import { legacyConnect, legacyHandshake } from './legacy-handshake.ts'
import { recoveryRefusal } from './legacy-recovery.ts'
import { silence } from './legacy-silence.ts'
import { toUnauthorized, type UnauthorizedError } from './socketio-jwt-error.ts'
import { admitToken, carry, wireOf } from './socketio-jwt-handshake.ts'
import { LIBRARY, type Settings } from './socketio-jwt-options.ts'
import { unauthorized } from './socketio-jwt-token.ts'

/** Until its token is accepted, this is all that is heard of a socket. */
const HEARD: ReadonlySet<string> = new Set(['authenticate'])

/** Tokens that one socket may try. */
const MAX_ATTEMPTS = 5

export function twoPhase(settings: Settings) {
  return function awaitAuthenticate(socket: Socket): void {
    const { required, timeoutMs, lingerMs } = settings
    if (recoveryRefusal(LIBRARY, socket) !== null) {
      sendAway(socket)
      return
    }
    const speak = required ? silence(socket, HEARD) : () => {}
    const timers = new Set<NodeJS.Timeout>()
    let attempts = 0
    let state: 'waiting' | 'checking' | 'admitted' | 'ended' = 'waiting'

    /** From the server's side: whether the client acknowledges anything makes no difference. */
    function end(): void {
      if (state === 'admitted' || state === 'ended') return
      stop('ended')
      socket.disconnect(true)
    }

    function stop(last: 'admitted' | 'ended'): void {
      state = last
      for (const timer of timers) clearTimeout(timer)
      socket.off('authenticate', attempt)
    }

    function refuse(error: UnauthorizedError): void {
      const final = attempts >= MAX_ATTEMPTS
      timers.add(setTimeout(end, final ? 0 : lingerMs))
      socket.emit('unauthorized', wireOf(error), end)
    }

    /** Also of the cookie: nothing that the client sends makes it throw. */
    async function check(data: unknown): Promise<void> {
      try {
        const verified = await admitToken(settings, socket, () => presented(settings, socket, data), sources(settings))
        if (state !== 'checking' || !socket.connected) return
        if (verified === null) throw unauthorized('invalid_token', 'invalid token datatype')
        carry(settings, socket, verified)
        stop('admitted')
        speak()
        socket.emit('authenticated')
        // As listeners of 'connection' are called: what one throws is the application's to hear of.
        process.nextTick(announce, socket)
      } catch (thrown) {
        if (state !== 'checking') return
        state = 'waiting'
        refuse(toUnauthorized(thrown))
      }
    }

    function attempt(data: unknown): void {
      attempts += 1
      if (attempts > MAX_ATTEMPTS) end()
      if (state !== 'waiting') return
      state = 'checking'
      void check(data)
    }

    socket.on('authenticate', attempt)
    socket.once('disconnect', () => stop(state === 'admitted' ? 'admitted' : 'ended'))
    if (required) timers.add(setTimeout(end, timeoutMs))
  }
}

/** From a server that restores sockets: one that came back was given what it had missed before anybody could ask. */
function sendAway(socket: Socket): void {
  const message = 'connectionStateRecovery cannot be used with this authorization'
  socket.emit('unauthorized', wireOf(toUnauthorized(unauthorized('unknown', message))))
  setTimeout(() => socket.disconnect(true), 0)
}

/** Only a cookie is sent by the browser itself, and only it has to come from a page of ours. */
function sources({ cookie }: Settings) {
  return cookie === null ? {} : { from: [fromCookie(cookie)] }
}

function presented({ cookie }: Settings, socket: Socket, data: unknown): string {
  const token =
    cookie === null ? tokenIn(data) : fromCookie(cookie).read(legacyHandshake(socket), legacyConnect(socket))
  if (typeof token !== 'string' || token === '') throw unauthorized('invalid_token', 'invalid token datatype')
  return token
}

function tokenIn(data: unknown): unknown {
  return typeof data === 'object' && data !== null && Object.hasOwn(data, 'token')
    ? (data as { token: unknown }).token
    : null
}

/**
 * Calls the listeners of `authenticated` on the namespace. `Namespace.emit` would send the socket to every client; the emitter's own
 * is what calls listeners. Those of a namespace that was made by a pattern are on its parent.
 */
function announce(socket: Socket): void {
  const { nsp } = socket
  const { emit } = EventEmitter.prototype
  emit.call(nsp, 'authenticated', socket)
  const { parentNsps } = nsp.server as unknown as {
    readonly parentNsps?: ReadonlyMap<unknown, Namespace & { readonly children: ReadonlySet<Namespace> }>
  }
  for (const parent of parentNsps?.values() ?? []) {
    if (parent.children.has(nsp)) emit.call(parent, 'authenticated', socket)
  }
}
