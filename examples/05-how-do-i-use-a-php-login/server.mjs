// @ts-check
/** A PHP site with a login, and the Socket.IO server beside it, which knows who is logged in there. */

import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { createServer } from 'node:http'
import express from 'express'
import { createAuth, permit } from 'portcullis'
import { phpSession, phpUserId } from 'portcullis/strategies/php-session'
import { Server } from 'socket.io'
import { startPhpSite } from './php-site.mjs'
import { openRedis } from './redis.mjs'

const port = Number(process.env.PORT ?? 3000)
const url = `http://127.0.0.1:${port}`
const sitePort = Number(process.env.PHP_PORT ?? 8000)
const siteUrl = `http://127.0.0.1:${sitePort}`
const prefix = process.env.REDIS_PREFIX ?? 'example-05:'
const redis = await openRedis()

const app = express()
const httpServer = createServer(app)
// Cookies know no ports: the browser sends the site's cookie here too, when the page asks for it (withCredentials).
const io = new Server(httpServer, { cors: { origin: siteUrl, credentials: true } })

const auth = createAuth({
  origins: [siteUrl],
  strategies: [
    phpSession({
      redis,
      prefix,
      identify({ user, logged_in_at: loggedInAt }) {
        if (typeof user !== 'object' || user === null || !('id' in user)) return null
        const subject = phpUserId(user.id)
        return subject === null ? null : { subject, issuedAt: Number(loggedInAt), claims: { name: String(user.name) } }
      },
      // So often the session is read again.
      leaseSeconds: 60,
    }),
  ],
})

const sockets = auth.protect(io.of('/'), { events: { hello: () => permit() } })
sockets.on('connection', (socket) => {
  const { subject, claims } = socket.data.identity
  socket.emit('greetings', `Greetings, ${claims.name}`)
  socket.on('hello', (answer) => {
    if (typeof answer === 'function') answer(`Hello, user ${subject}`)
  })
})

// The site says here that somebody logged out. A new key at each start, which only the two know.
const revokeKey = randomBytes(24).toString('hex')
const digest = (/** @type {string} */ text) => createHash('sha256').update(text).digest()

app.post('/revoke', express.text(), async (request, response) => {
  const isSite = timingSafeEqual(digest(request.get('authorization') ?? ''), digest(`Bearer ${revokeKey}`))
  if (!isSite) return void response.sendStatus(401)
  response.json(await auth.revoke({ session: String(request.body) }))
})

const env = { SITE_URL: siteUrl, SOCKETS_URL: url, REVOKE_KEY: revokeKey }
const { password } = await startPhpSite({ port: sitePort, prefix, env })
httpServer.listen(port, '127.0.0.1', () => {
  console.log(`Open ${siteUrl} (PHP), which connects to ${url} (Socket.IO). Log in as

  alice  ${password}

In another terminal, the same without a browser, and a connection without a login:

  node examples/05-how-do-i-use-a-php-login/client.mjs ${siteUrl} ${url} alice ${password}
  curl '${url}/socket.io/?EIO=4&transport=polling'

Ctrl+C ends both.`)
})
