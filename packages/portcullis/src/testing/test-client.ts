/** A real socket.io-client, arranged for tests: nothing is missed, nothing waits for ever, nothing reconnects. */

import type { Refusal } from 'portcullis'
import { AuthRefusal } from 'portcullis/client'
import { io, type ManagerOptions, type Socket, type SocketOptions } from 'socket.io-client'
import { inbox } from './inbox.ts'

/** Options of `testClient`, besides those of socket.io-client. */
export interface TestClientOptions extends Partial<ManagerOptions & SocketOptions> {
  /** How long each of the promises below waits before it rejects. Milliseconds, default 5 000. */
  readonly timeoutMs?: number
}

/** How a connection attempt was refused. */
export interface TestRefusal extends Refusal {
  /** The HTTP status when the handshake was refused; null when it was the namespace. */
  readonly status: number | null
}

/** How a connection ended: the disconnection, and what the server said before it. */
export interface TestClosing {
  /** socket.io's reason, such as `io server disconnect`. */
  readonly reason: string
  /** The body of the `auth:closed` before it, or null when there was none. */
  readonly refusal: Refusal | null
}

/** A client whose every wait ends. Made by `testClient`. */
export interface TestClient {
  readonly socket: Socket
  /** @throws AuthRefusal with the server's code; socket.io's own error when the failure carries no refusal */
  connect(): Promise<void>
  /** Connects and expects a refusal. @throws Error when it connects; socket.io's own error as above */
  connectError(): Promise<TestRefusal>
  /** The acknowledgement's first argument. @throws Error when none comes in time, or the connection ends */
  emitAck(event: string, ...args: unknown[]): Promise<unknown>
  /** The arguments of the next such event that no earlier call took, received since the beginning. */
  next(event: string): Promise<unknown[]>
  /** The next end of a connection that no earlier call took. */
  closed(): Promise<TestClosing>
  /** Disconnects, and drops every listener, timer and waiting promise. */
  dispose(): void
}

/**
 * A client of the server at `url` (with a path for a namespace: `http://127.0.0.1:3000/chat`), not connected yet. It has
 * a connection of its own, does not reconnect, and starts with HTTP polling, because only there a refused handshake
 * shows its body; pass `transports: ['websocket']` when that does not matter. Needs `socket.io-client` installed.
 *
 * It does not use `withAuth`: it shows what the server does, and does nothing about it.
 *
 * @example
 * const client = testClient(url, { auth: { token } })
 * await client.connect()
 * await auth.revoke({ issuer, subject })
 * expect(await client.closed()).toMatchObject({ refusal: { code: 'AUTH_REVOKED' } })
 * client.dispose()
 */
export function testClient(url: string, options: TestClientOptions = {}): TestClient {
  const { timeoutMs = 5_000, ...socketOptions } = options
  const socket = io(url, { autoConnect: false, reconnection: false, forceNew: true, ...socketOptions })
  const arrivals = inbox<unknown[]>(timeoutMs)
  const closings = inbox<TestClosing>(timeoutMs)
  const attempts = inbox<Failure | null>(timeoutMs)
  let lastWord: Refusal | null = null

  socket.onAny((event: string, ...args: unknown[]) => {
    if (event === 'auth:closed') lastWord = readRefusal(args[0])
    arrivals.put(event, args)
  })
  socket.on('connect', () => attempts.put('outcome', null))
  // Read at once: the body of an HTTP answer is gone when this event is over.
  socket.on('connect_error', (error) => attempts.put('outcome', { error, refusal: refusalIn(error) }))
  socket.on('disconnect', (reason) => {
    closings.put('disconnect', { reason, refusal: lastWord })
    lastWord = null
  })

  /** Null when it connected. */
  function attempt(): Promise<Failure | null> {
    attempts.skip('outcome')
    if (socket.connected) return Promise.resolve(null)
    socket.connect()
    return attempts.take('outcome')
  }

  return {
    socket,
    async connect() {
      const failure = await attempt()
      if (failure === null) return
      const { error, refusal } = failure
      throw refusal === null ? error : new AuthRefusal(refusal, { cause: error })
    },
    async connectError() {
      const failure = await attempt()
      if (failure === null) throw new Error('expected a refusal, but it connected')
      if (failure.refusal === null) throw failure.error
      return failure.refusal
    },
    emitAck: (event, ...args) => socket.timeout(timeoutMs).emitWithAck(event, ...args),
    next: (event) => arrivals.take(event),
    closed: () => closings.take('disconnect'),
    dispose() {
      socket.offAny()
      socket.off()
      socket.disconnect()
      for (const box of [arrivals, attempts, closings]) box.clear()
    },
  }
}

interface Failure {
  readonly error: Error
  readonly refusal: TestRefusal | null
}

/** The refusal behind a `connect_error`: a namespace sends it as `data`, an HTTP answer as its JSON body. */
function refusalIn(error: Error): TestRefusal | null {
  const { data, description, context } = error as {
    data?: unknown
    description?: unknown
    context?: { responseText?: unknown }
  }
  const overHttp = typeof description === 'number'
  const refusal = readRefusal(overHttp ? parseJson(context?.responseText) : data)
  return refusal && { ...refusal, status: overHttp ? description : null }
}

function readRefusal(body: unknown): Refusal | null {
  if (typeof body !== 'object' || body === null) return null
  const { code, message, retry } = body as Refusal
  return typeof code === 'string' && typeof message === 'string' && typeof retry === 'string'
    ? { code, message, retry }
    : null
}

function parseJson(text: unknown): unknown {
  try {
    return JSON.parse(String(text))
  } catch {
    return null
  }
}
