/** An application as Laravel's RedisBroadcaster answers, servers with the facade, and pages with laravel-echo over three clients. */

import { createServer, type IncomingHttpHeaders, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import Echo from 'laravel-echo'
import type { AuditEvent } from 'portcullis'
import { type LaravelEcho, type LaravelEchoOptions, laravelEcho } from 'portcullis/compat/laravel-echo'
import { Server, type ServerOptions } from 'socket.io'
import { io as io4, type Socket } from 'socket.io-client'
import { onCleanup } from '../../harness.ts'
import { CLIENTS, type Connect } from '../clients.ts'

export { CLIENTS, type Connect }

/** What the endpoint was asked. */
export interface Asked {
  readonly method: string
  readonly url: string
  readonly headers: IncomingHttpHeaders
  readonly form: Readonly<Record<string, string>>
}

export interface Verdict {
  readonly status: number
  readonly body: unknown
  readonly headers?: Record<string, string>
}

export interface Application {
  readonly url: string
  readonly asked: Asked[]
  /** Replaces what it answers; may wait. */
  answer: (asked: Asked) => Verdict | Promise<Verdict>
}

/** The user is whom the cookie or the token names: `laravel_session=1`, `Bearer 1`. */
export const userOf = ({ headers }: Asked): string | null =>
  /laravel_session=(\w+)/.exec(headers.cookie ?? '')?.[1] ??
  /^Bearer (\w+)$/.exec(headers.authorization ?? '')?.[1] ??
  null

/** User 1 may have everything, user 2 all but `private-orders.1`, nobody nothing. */
export function broadcastingAuth(asked: Asked): Verdict {
  const user = userOf(asked)
  const { channel_name: channel = '' } = asked.form
  if (user === null || (channel === 'private-orders.1' && user !== '1')) return { status: 403, body: { message: 'no' } }
  if (!channel.startsWith('presence-')) return { status: 200, body: true }
  return { status: 200, body: { channel_data: { user_id: Number(user), user_info: { name: `user ${user}` } } } }
}

export async function listenOn(listener: RequestListener): Promise<{ url: string; close: () => Promise<void> }> {
  const http = createServer(listener)
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  const { port } = http.address() as AddressInfo
  const close = () =>
    new Promise<void>((resolve) => {
      http.closeAllConnections()
      http.close(() => resolve())
    })
  return { url: `http://127.0.0.1:${port}`, close }
}

export async function application(): Promise<Application & { readonly close: () => Promise<void> }> {
  const asked: Asked[] = []
  const site = await listenOn((request, response) => {
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', async () => {
      const { method = '', url = '', headers } = request
      const form = Object.fromEntries(new URLSearchParams(Buffer.concat(parts).toString()))
      const question = { method, url, headers, form }
      asked.push(question)
      const { status, body, headers: more } = await made.answer(question)
      response.writeHead(status, { 'Content-Type': 'application/json', ...more })
      response.end(typeof body === 'string' ? body : JSON.stringify(body))
    })
  })
  const made: Application & { readonly close: () => Promise<void> } = {
    ...site,
    asked,
    answer: broadcastingAuth,
  }
  onCleanup(() => site.close())
  return made
}

/** As `laravelEcho`; the mutants are others. */
export type Facade = (io: Server, options: LaravelEchoOptions) => LaravelEcho

export interface Running {
  readonly io: Server
  readonly echo: LaravelEcho
  readonly url: string
  readonly audit: AuditEvent[]
  readonly errors: { readonly error: Error; readonly where: string }[]
  /** A page without laravel-echo, of user 1 unless said otherwise. */
  page(options?: object, connect?: Connect): Promise<Socket>
  /** A page with it. */
  echoPage(connect: Connect, options?: object): Promise<InstanceType<typeof Echo<'socket.io'>>>
}

export async function run(
  app: { readonly url: string },
  options: LaravelEchoOptions = {},
  serverOptions: Partial<ServerOptions> = {},
  facade: Facade = laravelEcho,
): Promise<Running> {
  const http = createServer((request, response) => echo.api(request, response))
  const io = new Server(http, { allowEIO3: true, ...serverOptions })
  const audit: AuditEvent[] = []
  const errors: { error: Error; where: string }[] = []
  const echo = facade(io, {
    authHost: app.url,
    audit: (event) => audit.push(event),
    onError: (error, where) => errors.push({ error, where }),
    ...options,
  })
  await echo.ready
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  const { port } = http.address() as AddressInfo
  const url = `http://127.0.0.1:${port}`
  onCleanup(async () => {
    await io.close()
    await echo.stop()
  })
  const always = { forceNew: true, reconnection: false, transports: ['websocket'] }
  return {
    io,
    echo,
    url,
    audit,
    errors,
    async page(more = {}, connect = io4 as Connect) {
      const socket = connect(url, { ...always, extraHeaders: { Cookie: 'laravel_session=1' }, ...more })
      onCleanup(() => {
        socket.disconnect()
      })
      await connected(socket)
      return socket
    },
    async echoPage(connect, more = {}) {
      const page = new Echo<'socket.io'>({
        broadcaster: 'socket.io',
        client: connect,
        host: url,
        ...always,
        extraHeaders: { Cookie: 'laravel_session=1' },
        ...more,
      } as never)
      onCleanup(() => page.disconnect())
      await connected(page.connector.socket as never)
      return page
    },
  }
}

export const cookieOf = (user: string | number) => ({ extraHeaders: { Cookie: `laravel_session=${user}` } })

function connected(socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    if (socket.connected) resolve()
    socket.once('connect', () => resolve())
    socket.once('connect_error', reject)
  })
}

/** How long to wait for what should come. Milliseconds. */
let patienceMs = 10_000

/** For a file whose tests wait for what never comes. Returns how to undo it: other files run in the same process. */
export function waitAtMost(ms: number): () => void {
  const before = patienceMs
  patienceMs = ms
  return () => {
    patienceMs = before
  }
}

/** Resolves with the arguments of the next event; rejects when it does not come. */
export function heard(socket: { once(event: string, listener: (...args: unknown[]) => void): unknown }, event: string) {
  return new Promise<unknown[]>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`nobody said ${event}`)), patienceMs)
    socket.once(event, (...args) => {
      clearTimeout(timer)
      resolve(args)
    })
  })
}

/** Resolves when it is true. */
export async function until(condition: () => boolean | Promise<boolean>, whatFor = 'the condition'): Promise<void> {
  const endMs = performance.now() + patienceMs
  while (!(await condition())) {
    if (performance.now() > endMs) throw new Error(`waited in vain for ${whatFor}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

/** Clients before 3 have no `onAny`. */
interface Raw {
  onAny?(listener: (...args: unknown[]) => void): void
  onevent?: (packet: { data?: unknown[] }) => void
}

/** What a page hears: for what must not arrive, together with `settled`. */
export function everything(socket: Socket): unknown[][] {
  const log: unknown[][] = []
  const raw = socket as unknown as Raw
  if (typeof raw.onAny === 'function') raw.onAny((...args: unknown[]) => log.push(args))
  else {
    const deliver = raw.onevent
    raw.onevent = function onevent(packet) {
      log.push(packet.data ?? [])
      deliver?.call(this, packet)
    }
  }
  return log
}

let marks = 0

/** Subscribes to a public channel of its own and hears its event: whatever was said to the page before has arrived. */
export async function settled(running: Running, ...pages: Socket[]): Promise<void> {
  marks += 1
  const channel = `mark-${marks}`
  for (const page of pages) {
    page.emit('subscribe', { channel })
    await until(
      () =>
        running.io
          .of('/')
          .adapter.rooms.get(`laravel-echo#${channel}`)
          ?.has(page.id ?? '') === true,
    )
    const arrived = heard(page, `Mark${marks}`)
    running.io.to(`laravel-echo#${channel}`).emit(`Mark${marks}`, channel, null)
    await arrived
    page.emit('unsubscribe', { channel })
  }
}

/** Who is in a channel, by Socket.IO's own account. */
export const inRoom = ({ io }: Running, channel: string): number =>
  io.of('/').adapter.rooms.get(`laravel-echo#${channel}`)?.size ?? 0

export async function subscribed(running: Running, page: Socket, channel: string): Promise<void> {
  page.emit('subscribe', { channel, auth: { headers: {} } })
  await until(
    () =>
      running.io
        .of('/')
        .adapter.rooms.get(`laravel-echo#${channel}`)
        ?.has(page.id ?? '') === true,
    `${channel} to be joined`,
  )
}
