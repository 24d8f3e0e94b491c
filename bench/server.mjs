/** One server of one variant, in a process of its own: prints nothing, speaks to its parent by messages. */

import { createServer } from 'node:http'
import { parse } from 'cookie'
import { unsign } from 'cookie-signature'
import expressSession from 'express-session'
import { jwtVerify } from 'jose'
import { createAuth, permit } from 'portcullis'
import { jwt } from 'portcullis/strategies/jwt'
import { session } from 'portcullis/strategies/session'
import { Server } from 'socket.io'
import { AUDIENCE, COOKIE_SECRET, ISSUER, ORIGIN, SESSION_ID, SESSION_USER, TOKEN_SECRET } from './fixtures.mjs'

const [, , variant] = process.argv
const http = createServer()
const io = new Server(http, { transports: ['websocket'] })
const store = new expressSession.MemoryStore()
store.set(SESSION_ID, { cookie: { originalMaxAge: null }, user: SESSION_USER })
const loggedInAt = Date.now() / 1000
const limits = { handshakesPerMinute: Number.POSITIVE_INFINITY, failuresPerMinute: Number.POSITIVE_INFINITY }
const ping = (socket) => socket.on('ping', (_payload, ack) => ack?.())

/** What each variant puts between a client and `/chat`. */
const variants = {
  bare: () => io.of('/chat').on('connection', ping),

  'hand jwt': () => {
    io.of('/chat').use((socket, next) => {
      jwtVerify(socket.handshake.auth.token, TOKEN_SECRET, {
        issuer: ISSUER,
        audience: AUDIENCE,
        algorithms: ['HS256'],
      }).then(
        ({ payload }) => {
          socket.data.user = payload.sub
          next()
        },
        () => next(new Error('unauthorized')),
      )
    })
    io.of('/chat').on('connection', (socket) => {
      socket.use((_event, next) => (socket.data.user ? next() : next(new Error('forbidden'))))
      ping(socket)
    })
  },

  'hand session': () => {
    io.of('/chat').use((socket, next) => {
      const cookie = parse(socket.handshake.headers.cookie ?? '')['connect.sid'] ?? ''
      const id = cookie.startsWith('s:') && unsign(cookie.slice(2), COOKIE_SECRET)
      if (!id) return next(new Error('unauthorized'))
      store.get(id, (error, found) => {
        if (error || !found?.user) return next(new Error('unauthorized'))
        socket.data.user = found.user.id
        next()
      })
    })
    io.of('/chat').on('connection', ping)
  },

  'portcullis jwt': () => guarded([jwt({ issuer: ISSUER, audience: AUDIENCE, keys: TOKEN_SECRET })]),

  'portcullis session': () =>
    guarded([
      session({
        store,
        secret: COOKIE_SECRET,
        identify: ({ user }) => (user ? { subject: user.id, issuedAt: loggedInAt } : null),
      }),
    ]),
}

function guarded(strategies) {
  const auth = createAuth({ origins: [ORIGIN], strategies, limits })
  auth.protect(io.of('/chat'), { events: { ping: () => permit() } }).on('connection', ping)
}

http.listen(0, '127.0.0.1', () => {
  variants[variant]()
  process.send({ port: http.address().port })
})
process.on('message', () => process.send({ cpu: process.cpuUsage(), rss: process.memoryUsage.rss() }))
process.on('disconnect', () => process.exit(0))
