/** Socket.IO 0.9's client as its pages know it, over socket.io-client 4. Runs in browsers. */

import type { Socket } from 'socket.io-client'
import { connectionOf, type LegacyClientSocket, publish } from './socketio-0.9-client-connection.ts'
import { createEmitter, isOwn, type Passed } from './socketio-0.9-client-emitter.ts'
import { type Options, optionsOf } from './socketio-0.9-client-options.ts'
import { refusalOf } from './socketio-0.9-client-refusal.ts'

export type { LegacyClientSocket, LegacyConnection } from './socketio-0.9-client-connection.ts'

/** What `io` of socket.io-client 4 is, as far as it is used. */
export type Connect = (url: string, options: Options) => Socket

/**
 * The global `io` of 0.9's pages, made of that of socket.io-client 4. A refused handshake is told as `error` and not tried
 * again; a refused namespace as `connect_failed` with `unauthorized`. `connect` takes 0.9's names for options as well.
 *
 * With `transports: ['websocket']` a browser does not say why a handshake failed: the refusal is then tried again.
 *
 * @deprecated docs/migrate/socketio-0.9.md
 * @example
 * const io = legacyClient(socketIO)
 * io.connect('https://app.example').socket.on('error', (reason) => console.error(reason))
 */
export function legacyClient(io: Connect) {
  return {
    connect: (url = '', options: Readonly<Record<string, unknown>> = {}) => legacySocket(io(url, optionsOf(options))),
  }
}

const sockets = new WeakMap<Socket, LegacyClientSocket>()

/**
 * A socket of socket.io-client 4 as 0.9's pages know one; the same for the same socket.
 *
 * @deprecated docs/migrate/socketio-0.9.md
 */
export function legacySocket(current: Socket): LegacyClientSocket {
  const known = sockets.get(current)
  if (known !== undefined) return known
  const connection = connectionOf(current.io, legacySocket)
  const { emitter, tell } = createEmitter()
  const passed = current as unknown as Passed
  const socket: LegacyClientSocket = {
    name: (current as unknown as { nsp: string }).nsp,
    socket: connection,
    current,
    of: connection.of,
    on(event, listener) {
      ;(isOwn(event) ? emitter : passed).on(event, listener)
      return socket
    },
    addListener: (event, listener) => socket.on(event, listener),
    once(event, listener) {
      ;(isOwn(event) ? emitter : passed).once(event, listener)
      return socket
    },
    removeListener(event, listener) {
      ;(isOwn(event) ? emitter : passed).off(event, listener)
      return socket
    },
    removeAllListeners(event) {
      if (event === undefined) throw new TypeError('name the event whose listeners are to go')
      ;(isOwn(event) ? emitter : passed).off(event)
      return socket
    },
    emit(event, ...args) {
      current.emit(event, ...args)
      return socket
    },
    send(message, acknowledge) {
      current.send(...(acknowledge === undefined ? [message] : [message, acknowledge]))
      return socket
    },
    disconnect() {
      current.disconnect()
      return socket
    },
  }
  sockets.set(current, socket)
  connection.members.add({ current, tell })
  current.on('connect', () => tell('connect'))
  current.on('disconnect', (reason) => tell('disconnect', reason.startsWith('io ') ? 'booted' : reason))
  current.on('connect_error', (error) => {
    // Socket.IO gives the same event to a failed transport, of which the manager has told.
    if (!('data' in error)) return
    const [event, reason] = refusalOf(error as Error & { data: unknown })
    if (reason.startsWith('handshake ')) publish(connection, 'error', reason)
    else tell(event, reason)
  })
  // A server may send an event of this name, which is no other than the one above.
  passed.on('error', (...args: unknown[]) => tell('error', ...args))
  return socket
}
