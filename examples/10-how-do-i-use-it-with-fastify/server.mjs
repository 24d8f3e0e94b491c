// @ts-check
/** Fastify 5 logs in and out; its HTTP server carries Socket.IO too, and a logout ends the sockets of that login. */

import { randomBytes } from 'node:crypto'
import fastify from 'fastify'
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

const app = fastify()
const io = new Server(app.server)
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

app.post('/login', async (request, reply) => {
  const { name, password } = /** @type {Record<string, unknown>} */ (request.body ?? {})
  const user = await users.verify(name, password)
  reply.header('Cache-Control', 'no-store').code(user === null ? 401 : 200)
  return user === null ? { message: 'Wrong name or password' } : { token: await tokens.issue(user) }
})
app.post('/logout', async (request, reply) => {
  const tokenId = await tokens.idOf(request.headers.authorization)
  if (tokenId === null) return reply.code(401).send({ message: 'No token of ours' })
  const { complete, closed } = await auth.revoke({ tokenId })
  return { complete, closed }
})

// Before Fastify waits for the connections of its server to end.
app.addHook('preClose', async () => {
  await auth.drain({ overMs: 500 })
  await auth.close()
  await io.close()
})
// An upgrade that this has cut short leaves a timer of Engine.IO, which would keep the process for half a minute.
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => app.close().then(() => process.exit()))
await app.listen({ port, host: '127.0.0.1' })
const client = 'node examples/10-how-do-i-use-it-with-fastify/client.mjs'
console.log(`Listening on ${url}. Alice is a moderator, Bob is not.

${users.logins.map(({ name, password }) => `  ${name.padEnd(6)} ${password}`).join('\n')}

In another terminal:

${users.logins.map(({ name, password }) => `  ${client} ${url} ${name} ${password}`).join('\n')}

Ctrl+C ends it.`)
