/** Keeps a Socket.IO connection authorized: presents credentials, and acts on every refusal as its `retry` says. */

import type { Socket } from 'socket.io-client'
import {
  CLOSED,
  DENIED,
  EXPIRING,
  type ExpiringNotice,
  JOINED,
  type JoinedNotice,
  LEFT,
  type RefreshReply,
  type Refusal,
} from '../protocol.ts'
import { type ClientClock, systemClock } from './clock.ts'
import { type ClientAuthState, connector } from './connector.ts'
import { type AskCredential, credentialDesk } from './credential.ts'
import type { ClientAuth, ClientAuthEvents } from './events.ts'
import { leaseRefresh } from './lease-refresh.ts'
import { listeners } from './listeners.ts'
import { readNotice, readRefusal, refusalIn } from './refusal.ts'
import { requestsOf } from './requests.ts'
import { rememberedRooms } from './rooms.ts'

/** Options of `withAuth`; only `credential` is required. */
export interface WithAuthOptions {
  /**
   * Called before every connection attempt and for every refresh; calls never overlap. Its argument is the refusal to
   * cure, or null. When it throws, rejects or takes too long, it is called again after a backoff.
   */
  readonly credential: AskCredential
  /** How long `credential` may take. Milliseconds, default 10 000. */
  readonly credentialTimeoutMs?: number
  /** How long `whoami`, `join`, `leave` and `refresh` wait for the answer. Milliseconds, default 5 000. */
  readonly replyTimeoutMs?: number
  /**
   * Asks again, after a reconnection that the server did not recover, for the rooms that `join` was granted and that were
   * not left since. A room that is refused then is told as `left`. Default false: the application asks by itself.
   */
  readonly rejoin?: boolean
  /** Called at each change of `state`. */
  readonly onState?: (state: ClientAuthState) => void
  /** For tests; default the system's. */
  readonly clock?: ClientClock
  /** From 0 to 1, for the jitter; default `Math.random`. */
  readonly random?: () => number
}

const withAuths = new WeakSet<Socket>()

/**
 * Presents a credential whenever `socket` connects, and a new one before the lease ends, and turns each refusal into what
 * its `retry` says: `refresh` asks for a new credential and tries at once (the same code twice running is terminal),
 * `backoff` tries again after 1 to 30 s with jitter, for ever, and `never` stops. It connects nothing by itself at first;
 * call `socket.connect()`, which also starts anew after the end. `socket.disconnect()` ends everything, a wait included.
 *
 * After each connection it asks `auth:whoami` when the lease ends, by the server's clock. The refresh is due in the last
 * fifth of what remains, 5 to 60 s before the end (in the middle of a lease shorter than that), or when `auth:expiring` comes
 * in its second half; after a sleep that lasted longer, at once. While the browser says that it is offline nothing is asked.
 *
 * Use it on a socket made with `autoConnect: false`, or in the same tick: a second namespace on an open connection sends
 * its first CONNECT at once. What it does not do: act on a refusal in an acknowledgement of the application's own events,
 * or read an HTTP refusal that the transport hides. With `transports: ['websocket']` socket.io-client only sees "websocket
 * error" and retries for ever; list `'polling'` too, and add `tryAllTransports: true` to have WebSocket first.
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
  const { rejoin = false, clock = systemClock, random = Math.random } = options
  if (typeof credential !== 'function') throw new TypeError('"credential" must be a function')
  requireDelay(credentialTimeoutMs, 'credentialTimeoutMs')
  requireDelay(replyTimeoutMs, 'replyTimeoutMs')
  if (typeof rejoin !== 'boolean') throw new TypeError('"rejoin" must be true or false')
  if (withAuths.has(socket)) throw new TypeError('"socket" already has withAuth; call its stop() first')
  withAuths.add(socket)

  const { on, emit } = listeners<ClientAuthEvents>()
  const ask = credentialDesk(credential, credentialTimeoutMs, clock)
  const { present, ...requests } = requestsOf(socket, replyTimeoutMs)
  const connection = connector(socket, { ask, clock, random, onState, onFailure })
  const rooms = rememberedRooms(requests, (notice) => emit('left', notice))
  const lease = leaseRefresh({ ask, clock, random, whoami: requests.whoami, present, onRefreshed, onRefused })
  let closing: Refusal | null = null

  function onFailure(refusal: Refusal, cause: unknown): void {
    emit('refused', { ...refusal, willRetry: true, cause })
  }

  function onRefreshed(reply: RefreshReply): void {
    rooms.lost(reply.left)
    emit('refreshed', reply)
  }

  function onRefused(refusal: Refusal, event: string, willRetry: boolean, cause: unknown): void {
    emit('denied', { ...refusal, event, willRetry, cause })
  }

  const handlers = {
    connect() {
      closing = null
      lease.begin()
      if (rejoin && !socket.recovered) rooms.rejoin()
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
      lease.end()
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
      if (!notice) return
      rooms.lost([notice.room])
      emit('left', notice)
    },
    [JOINED](body: JoinedNotice | null) {
      if (Array.isArray(body?.rooms)) emit('joined', body)
    },
    [EXPIRING](body: ExpiringNotice | null) {
      if (typeof body?.expiresInMs !== 'number') return
      lease.warned(body.expiresInMs)
      emit('expiring', body)
    },
  }
  for (const [event, fn] of Object.entries(handlers)) socket.on(event, fn)
  if (socket.connected) lease.begin()

  return {
    whoami: requests.whoami,
    join: rooms.join,
    leave: rooms.leave,
    refresh: lease.refresh,
    on,
    get state() {
      return connection.state()
    },
    stop() {
      for (const [event, fn] of Object.entries(handlers)) socket.off(event, fn)
      lease.end()
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
