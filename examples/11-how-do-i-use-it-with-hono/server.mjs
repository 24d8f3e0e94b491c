// @ts-check
/** Hono 4 logs in and out; the HTTP server of its Node adapter carries Socket.IO too, and a logout ends the sockets of that login. */

import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createAdaptorServer } from '@hono/node-server'
import { Hono } from 'hono'
import { createAuth, permit, permitIf } from 'portcullis'
import { jwt } from 'portcullis/strategies/jwt'
import { Server } from 'socket.io'
import { z } from 'zod'
import { tokensOf } from './tokens.mjs'
import { demoUsers } from './users.mjs'

const port = Number(process.env.PORT ?? 3000)
const url = `http://127.0.0.1:${port}`
const users = await demoUsers(['alice', 'bob'])
const secret = randomBytes(32)
const tokens = tokensOf({ issuer: url, audience: 'chat', secret })

const app = new Hono()
const httpServer = createAdaptorServer({ fetch: app.fetch })
const io = new Server(httpServer)
const claims = z.object({ name: z.string(), role: z.string() })
const auth = createAuth({
  origins: [url],
  strategies: [jwt({ issuer: url, audience: 'chat', keys: secret, claims, leewaySeconds: 0 })],
})
const chat = auth.protect(io.of('/chat'), {
  events: {
    'message:send': () => permit(),
    'messages:clear': ({ identity }) => permitIf(identity.claims.role === 'moderator'),
  },
})
chat.on('connection', (socket) => {
  socket.on('message:send', (text, answer) => {
    const message = `${socket.data.identity.claims.name}: ${text}`
    chat.emit('message', message)
    if (typeof answer === 'function') answer(message)
  })
  socket.on('messages:clear', (answer) => typeof answer === 'function' && answer('cleared'))
})

app.post('/login', async (c) => {
  const body = await c.req.json().catch(() => null)
  const user = await users.verify(body?.name, body?.password)
  c.header('Cache-Control', 'no-store')
  return user === null
    ? c.json({ message: 'Wrong name or password' }, 401)
    : c.json({ token: await tokens.issue(user) })
})
app.post('/logout', async (c) => {
  const tokenId = await tokens.idOf(c.req.header('authorization'))
  if (tokenId === null) return c.json({ message: 'No token of ours' }, 401)
  const { complete, closed } = await auth.revoke({ tokenId })
  return c.json({ complete, closed })
})

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, async () => {
    await auth.drain({ overMs: 500 })
    await auth.close()
    await io.close()
    // An upgrade that this has cut short leaves a timer of Engine.IO, which would keep the process for half a minute.
    process.exit()
  })
}
await once(httpServer.listen(port, '127.0.0.1'), 'listening')
const client = 'node examples/11-how-do-i-use-it-with-hono/client.mjs'
console.log(`Listening on ${url}. Alice is a moderator, Bob is not.

${users.logins.map(({ name, password }) => `  ${name.padEnd(6)} ${password}`).join('\n')}

In another terminal:

${users.logins.map(({ name, password }) => `  ${client} ${url} ${name} ${password}`).join('\n')}

Ctrl+C ends it.`)
