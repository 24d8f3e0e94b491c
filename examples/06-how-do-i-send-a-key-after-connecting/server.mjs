// @ts-check
/** Clients connect with nothing and send the key of their session afterwards. Until then they are nobody to the rest. */

import { randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import express from 'express'
import { createAuth, permit } from 'portcullis'
import { Server } from 'socket.io'
import { openRedis } from './redis.mjs'
import { sessionKey } from './session-key.mjs'
import { demoUsers } from './users.mjs'

const port = Number(process.env.PORT ?? 3000)
const url = `http://127.0.0.1:${port}`
const deferMs = Number(process.env.DEFER_MS ?? 10_000)
const users = await demoUsers(['alice', 'bob'])
const redis = await openRedis()
const sessions = { prefix: process.env.REDIS_PREFIX ?? 'example-06:', lifetimeSeconds: 3600 }

const app = express()
const httpServer = createServer(app)
const io = new Server(httpServer)

app.post('/login', express.json(), async (request, response) => {
  const user = await users.verify(request.body?.name, request.body?.password)
  if (user === null) {
    response.status(401).json({ message: 'Wrong name or password' })
    return
  }
  const rediskey = randomBytes(32).toString('hex')
  const session = { id: user.id, username: user.name, issuedAt: Math.floor(Date.now() / 1000) }
  await redis.set(sessions.prefix + rediskey, JSON.stringify(session), { EX: sessions.lifetimeSeconds })
  response.set('Cache-Control', 'no-store').json({ rediskey })
})

const auth = createAuth({
  origins: [url],
  strategies: [sessionKey(redis, sessions)],
  // Without this line a client that comes with nothing is refused.
  deferMs,
})

const sockets = auth.protect(io.of('/'), { events: { hello: () => permit() } })
// Runs when the key was accepted, not before: there is no socket without an identity here.
sockets.on('connection', (socket) => {
  const { username } = socket.data.identity.claims
  sockets.emit('arrived', username)
  socket.on('hello', (answer) => {
    if (typeof answer === 'function') answer(`Hello, ${username}`)
  })
})

httpServer.listen(port, '127.0.0.1', () => {
  const [alice] = users.logins
  const client = 'node examples/06-how-do-i-send-a-key-after-connecting/client.mjs'
  console.log(`Listening on ${url}. Whoever connects has ${deferMs / 1000} seconds to send a key.

${users.logins.map(({ name, password }) => `  ${name.padEnd(6)} ${password}`).join('\n')}

In another terminal, a client that sends its key when it has connected, and one that never does:

  ${client} ${url} alice ${alice?.password}
  ${client} ${url}

Ctrl+C ends it.`)
})
