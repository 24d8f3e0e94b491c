// @ts-check
/** Anyone may connect; a private channel needs a signature, which an HTTP endpoint gives to whoever may have it. */

import { randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import express from 'express'
import { createAuth, deny, permitIf } from 'portcullis'
import { pusherAuthEndpoint, pusherRule, pusherSigner } from 'portcullis/channels/pusher'
import { anonymous } from 'portcullis/strategies/anonymous'
import { Server } from 'socket.io'
import { demoUsers } from './users.mjs'

const port = Number(process.env.PORT ?? 3000)
const url = `http://127.0.0.1:${port}`
const users = await demoUsers(['alice', 'bob'])
const app = express()
const httpServer = createServer(app)
const io = new Server(httpServer)

// The key is public and is sent along; the secret never leaves the servers that sign and verify.
const signer = pusherSigner({ keys: [{ key: 'demo', secret: randomBytes(32).toString('hex') }] })

const auth = createAuth({
  origins: [url],
  // The socket itself is nobody's: who may have a channel is asked of the web application.
  strategies: [anonymous()],
})
auth.protect(io.of('/'), {
  events: {},
  // Holds for one socket id and one channel: it is of no use to any other socket.
  rooms: { 'private-{name}': pusherRule(signer) },
})

/** Stands for your session. Who sends this request? @param {import('express').Request} request */
async function userOf(request) {
  const [scheme, encoded = ''] = (request.get('authorization') ?? '').split(' ')
  const [name, password] = Buffer.from(encoded, 'base64').toString().split(':')
  return scheme?.toLowerCase() === 'basic' ? users.verify(name, password) : null
}

app.post(
  '/pusher/auth',
  express.urlencoded({ extended: false }),
  pusherAuthEndpoint({
    signer,
    /** @param {import('express').Request} request */
    async authorize(request, channel) {
      const user = await userOf(request)
      return user === null ? deny() : permitIf(channel === `private-user-${user.id}`)
    },
  }),
)

// What happens elsewhere in your application and is for one user.
setInterval(() => io.to('private-user-1').emit('message', `for Alice, at ${new Date().toISOString()}`), 1_000).unref()

httpServer.listen(port, '127.0.0.1', () => {
  const client = 'node examples/07-how-do-i-sign-private-channels/client.mjs'
  const [alice, bob] = users.logins
  console.log(`Listening on ${url}. Alice is user 1, Bob user 2.

${users.logins.map(({ name, password }) => `  ${name.padEnd(6)} ${password}`).join('\n')}

In another terminal: Alice hears her channel, Bob is refused, and what the endpoint answers.

  ${client} ${url} alice ${alice?.password} private-user-1
  ${client} ${url} bob ${bob?.password} private-user-1
  curl -u bob:${bob?.password} -d socket_id=AAAAAAAAAAAAAAAAAAAA -d channel_name=private-user-2 ${url}/pusher/auth

Ctrl+C ends it.`)
})
