// @ts-check
/** An OAuth token from a table says who it is; a second table says which organization's news that user may have. */

import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { createServer } from 'node:http'
import express from 'express'
import { createAuth, permitIf } from 'portcullis'
import { accessToken } from 'portcullis/strategies/access-token'
import { Server } from 'socket.io'
import { openDemoDatabase } from './demo-database.mjs'

const port = Number(process.env.PORT ?? 3000)
const url = `http://127.0.0.1:${port}`
const { pool, tokens } = await openDemoDatabase()
const app = express()
const httpServer = createServer(app)
const io = new Server(httpServer)

const auth = createAuth({
  origins: [url],
  strategies: [
    // select … from oauth_access_tokens where access_token = … and expires > statement_timestamp()
    // Every five minutes the client presents its token again, so that a row that was deleted ends a connection.
    accessToken({ pool, leaseSeconds: 300 }),
  ],
})

auth.protect(io.of('/'), {
  events: {},
  rooms: {
    // The client says which organization it wants; the token says who it is, and the table whether that may be.
    'organization.{id}': async ({ identity, params }) => {
      const isMember = 'select 1 from members where user_id::text = $1 and organization_id = $2'
      const { rowCount } = await pool.query(isMember, [identity.subject, params.id])
      return permitIf(rowCount === 1)
    },
  },
})

// For the backend, in whatever language it is written. A new key at each start: keep yours where you keep secrets.
const publishingKey = randomBytes(24).toString('hex')
const digest = (/** @type {string} */ text) => createHash('sha256').update(text).digest()

app.post('/organizations/:id/news', express.json(), (request, response) => {
  const presented = request.get('authorization') ?? ''
  if (!timingSafeEqual(digest(presented), digest(`Bearer ${publishingKey}`))) {
    response.sendStatus(401)
    return
  }
  io.to(`organization.${request.params.id}`).emit('news', { data: String(request.body?.data) })
  response.sendStatus(202)
})

httpServer.listen(port, '127.0.0.1', () => {
  const [alice, bob] = tokens
  const client = 'node examples/04-how-do-i-let-only-members-into-a-room/client.mjs'
  console.log(`Listening on ${url}. Alice is in acme and globex, Bob in globex.

${tokens.map(({ name, token }) => `  ${name.padEnd(8)} ${token}`).join('\n')}
  backend  ${publishingKey}

In other terminals: Bob is refused, Alice waits for one piece of news, and the backend sends it.

  ${client} ${url} ${bob?.token} acme
  ${client} ${url} ${alice?.token} acme
  curl -H 'authorization: Bearer ${publishingKey}' -H 'content-type: application/json' -d '{"data":"We moved"}' ${url}/organizations/acme/news

Ctrl+C ends it.`)
})
