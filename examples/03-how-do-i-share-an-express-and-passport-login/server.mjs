// @ts-check
/** Express, Passport and Socket.IO on one port and one login. Logging out of the page ends its sockets. */

import { randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import { RedisStore } from 'connect-redis'
import express from 'express'
import session from 'express-session'
import passport from 'passport'
import { Strategy as LocalStrategy } from 'passport-local'
import { createAuth } from 'portcullis'
import { passport as passportSession } from 'portcullis/strategies/passport'
import { Server } from 'socket.io'
import { handleConnection, policy } from './handlers.mjs'
import { openRedis } from './redis.mjs'
import { demoUsers } from './users.mjs'

const port = Number(process.env.PORT ?? 3000)
const url = `http://127.0.0.1:${port}`
const users = await demoUsers(['alice', 'bob'])
const store = new RedisStore({ client: await openRedis(), prefix: process.env.REDIS_PREFIX ?? 'example-03:' })
// A new one at each start ends every login. Keep yours where you keep secrets, and nowhere in the code.
const secret = randomBytes(32).toString('hex')

passport.use(
  new LocalStrategy((name, password, done) => {
    users.verify(name, password).then((user) => done(null, user ?? false), done)
  }),
)
passport.serializeUser((user, done) => done(null, /** @type {import('./users.mjs').User} */ (user).id))
passport.deserializeUser((id, done) => done(null, users.find(String(id))))

const app = express()
// Add `secure: true` behind TLS. `lax` keeps other sites from posting with the cookie.
const cookie = { httpOnly: true, sameSite: /** @type {const} */ ('lax'), maxAge: 3_600_000 }
app.use(session({ store, secret, cookie, resave: false, saveUninitialized: false }))
app.use(passport.session())

const httpServer = createServer(app)
const io = new Server(httpServer)
const auth = createAuth({
  origins: [url],
  strategies: [
    passportSession({
      passport,
      store,
      secret,
      // What `deserializeUser` gave: only what rules and handlers need goes to the socket.
      identify: (/** @type {import('./users.mjs').User} */ { id, name }) => ({ subject: id, claims: { name } }),
    }),
  ],
})
auth.protect(io.of('/'), policy).on('connection', handleConnection)

app.post('/login', express.json(), passport.authenticate('local'), (request, response) => {
  response.json(request.user)
})
app.post('/logout', async (request, response, next) => {
  // Before the session is gone: whoever connects with it in between is refused as well.
  const { closed } = await auth.revoke({ session: request.sessionID })
  request.session.destroy((error) => (error ? next(error) : response.clearCookie('connect.sid').json({ closed })))
})

httpServer.listen(port, '127.0.0.1', () => {
  const logins = users.logins.map(({ name, password }) => `  ${name.padEnd(6)} ${password}`)
  console.log(`Listening on ${url}, with sessions in Redis.\n\n${logins.join('\n')}

In another terminal, somebody who logs in, connects and logs out, and somebody who only connects:

  node examples/03-how-do-i-share-an-express-and-passport-login/client.mjs ${url} alice ${users.logins[0]?.password}
  curl '${url}/socket.io/?EIO=4&transport=polling'

Ctrl+C ends it.`)
})
