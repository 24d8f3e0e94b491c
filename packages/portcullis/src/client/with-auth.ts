/** Keeps a Socket.IO connection authorized: presents credentials, and acts on every refusal as its `retry` says. */

import type { Socket } from 'socket.io-client'
import { CLOSED, DENIED, type DeniedNotice, LEFT, type LeftNotice, type Refusal } from '../protocol.ts'
import { type ClientClock, systemClock } from './clock.ts'
import { type ClientAuthState, connector } from './connector.ts'
import type { AskCredential } from './credential.ts'
import { listeners } from './listeners.ts'
import { readNotice, readRefusal, refusalIn } from './refusal.ts'
import { type Requests, requestsOf } from './requests.ts'

/** Options of `withAuth`; only `credential` is required. */
export interface WithAuthOptions {
  /**
   * Called before every connection attempt; calls never overlap. Its argument is the refusal to cure, or null. When it
   * throws, rejects or takes too long, the attempt is made again after a backoff.
   */
  readonly credential: AskCredential
  /** How long `credential` may take. Milliseconds, default 10 000. */
  readonly credentialTimeoutMs?: number
  /** How long `whoami`, `join` and `leave` wait for the answer. Milliseconds, default 5 000. */
  readonly replyTimeoutMs?: number
  /** Called at each change of `state`. */
  readonly onState?: (state: ClientAuthState) => void
  /** For tests; default the system's. */
  readonly clock?: ClientClock
  /** From 0 to 1, for the jitter; default `Math.random`. */
  readonly random?: () => number
}

/** A refusal of a connection attempt. `cause` is set when it was `credential` that failed, and no server. */
export interface RefusedNotice extends Refusal {
  readonly willRetry: boolean
  readonly cause?: unknown
}

/** The server ended a connection that stood, and said why. */
export interface ClosedNotice extends Refusal {
  readonly willRetry: boolean
}

/** What `on` can be told of, by name. */
export interface ClientAuthEvents {
  connected: { readonly recovered: boolean }
  refused: RefusedNotice
  closed: ClosedNotice
  /** An event sent without an acknowledgement was refused. */
  denied: DeniedNotice
  /** A room was left because its grant ended. */
  left: LeftNotice
}

/** The helper of one socket. Made by `withAuth`. */
export interface ClientAuth extends Requests {
  readonly state: ClientAuthState
  /** The returned function takes the listener off again. */
  on<Name extends keyof ClientAuthEvents>(event: Name, fn: (value: ClientAuthEvents[Name]) => void): () => void
  /**
   * Lets go of the socket: no listener and no timer of the helper is left, and `socket.auth` is what it was. A
   * connection that stands is left alone; an attempt under way is given up.
   */
  stop(): void
}

const withAuths = new WeakSet<Socket>()

/**
 * Presents a credential whenever `socket` connects, and turns each refusal into what its `retry` says: `refresh` asks for
 * a new credential and connects at once (the same code twice running is terminal), `backoff` tries again after 1 to 30 s
 * with jitter, for ever, and `never` stops. It connects nothing by itself at first; call `socket.connect()`, which also
 * starts anew after the end. `socket.disconnect()` ends everything, a wait included.
 *
 * Use it on a socket made with `autoConnect: false`, or in the same tick: a second namespace on an open connection sends
 * its first CONNECT at once. What it does not do: schedule a refresh before the lease ends, join rooms again, or read an
 * HTTP refusal that the transport hides. With `transports: ['websocket']` socket.io-client only sees "websocket error" and
 * retries for ever; list `'polling'` too, and add `tryAllTransports: true` to have WebSocket first.
 *
 * @throws TypeError when an option is unusable, or `socket` already has a helper that was not stopped
 * @example
 * const socket = io('https://api.example/chat', { autoConnect: false })
 * const auth = withAuth(socket, { credential: (refused) => (refused ? renewToken() : currentToken()) })
 * auth.on('refused', ({ code, willRetry }) => willRetry || showLogin(code))
 * socket.connect()
 * @see protocol.ts for the bodies; socket.io-client 4.8 asks `auth` in callback style only
 */
export function withAuth(socket: Socket, options: WithAuthOptions): ClientAuth {
  const { credential, credentialTimeoutMs = 10_000, replyTimeoutMs = 5_000, onState = () => {} } = options
  const { clock = systemClock, random = Math.random } = options
  if (typeof credential !== 'function') throw new TypeError('"credential" must be a function')
  requireDelay(credentialTimeoutMs, 'credentialTimeoutMs')
  requireDelay(replyTimeoutMs, 'replyTimeoutMs')
  if (withAuths.has(socket)) throw new TypeError('"socket" already has withAuth; call its stop() first')
  withAuths.add(socket)

  const { on, emit } = listeners<ClientAuthEvents>()
  const connection = connector(socket, { credential, credentialTimeoutMs, clock, random, onState, onFailure })
  let closing: Refusal | null = null

  function onFailure(refusal: Refusal, cause: unknown): void {
    emit('refused', { ...refusal, willRetry: true, cause })
  }

  const handlers = {
    connect() {
      closing = null
      connection.stood()
      emit('connected', { recovered: socket.recovered === true })
    },
    connect_error(error: Error) {
      const refusal = refusalIn(error)
      if (refusal) emit('refused', { ...refusal, willRetry: connection.follow(refusal) })
      else connection.interrupted()
    },
    disconnect(reason: Socket.DisconnectReason) {
      const refusal = reason === 'io client disconnect' ? null : closing
      connection.ended()
      if (refusal) emit('closed', { ...refusal, willRetry: connection.follow(refusal) })
      else connection.interrupted()
    },
    [CLOSED](body: unknown) {
      closing = readRefusal(body)
    },
    [DENIED](body: unknown) {
      const notice = readNotice(body, 'event')
      if (notice) emit('denied', notice)
    },
    [LEFT](body: unknown) {
      const notice = readNotice(body, 'room')
      if (notice) emit('left', notice)
    },
  }
  for (const [event, fn] of Object.entries(handlers)) socket.on(event, fn)

  return {
    ...requestsOf(socket, replyTimeoutMs),
    on,
    get state() {
      return connection.state()
    },
    stop() {
      for (const [event, fn] of Object.entries(handlers)) socket.off(event, fn)
      connection.release()
      withAuths.delete(socket)
    },
  }
}

function requireDelay(value: unknown, option: string): void {
  if (!(typeof value === 'number' && value > 0 && value < 2 ** 31)) {
    throw new TypeError(`"${option}" must be a number of milliseconds above 0 and below 2^31`)
  }
}
