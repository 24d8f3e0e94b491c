// @ts-check
/** What stands between a client with the cookie of an Express session, kept in Redis, and `/chat`. */

import { createRequire } from 'node:module'
import cookieParser from 'cookie-parser'
import { unsign } from 'cookie-signature'
import expressSession from 'express-session'
import passport from 'passport'
import { authorize } from 'passport.socketio'
import { createAuth, permit } from 'portcullis'
import { session } from 'portcullis/strategies/session'
import { COOKIE_SECRET, ORIGIN } from '../credentials.mjs'
import { LIMITS, SLOW_MS } from './limits.mjs'
import { sessionStore } from './redis.mjs'

// It has no types.
const { parse } = createRequire(import.meta.url)('cookie')

/** @typedef {import('socket.io').Server} Server */
/** @typedef {(socket: any, next: (error?: Error) => void) => void} Middleware */

/** Every variant has the store, so that it is there in each process. */
const { store, client } = await sessionStore()
let reads = 0
const get = store.get.bind(store)
store.get = (/** @type {string} */ sid, /** @type {any} */ callback) => {
  reads += 1
  return get(sid, callback)
}
const stats = () => ({ asked: reads })
const stop = async () => void (await client.close())

passport.serializeUser((user, done) => done(null, /** @type {{ id: string }} */ (user).id))
passport.deserializeUser((id, done) => done(null, { id: String(id) }))

/** @type {Record<string, (io: Server) => { stats: () => object, stop: () => Promise<void> }>} */
export const VARIANTS = {
  bare: () => ({ stats, stop }),

  // As in the documentation of Socket.IO: the middleware of the web application, on every request of the engine.
  'express-session on each request': (io) => {
    io.engine.use(expressMiddleware())
    return requireUser(io)
  },

  // The same documentation's advice for less.
  'express-session on the handshake': (io) => {
    const middleware = expressMiddleware()
    io.engine.use((/** @type {any} */ request, /** @type {any} */ response, /** @type {() => void} */ next) => {
      if (request._query.sid === undefined) middleware(request, response, next)
      else next()
    })
    return requireUser(io)
  },

  'passport.socketio': (io) => {
    const options = { cookieParser, key: 'connect.sid', secret: COOKIE_SECRET, store, passport }
    io.of('/chat').use(/** @type {Middleware} */ (authorize(/** @type {any} */ (options))))
    return { stats, stop }
  },

  'by hand': (io) => {
    io.of('/chat').use((socket, next) => {
      const cookie = parse(socket.handshake.headers.cookie ?? '')['connect.sid'] ?? ''
      const id = cookie.startsWith('s:') && unsign(cookie.slice(2), COOKIE_SECRET)
      if (!id) return next(new Error('unauthorized'))
      store.get(id, (/** @type {unknown} */ error, /** @type {any} */ found) => {
        if (error || !found?.user) return next(new Error('unauthorized'))
        socket.data.user = found.user
        next()
      })
    })
    return { stats, stop }
  },

  portcullis: (io) => {
    const sessions = session({
      store,
      secret: COOKIE_SECRET,
      storeTimeoutMs: SLOW_MS,
      identify: ({ user }) => (isUser(user) ? { subject: user.id, claims: { org: user.org } } : null),
    })
    const auth = createAuth({ origins: [ORIGIN], strategies: [sessions], limits: LIMITS })
    auth.protect(io.of('/chat'), { events: { ping: () => permit() } })
    return { stats, stop: () => auth.close().then(stop) }
  },
}

function expressMiddleware() {
  return /** @type {any} */ (expressSession({ store, secret: COOKIE_SECRET, resave: false, saveUninitialized: false }))
}

/** @param {Server} io */
function requireUser(io) {
  io.of('/chat').use((socket, next) => {
    const { session: found } = /** @type {any} */ (socket.request)
    if (!found?.user) return next(new Error('unauthorized'))
    socket.data.user = found.user
    next()
  })
  return { stats, stop }
}

/** @param {any} user @returns {user is { id: string, org: string }} */
function isUser(user) {
  return typeof user?.id === 'string'
}
