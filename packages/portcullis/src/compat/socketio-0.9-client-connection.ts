/** The connection of 0.9's client, over a manager of today. */

import type { Manager, Socket } from 'socket.io-client'
import { createEmitter, type Emitter, type Tell } from './socketio-0.9-client-emitter.ts'
import { handshakeRefusal } from './socketio-0.9-client-refusal.ts'

/**
 * The connection, which 0.9 called `socket.socket`. Hears `error` with `handshake unauthorized` or `handshake error`.
 *
 * @deprecated docs/migrate/socketio-0.9.md
 */
export interface LegacyConnection extends Emitter {
  of(namespace: string): LegacyClientSocket
  connect(): LegacyConnection
  disconnect(): LegacyConnection
  readonly connected: boolean
  readonly reconnecting: boolean
}

/**
 * A namespace, as `io.connect` returned it.
 *
 * @deprecated docs/migrate/socketio-0.9.md
 */
export interface LegacyClientSocket extends Emitter {
  readonly name: string
  readonly socket: LegacyConnection
  /** The socket of today. */
  readonly current: Socket
  of(namespace: string): LegacyClientSocket
  emit(event: string, ...args: unknown[]): LegacyClientSocket
  send(message: unknown, acknowledge?: (...args: unknown[]) => void): LegacyClientSocket
  disconnect(): LegacyClientSocket
}

/** What the facade of a connection knows of the sockets that share it. */
export interface Connection extends LegacyConnection {
  readonly members: Set<Member>
}
export interface Member {
  readonly current: Socket
  readonly tell: Tell
}

const connections = new WeakMap<Manager, Connection>()

/** The same for the same manager. `socketOf` makes the facade of a namespace. */
export function connectionOf(manager: Manager, socketOf: (socket: Socket) => LegacyClientSocket): Connection {
  const known = connections.get(manager)
  if (known !== undefined) return known
  const { emitter, tell } = createEmitter()
  const members = new Set<Member>()
  const state = { connected: false, reconnecting: false }
  const connection: Connection = {
    members,
    get connected() {
      return state.connected
    },
    get reconnecting() {
      return state.reconnecting
    },
    of: (namespace) => socketOf(manager.socket(namespace === '' ? '/' : namespace)),
    connect() {
      for (const { current } of members) current.connect()
      return connection
    },
    disconnect() {
      for (const { current } of members) current.disconnect()
      return connection
    },
    on(event, listener) {
      emitter.on(event, listener)
      return connection
    },
    addListener: (event, listener) => connection.on(event, listener),
    once(event, listener) {
      emitter.once(event, listener)
      return connection
    },
    removeListener(event, listener) {
      emitter.off(event, listener)
      return connection
    },
    removeAllListeners(event) {
      emitter.off(event)
      return connection
    },
  }
  tells.set(connection, tell)
  connections.set(manager, connection)
  const transport = () => (manager as unknown as WithEngine).engine?.transport?.name ?? 'polling'
  // Listeners are put on in the same tick.
  Promise.resolve().then(() => state.connected || publish(connection, 'connecting', transport()))
  manager.on('open', () => {
    state.connected = true
    state.reconnecting = false
    tell('connect')
  })
  manager.on('close', (reason) => {
    if (!state.connected) return
    state.connected = false
    tell('disconnect', reason)
  })
  manager.on('reconnect_attempt', (attempt) => {
    state.reconnecting = true
    publish(connection, 'reconnecting', manager.reconnectionDelay(), attempt)
    publish(connection, 'connecting', transport())
  })
  manager.on('reconnect', (attempt) => publish(connection, 'reconnect', transport(), attempt))
  manager.on('reconnect_failed', () => publish(connection, 'reconnect_failed'))
  manager.on('error', (error) => {
    const refusal = handshakeRefusal(error)
    if (refusal !== null && !(refusal.status === 500 && state.reconnecting)) {
      // With no socket left that wants a connection, the manager stops trying.
      connection.disconnect()
      publish(connection, 'error', refusal.reason)
    } else if (!state.reconnecting && !state.connected) publish(connection, 'error', error.message)
  })
  return connection
}

const tells = new WeakMap<Connection, Tell>()

/** 0.9 told the connection and each of its namespaces. */
export function publish(connection: Connection, event: string, ...args: unknown[]): void {
  tells.get(connection)?.(event, ...args)
  for (const { tell } of connection.members) tell(event, ...args)
}

interface WithEngine {
  readonly engine?: { readonly transport?: { readonly name?: string } }
}
