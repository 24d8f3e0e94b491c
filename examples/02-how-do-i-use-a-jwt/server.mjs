// @ts-check
/** `/login` issues a JSON Web Token, and the socket carries it. When it expires the connection ends, with the reason. */

import { randomBytes, randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import express from 'express'
import { SignJWT } from 'jose'
import { createAuth, permit } from 'portcullis'
import { jwt } from 'portcullis/strategies/jwt'
import { Server } from 'socket.io'
import { z } from 'zod'
import { demoUsers } from './users.mjs'

const port = Number(process.env.PORT ?? 3000)
const url = `http://127.0.0.1:${port}`
const lifetimeSeconds = Number(process.env.TOKEN_LIFETIME_SECONDS ?? 10)
const users = await demoUsers(['alice', 'bob'])
// A new one at each start ends every login. Keep yours where you keep secrets, and nowhere in the code.
const secret = randomBytes(32)

const app = express()
const httpServer = createServer(app)
const io = new Server(httpServer)

app.post('/login', express.json(), async (request, response) => {
  const user = await users.verify(request.body?.name, request.body?.password)
  if (user === null) {
    response.status(401).json({ message: 'Wrong name or password' })
    return
  }
  // Anyone who holds a token can read it: put no more in than the server needs.
  const token = await new SignJWT({ name: user.name })
    .setProtectedHeader({ alg: 'HS256' })
    .setIssuer(url)
    .setAudience('chat')
    .setSubject(user.id)
    .setJti(randomUUID())
    .setIssuedAt()
    .setExpirationTime(`${lifetimeSeconds} seconds`)
    .sign(secret)
  response.set('Cache-Control', 'no-store').json({ token })
})

const auth = createAuth({
  origins: [url],
  strategies: [
    jwt({
      issuer: url,
      audience: 'chat',
      keys: secret,
      claims: z.object({ name: z.string() }),
      // One machine issues and checks here, so no two clocks can differ.
      leewaySeconds: 0,
    }),
  ],
})

const sockets = auth.protect(io.of('/'), { events: { hello: () => permit() } })
sockets.on('connection', (socket) => {
  const { subject, claims } = socket.data.identity
  socket.on('hello', (answer) => {
    if (typeof answer === 'function') answer(`Hello, ${claims.name}, user ${subject}`)
  })
})

httpServer.listen(port, '127.0.0.1', () => {
  const [alice] = users.logins
  console.log(`Listening on ${url}. Tokens live ${lifetimeSeconds} seconds.

${users.logins.map(({ name, password }) => `  ${name.padEnd(6)} ${password}`).join('\n')}

In another terminal, a client that stays for three tokens, and a login by hand:

  node examples/02-how-do-i-use-a-jwt/client.mjs ${url} alice ${alice?.password}
  curl -H 'content-type: application/json' -d '{"name":"alice","password":"${alice?.password}"}' ${url}/login

Ctrl+C ends it.`)
})
