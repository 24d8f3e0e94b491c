/** A web application of express and express-session, and its Socket.IO server. */

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import express, { type RequestHandler } from 'express'
import expressSession from 'express-session'
import { Server, type ServerOptions, type Socket } from 'socket.io'
import { onCleanup } from '../../harness.ts'
import type { Client } from '../passport-socketio/web-app.ts'

export { type Client, connect, disconnected, outcome, sessionOf, VERSIONS } from '../passport-socketio/web-app.ts'

/** express-session's own store, which counts what is written. */
export class RecordingStore extends expressSession.MemoryStore {
  readonly written: string[] = []
  override set(id: string, session: expressSession.SessionData, done?: (error?: unknown) => void): void {
    this.written.push(`set ${id}`)
    super.set(id, session, done)
  }
  override touch(id: string, session: expressSession.SessionData, done?: () => void): void {
    this.written.push(`touch ${id}`)
    super.touch(id, session, done)
  }
  override destroy(id: string, done?: (error?: unknown) => void): void {
    this.written.push(`destroy ${id}`)
    super.destroy(id, done)
  }
}

/** A session as tests read it. */
export type Session = expressSession.Session & Record<string, unknown>
export interface SessionHandshake {
  readonly session: Session
  readonly sessionID: string
  readonly sessionStore: expressSession.Store
  readonly cookies: Record<string, string>
  readonly signedCookies: Record<string, string>
}
export const handshakeOf = (socket: Socket) => socket.handshake as unknown as SessionHandshake

export interface WebApp {
  readonly io: Server
  readonly url: string
  readonly store: RecordingStore
  readonly session: RequestHandler
  /** Requests a path and returns the cookie, where one was set. */
  visit(path: string, cookie?: string): Promise<{ readonly cookie: string; readonly text: string }>
  socketOf(client: Client, namespace?: string): Socket
  /** What the store holds under the id. */
  stored(id: string): Promise<Record<string, unknown> | null>
}

export interface WebAppOptions {
  readonly session?: Partial<expressSession.SessionOptions>
  readonly server?: Partial<ServerOptions>
}

export async function startWebApp(options: WebAppOptions = {}): Promise<WebApp> {
  const store = (options.session?.store as RecordingStore | undefined) ?? new RecordingStore()
  const session = expressSession({
    store,
    secret: 'my-secret, of more than thirty-two bytes',
    resave: true,
    saveUninitialized: true,
    ...options.session,
  })
  const app = express()
  app.use(session)
  const change = (path: string, act: (session: Session) => void) =>
    app.get(path, (request, response) => {
      act(request.session as Session)
      response.json(request.session)
    })
  change('/', () => {})
  change('/admin', (held) => Object.assign(held, { user: { name: 'ann', role: 'admin' } }))
  change('/demote', (held) => Object.assign(held.user as object, { role: 'user' }))
  change('/passport', (held) => Object.assign(held, { passport: { user: 'ann' } }))
  app.get('/logout', (request, response) => request.session.destroy(() => response.end('bye')))

  const http = createServer(app)
  const io = new Server(http, { allowEIO3: true, ...options.server })
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`
  onCleanup(async () => {
    await io.close()
    http.closeAllConnections()
  })
  return {
    io,
    url,
    store,
    session,
    async visit(path, cookie) {
      const response = await fetch(url + path, cookie === undefined ? {} : { headers: { cookie } })
      const [pair = ''] = (response.headers.get('set-cookie') ?? '').split(';')
      return { cookie: pair, text: await response.text() }
    },
    socketOf(client, namespace = '/') {
      const socket = io.of(namespace).sockets.get(client.id.replace(/^.*#/, ''))
      if (socket === undefined) throw new Error(`no socket ${client.id}`)
      return socket
    },
    stored: (id) =>
      new Promise((resolve, reject) =>
        store.get(id, (error, held) => (error ? reject(error) : resolve((held as never) ?? null))),
      ),
  }
}
