/** A Socket.IO server without Portcullis that writes refusals by hand, and real clients of it. */

import { createServer, type IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type AuthErrorCode, CODES, type Refusal } from 'portcullis'
import { type ClientAuth, type ClientAuthEvents, type WithAuthOptions, withAuth } from 'portcullis/client'
import { type FakeClock, fakeClock } from 'portcullis/testing'
import { type Namespace, Server, type ServerOptions } from 'socket.io'
import { io as connectTo, type ManagerOptions, type Socket, type SocketOptions } from 'socket.io-client'
import { afterTest } from '../cleanups.ts'

export function onCleanup(cleanup: () => unknown): void {
  afterTest(cleanup)
}

/** The public body of a code, as the library's table has it. */
export function bodyOf(code: AuthErrorCode): Refusal<AuthErrorCode> {
  return { code, message: CODES[code].message, retry: CODES[code].retry }
}

export interface BareServer {
  readonly io: Server
  readonly url: string
  /** The `auth` payload of every CONNECT, in order. */
  readonly presented: Record<string, unknown>[]
  /** Refusals of the next CONNECTs, taken from the front; null admits one. */
  readonly refusals: (Refusal | null)[]
  /** Refusals of the next HTTP handshakes; `cut` ends the TCP connection without an answer. */
  readonly doorRefusals: (Refusal | 'cut' | null)[]
  /** HTTP handshakes so far. */
  handshakes(): number
  /** Applies `refusals` and `presented` to another namespace too. */
  guard(namespace: Namespace): Namespace
}

export async function bareServer(options: Partial<ServerOptions> = {}): Promise<BareServer> {
  const http = createServer((_request, response) => response.writeHead(404).end())
  const io = new Server(http, { connectTimeout: 10_000, ...options })
  const presented: Record<string, unknown>[] = []
  const refusals: (Refusal | null)[] = []
  const doorRefusals: (Refusal | 'cut' | null)[] = []
  let handshakes = 0

  io.engine.use(
    (request: IncomingMessage & { _query: { sid?: string } }, response: unknown, next: () => void): unknown => {
      if (request._query.sid) return next()
      handshakes += 1
      const refusal = doorRefusals.shift()
      if (!refusal) return next()
      if (refusal === 'cut') return request.socket.destroy()
      const { http: status } = CODES[refusal.code as AuthErrorCode]
      const body = JSON.stringify(refusal)
      if (response instanceof ServerResponse) response.writeHead(status).end(body)
      else request.socket.end(`HTTP/1.1 ${status} No\r\nContent-Length: ${body.length}\r\n\r\n${body}`)
    },
  )

  function guard(namespace: Namespace): Namespace {
    return namespace.use((socket, next) => {
      presented.push(socket.handshake.auth)
      const refusal = refusals.shift()
      next(refusal ? Object.assign(new Error(refusal.message), { data: refusal }) : undefined)
    })
  }

  guard(io.sockets)
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  onCleanup(() => io.close())
  const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`
  return { io, url, presented, refusals, doorRefusals, handshakes: () => handshakes, guard }
}

export interface TestSubject {
  readonly socket: Socket
  readonly auth: ClientAuth
  readonly clock: FakeClock
  readonly states: string[]
}

/** A socket under `withAuth`, not connected yet, with a fake clock and no jitter. */
export function authorized(
  target: string | Socket,
  options: Partial<WithAuthOptions> = {},
  socketOptions: Partial<ManagerOptions & SocketOptions> = {},
): TestSubject {
  const manual = { autoConnect: false, forceNew: true, reconnectionDelay: 5, ...socketOptions }
  const socket = typeof target === 'string' ? connectTo(target, manual) : target
  const clock = fakeClock()
  const states: string[] = []
  const auth = withAuth(socket, {
    credential: () => 'token',
    clock,
    random: () => 0,
    onState: (state) => states.push(state),
    ...options,
  })
  onCleanup(() => {
    auth.stop()
    socket.disconnect()
  })
  return { socket, auth, clock, states }
}

export function heard<Name extends keyof ClientAuthEvents>(auth: ClientAuth, event: Name) {
  return new Promise<ClientAuthEvents[Name]>((resolve) => {
    const off = auth.on(event, (value) => {
      off()
      resolve(value)
    })
  })
}

/** Connects, and waits until the server has the other end too. */
export async function connected({ socket, auth }: TestSubject, io: Server | Namespace) {
  const [serverSocket] = await Promise.all([
    new Promise<Parameters<Parameters<Namespace['on']>[1]>[0]>((resolve) => io.once('connection', resolve)),
    heard(auth, 'connected'),
    socket.connect(),
  ])
  return serverSocket
}

/** A `credential` whose answers a test gives by hand; `asked` resolves at the next question. */
export function slowCredential() {
  const answers: ((credential: string | Promise<string>) => void)[] = []
  let noteQuestion = () => {}
  let asked = new Promise<void>((resolve) => {
    noteQuestion = resolve
  })
  return {
    answers,
    asked: () => asked,
    credential: () =>
      new Promise<string>((resolve) => {
        answers.push(resolve)
        noteQuestion()
        asked = new Promise((next) => {
          noteQuestion = next
        })
      }),
  }
}

/** Nothing will happen by itself any more. */
export function isQuiet({ socket, auth, clock }: TestSubject): boolean {
  return auth.state === 'idle' && clock.pending === 0 && !socket.active && !socket.io._reconnecting
}
