/** A real Socket.IO server under Portcullis on a free port, with a strategy as an application would write one. */

import { createServer, request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import {
  type AuditEvent,
  type Auth,
  AuthError,
  type AuthOptions,
  type Clock,
  createAuth,
  type Identity,
  type Strategy,
} from 'portcullis'
import { fromAuth, fromAuthorization, fromCookie, readOne } from 'portcullis/strategies/from'
import { Server, type ServerOptions } from 'socket.io'
import { io as connectClient, type ManagerOptions, type Socket, type SocketOptions } from 'socket.io-client'
import { afterTest } from './cleanups.ts'
import { told } from './planted.ts'

export interface Claims {
  readonly org: string
  readonly scope: string
}
export type User = Identity<'key', Claims>

/** What a key stands for; `wait` lets a test decide when the strategy answers. */
export interface KeyRecord {
  readonly subject: string
  readonly claims?: Claims
  readonly issuedAt?: number
  readonly expiresAt?: number | null
  readonly wait?: Promise<void>
}

/** A user's own strategy: opaque keys, looked up in a map. As bearer, `auth.token` or, ambient, in the cookie `key`. */
export function keys(records: Map<string, KeyRecord>): Strategy<User> {
  const from = [fromAuthorization(), fromAuth('token'), fromCookie('key')]
  return {
    scheme: 'key',
    from,
    maxLifetimeSeconds: 3600,
    async authenticate(handshake, connect) {
      const key = readOne(from, handshake, connect)
      if (key === null) return null
      const record = records.get(key)
      if (record === undefined) throw new AuthError('AUTH_CREDENTIAL_INVALID', { reason: 'unknown_key' })
      await record.wait
      const { subject, claims = { org: 'acme', scope: 'chat:read' }, issuedAt = 0, expiresAt = null } = record
      return {
        identity: { scheme: 'key', issuer: 'https://issuer.example', subject, claims },
        lease: { id: subject, issuedAt, expiresAt },
        revocableBy: [{ session: `session-of-${subject}` }],
      }
    },
  }
}

export const ORIGIN = 'https://app.example'

/** What a harness knows from its start. They are shown in most tests, and said in none. */
const KEYS = ['alice-key', 'bob-key']

export interface Harness {
  readonly io: Server
  readonly auth: Auth<User>
  readonly url: string
  readonly records: Map<string, KeyRecord>
  readonly audit: AuditEvent[]
  readonly errors: { readonly error: unknown; readonly where: string }[]
  /** A client of one namespace; closed after the test. */
  client(namespace: string, options?: Partial<ManagerOptions & SocketOptions>): Socket
  get(path: string, headers?: Record<string, string | string[]>, method?: string): Promise<HttpAnswer>
  /** A WebSocket upgrade by hand; resolves with the HTTP answer. */
  upgrade(path: string, headers?: Record<string, string | string[]>): Promise<HttpAnswer>
}

export interface HttpAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** Run after the present test, last first. */
export function onCleanup(cleanup: () => Promise<void> | void): void {
  afterTest(cleanup)
}

export async function start(
  options: Partial<AuthOptions<Strategy<User>>> = {},
  serverOptions: Partial<ServerOptions> = {},
): Promise<Harness> {
  const http = createServer((_request, response) => {
    response.writeHead(404).end()
  })
  const io = new Server(http, serverOptions)
  const records = new Map<string, KeyRecord>([
    ['alice-key', { subject: 'alice' }],
    ['bob-key', { subject: 'bob', claims: { org: 'globex', scope: 'chat:read chat:write' } }],
  ])
  const audit: AuditEvent[] = []
  const errors: { error: unknown; where: string }[] = []
  const listeners = {
    audit: (event: AuditEvent) => audit.push(event),
    onError: (error: unknown, where: string) => errors.push({ error, where }),
    ...options,
  }
  const auth = createAuth<Strategy<User>>({
    origins: [ORIGIN],
    strategies: [keys(records)],
    ...options,
    audit: overheard('an audit event', listeners.audit),
    onError: overheard('what onError heard', listeners.onError),
  })
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  const { port } = http.address() as AddressInfo
  const url = `http://127.0.0.1:${port}`
  afterTest(async () => {
    await auth.close()
    await io.close()
  })

  const raw = (path: string, headers: Record<string, string | string[]>, method: string) =>
    new Promise<HttpAnswer>((resolve, reject) => {
      const request = httpRequest({ host: '127.0.0.1', port, path, method, headers, agent: false }, (response) => {
        let body = ''
        response.setEncoding('utf8')
        response.on('data', (chunk) => {
          body += chunk
        })
        response.on('end', () => {
          told('an HTTP answer', [response.rawHeaders, body], KEYS)
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body })
        })
      })
      request.on('upgrade', (response, socket) => {
        told('an HTTP answer', response.rawHeaders, KEYS)
        socket.destroy()
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: '' })
      })
      request.on('error', reject)
      request.end()
    })

  return {
    io,
    auth,
    url,
    records,
    audit,
    errors,
    client(namespace, clientOptions = {}) {
      const socket = connectClient(url + namespace, {
        forceNew: true,
        reconnection: false,
        transports: ['websocket'],
        ...clientOptions,
      })
      overhear(socket)
      afterTest(() => {
        socket.disconnect()
      })
      return socket
    },
    get: (path, headers = {}, method = 'GET') => raw(path, headers, method),
    upgrade: (path, headers = {}) =>
      raw(
        path,
        {
          Connection: 'Upgrade',
          Upgrade: 'websocket',
          'Sec-WebSocket-Version': '13',
          'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
          ...headers,
        },
        'GET',
      ),
  }
}

/** The same, and whatever it is told is searched for the secrets of the run. What is no function stays what it is. */
function overheard<Listener extends (...args: never[]) => unknown>(place: string, listener: Listener): Listener {
  if (typeof listener !== 'function') return listener
  const hearing = (...args: Parameters<Listener>) => {
    told(place, args, KEYS)
    return listener(...args)
  }
  return hearing as unknown as Listener
}

/** Every packet that this client receives is searched too, over connection and reconnection. */
function overhear({ io: manager }: Socket): void {
  const heard = ({ data }: { readonly data?: unknown }) => {
    if (data === undefined) return
    told('what a client heard', typeof data === 'string' ? data : Buffer.from(data as never), KEYS)
  }
  const listen = () => manager.engine.off('packet', heard).on('packet', heard)
  if (manager.engine !== undefined) listen()
  manager.on('open', listen)
}

/** Resolves with the arguments of the next event. */
export function next(emitter: { once(event: string, listener: (...args: unknown[]) => void): unknown }, event: string) {
  return new Promise<unknown[]>((resolve) => emitter.once(event, (...args) => resolve(args)))
}

/** What a client hears of its attempt: null for admitted, else `connect_error`'s data. */
export function outcome(client: Socket): Promise<{ code: string; message: string; retry: string } | null> {
  return new Promise((resolve) => {
    client.once('connect', () => resolve(null))
    client.once('connect_error', (error) => resolve((error as Error & { data: never }).data ?? { code: error.message }))
  })
}

/** How many sockets are among the middlewares of a namespace, by Socket.IO's own account. */
export function connecting(namespace: object): number {
  return (namespace as { _preConnectSockets: Map<string, unknown> })._preConnectSockets.size
}

/** A clock that only a test moves; due timers run at once, in order. */
export function fakeTime() {
  let nowMs = 1_800_000_000_000
  let timers: { readonly at: number; readonly fn: () => void }[] = []
  const clock: Clock = {
    now: () => nowMs,
    monotonic: () => nowMs,
    setTimer(fn, delayMs) {
      if (delayMs > 2 ** 31 - 1) throw new RangeError('a timer this long fires at once')
      const timer = { at: nowMs + delayMs, fn }
      timers.push(timer)
      return () => {
        timers = timers.filter((other) => other !== timer)
      }
    },
  }
  return {
    clock,
    seconds: () => nowMs / 1000,
    pending: () => timers.length,
    advance(ms: number) {
      const end = nowMs + ms
      for (;;) {
        const [due] = timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)
        if (due === undefined) break
        timers = timers.filter((other) => other !== due)
        nowMs = Math.max(nowMs, due.at)
        due.fn()
      }
      nowMs = end
    },
  }
}

/** A promise that a test settles by hand. */
export function gate(): { readonly promise: Promise<void>; readonly open: () => void } {
  let open = () => {}
  const promise = new Promise<void>((resolve) => {
    open = resolve
  })
  return { promise, open }
}
