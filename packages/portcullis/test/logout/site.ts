/** A web application with express-session and Passport, and the Socket.IO server whose sockets its logins open. */

import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import express, { type ErrorRequestHandler, type Express, type RequestHandler } from 'express'
import expressSession, { type Store } from 'express-session'
import { Passport } from 'passport'
import type { Auth, AuthOptions } from 'portcullis'
import { passportUser, session } from 'portcullis/strategies/session'
import type { Socket } from 'socket.io-client'
import { next, ORIGIN, onCleanup, outcome, start } from '../harness.ts'

export const SECRET = 'a secret of the site, of more than 32 bytes'

export interface Site {
  readonly auth: Auth
  /** What the client heard when its authority ended. */
  closed(socket: Socket): Promise<unknown>
  /** A socket of the browser with this cookie, once it is admitted. */
  connect(cookie: string): Promise<Socket>
  /** The code that the door answers to this cookie; null when it lets it in. */
  refused(cookie: string): Promise<string | null>
  /** Follows no redirect. The cookie is the one that the browser has afterwards. */
  visit(path: string, cookie?: string): Promise<{ status: number; text: string; cookie: string }>
}

export interface SiteOptions {
  /** The store that express-session gets, made once there is an `auth`. */
  readonly store: (auth: Auth) => Store
  /** Behind `passport.session()`. */
  readonly middleware?: (auth: Auth) => RequestHandler
  readonly auth?: Partial<AuthOptions<never>>
}

/** `/login?user=42`, `/logout`, `/logout-keeping`, `/destroy`, `/visit`. Errors are answered 500 with their message. */
export async function startSite(options: SiteOptions): Promise<Site> {
  let store: Store | undefined
  const strategy = session({
    store: { get: (sid, callback) => (store as Store).get(sid, callback as never) },
    secret: SECRET,
    identify: (data) => {
      const id = passportUser(data)
      return id === null ? null : { subject: id, issuedAt: Number(data.loginAt ?? 0) }
    },
  })
  const { io, auth, client, get } = await start({ strategies: [strategy] as never, ...(options.auth as object) })
  auth.protect(io.of('/chat'), { events: {} })
  store = options.store(auth)
  const origin = await listen(application(store, options.middleware?.(auth)))

  return {
    auth,
    async closed(socket) {
      const [notice] = await next(socket, 'auth:closed')
      return (notice as { readonly code: string }).code
    },
    async connect(cookie) {
      const socket = client('/chat', { extraHeaders: { cookie, origin: ORIGIN } })
      const refusal = await outcome(socket)
      if (refusal !== null) throw new Error(`refused: ${refusal.code}`)
      return socket
    },
    async refused(cookie) {
      const { status, body } = await get('/socket.io/?EIO=4&transport=polling', { cookie, origin: ORIGIN })
      return status === 200 ? null : (JSON.parse(body) as { readonly code: string }).code
    },
    async visit(path, cookie = '') {
      const response = await fetch(origin + path, { method: 'POST', headers: { cookie }, redirect: 'manual' })
      const text = await response.text()
      return { status: response.status, text, cookie: response.headers.get('set-cookie')?.split(';')[0] ?? cookie }
    },
  }
}

function application(store: Store, middleware: RequestHandler | undefined): Express {
  const passport = new Passport()
  passport.serializeUser((user, done) => done(null, (user as { id: string }).id))
  passport.deserializeUser((id, done) => done(null, { id: String(id) }))
  const app = express()
  app.use(expressSession({ store, secret: SECRET, resave: false, saveUninitialized: false }))
  app.use(passport.session())
  if (middleware !== undefined) app.use(middleware)
  app.post('/login', (request, response, then) => {
    request.logIn({ id: String(request.query.user) }, (error) => {
      if (error) return then(error)
      Object.assign(request.session, { loginAt: Date.now() / 1000 })
      response.end()
    })
  })
  app.post('/visit', (request, response) => {
    Object.assign(request.session, { visits: 1 })
    response.end()
  })
  app.post('/logout', (request, response, then) => request.logout((error) => (error ? then(error) : response.end())))
  app.post('/logout-keeping', (request, response, then) =>
    request.logout({ keepSessionInfo: true }, (error) => (error ? then(error) : response.end())),
  )
  app.post('/destroy', (request, response, then) =>
    request.session.destroy((error) => (error ? then(error) : response.end())),
  )
  const answerError: ErrorRequestHandler = (error, _request, response, _next) => {
    response
      .status(500)
      .end(error instanceof Error ? `${(error as { code?: string }).code} ${error.message}` : 'thrown')
  }
  app.use(answerError)
  return app
}

/** The origin of a new server on a free port; closed after the test. */
export async function listen(listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onCleanup(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** The session id in a cookie of express-session. */
export function sidOf(cookie: string): string {
  return decodeURIComponent(cookie).slice('connect.sid=s:'.length).split('.')[0] ?? ''
}
