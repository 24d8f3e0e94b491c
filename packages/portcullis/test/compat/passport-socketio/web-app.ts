/** A web application of express, express-session and Passport, its Socket.IO server, and clients of three generations. */

import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import cookieParser from 'cookie-parser'
import express from 'express'
import expressSession from 'express-session'
import { Authenticator } from 'passport'
import { Strategy as LocalStrategy } from 'passport-local'
import { Server, type ServerOptions, type Socket } from 'socket.io'
import { onCleanup } from '../../harness.ts'

export const SECRET = 'session_secret, of more than 32 bytes'
export const KEY = 'express.sid'

export interface User {
  readonly id: string
  name: string
  gender: string
}

/** The three clients that are still met; what they have in common. */
export interface Client {
  readonly id: string
  connected: boolean
  on(event: string, listener: (...args: never[]) => void): unknown
  once(event: string, listener: (...args: never[]) => void): unknown
  emit(event: string, ...args: unknown[]): unknown
  disconnect(): unknown
}
export const VERSIONS = [4, 3, 2] as const
export type Version = (typeof VERSIONS)[number]
const require = createRequire(import.meta.url)
const MODULES = { 4: 'socket.io-client', 3: 'socket.io-client-3', 2: 'socket.io-client-2' } as const

export interface ClientOptions {
  readonly cookie?: string
  readonly query?: Record<string, string>
  readonly origin?: string
  readonly namespace?: string
  readonly auth?: unknown
}

export function connect(url: string, version: Version, options: ClientOptions = {}): Client {
  const { cookie, query, origin, namespace = '/', auth } = options
  const open = require(MODULES[version]) as (url: string, options: object) => Client
  const client = open(url + namespace, {
    forceNew: true,
    reconnection: false,
    transports: ['websocket'],
    ...(query && { query }),
    ...(auth !== undefined && { auth }),
    extraHeaders: { ...(cookie && { cookie }), ...(origin && { origin }) },
  })
  onCleanup(() => {
    client.disconnect()
  })
  return client
}

/** Null for connected, else the message of the refusal as each generation hears it. */
export function outcome(client: Client): Promise<string | null> {
  return new Promise((resolve) => {
    const refused = (error: string | { message?: string }) =>
      resolve(typeof error === 'string' ? error : (error.message ?? 'an error without a message'))
    client.once('connect', () => resolve(null))
    client.once('connect_error', refused)
    client.once('error', refused)
  })
}

/** Resolves when the client is told that it is disconnected. */
export const disconnected = (client: Client) =>
  new Promise<string>((resolve) => client.once('disconnect', (reason: string) => resolve(reason)))

export interface WebApp {
  readonly io: Server
  readonly url: string
  readonly store: expressSession.Store
  readonly passport: InstanceType<typeof Authenticator>
  readonly users: Map<string, User>
  /** Logs in and returns the cookie header. */
  login(name: string): Promise<string>
  visit(path: string, cookie?: string): Promise<{ readonly cookie: string; readonly text: string }>
  /** The server's side of a client. */
  socketOf(client: Client, namespace?: string): Socket
}

export interface WebAppOptions {
  readonly store?: expressSession.Store
  readonly session?: Partial<expressSession.SessionOptions>
  readonly server?: Partial<ServerOptions>
}

export async function startWebApp(options: WebAppOptions = {}): Promise<WebApp> {
  const store = options.store ?? new expressSession.MemoryStore()
  const users = new Map<string, User>([
    ['alice', { id: 'alice', name: 'Alice', gender: 'female' }],
    ['bob', { id: 'bob', name: 'Bob', gender: 'male' }],
  ])
  const passport = new Authenticator()
  passport.use(new LocalStrategy((name, _password, done) => done(null, users.get(name) ?? false)))
  passport.serializeUser((user, done) => done(null, (user as User).id))
  passport.deserializeUser((id: string, done) => done(null, users.get(id) ?? false))

  const app = express()
  app.use(cookieParser())
  app.use(express.urlencoded({ extended: false }))
  app.use(
    expressSession({ store, name: KEY, secret: SECRET, resave: false, saveUninitialized: true, ...options.session }),
  )
  app.use(passport.initialize(), passport.session())
  app.post('/login', passport.authenticate('local'), (_request, response) => void response.end('welcome'))
  app.get('/logout', (request, response, next) =>
    request.logout((error) => (error ? next(error) : response.end('bye'))),
  )
  app.get('/', (request, response) => void response.json(request.user ?? null))

  const http = createServer(app)
  const io = new Server(http, { allowEIO3: true, ...options.server })
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`
  onCleanup(async () => {
    await io.close()
    http.closeAllConnections()
  })

  async function request(path: string, init: RequestInit) {
    const response = await fetch(url + path, { redirect: 'manual', ...init })
    const [pair = ''] = (response.headers.get('set-cookie') ?? '').split(';')
    return { cookie: pair, text: await response.text() }
  }

  return {
    io,
    url,
    store,
    passport,
    users,
    async login(name) {
      const headers = { 'content-type': 'application/x-www-form-urlencoded' }
      const { cookie } = await request('/login', { method: 'POST', headers, body: `username=${name}&password=x` })
      return cookie
    },
    visit: (path, cookie) => request(path, cookie === undefined ? {} : { headers: { cookie } }),
    socketOf(client, namespace = '/') {
      const id = client.id.replace(/^.*#/, '')
      const socket = io.of(namespace).sockets.get(id)
      if (socket === undefined) throw new Error(`no socket ${client.id}`)
      return socket
    },
  }
}

/** The signed value inside a cookie header, and the session id inside that. */
export function sessionOf(cookie: string) {
  const escaped = cookie.slice(cookie.indexOf('=') + 1)
  const value = decodeURIComponent(escaped)
  return { escaped, value, id: value.slice(2, value.lastIndexOf('.')) }
}
