// @ts-check
/** Clients used to send their key in the URL. New ones send it in `auth`; the old ones still work, and are counted. */

import { createServer } from 'node:http'
import { AuthError, createAuth, permit } from 'portcullis'
import { apiKey, createApiKey } from 'portcullis/strategies/api-key'
import { allowQuery, fromAuth } from 'portcullis/strategies/from'
import { Server } from 'socket.io'

const port = Number(process.env.PORT ?? 3000)
const url = `http://127.0.0.1:${port}`
const httpServer = createServer()
const io = new Server(httpServer)

// Stands for your table of keys. Only the hash is kept; the key itself is shown once, below.
const { key, prefix, hash } = createApiKey('demo')
const customers = new Map([[prefix, { hash, subject: 'customer-1' }]])

/** What old clients send: `?joinServerParameters={"token":"…"}`. */
const inQuery = allowQuery('joinServerParameters')

/** @type {import('portcullis').CredentialSource} */
const fromJoinServerParameters = {
  ...inQuery,
  read(handshake, connect) {
    const json = inQuery.read(handshake, connect)
    return json === null ? null : tokenIn(json)
  },
}

/** @param {string} json from the wire: anything may be in it */
function tokenIn(json) {
  try {
    /** @type {unknown} */
    const parameters = JSON.parse(json)
    if (typeof parameters === 'object' && parameters !== null && 'token' in parameters) {
      if (typeof parameters.token === 'string') return parameters.token
    }
  } catch {
    // Refused below, as is JSON of another shape.
  }
  throw new AuthError('AUTH_CREDENTIAL_INVALID', { reason: 'join_server_parameters' })
}

const auth = createAuth({
  // Pages of these origins only, on every transport; what the client says of itself in `Referer` counts where a browser
  // sent no `Origin`.
  origins: [url],
  allowReferer: true,
  strategies: [
    apiKey({
      find: (asked) => customers.get(asked) ?? null,
      // Once no old client is left, take the second source out.
      from: [fromAuth('token'), fromJoinServerParameters],
    }),
  ],
})

const sockets = auth.protect(io.of('/'), { events: { hello: () => permit() } })
sockets.on('connection', (socket) => {
  const { subject } = socket.data.identity
  if ('joinServerParameters' in auth.handshakeOf(socket).query) {
    console.log(`${subject} still sends its key in the URL`)
  }
  socket.on('hello', (answer) => {
    if (typeof answer === 'function') answer(`Hello, ${subject}`)
  })
})

httpServer.listen(port, '127.0.0.1', () => {
  const client = 'node examples/01-how-do-i-move-a-token-out-of-the-url/client.mjs'
  console.log(`Listening on ${url}. In another terminal, a new client, an old one, and a page of somebody else:

  ${client} ${url} ${key}
  ${client} ${url} ${key} --old
  curl -H 'Referer: https://elsewhere.example/' '${url}/socket.io/?EIO=4&transport=polling'

Ctrl+C ends it.`)
})
