// @ts-check
/** Nest 11 logs in and out, and has a gateway in a guarded namespace; a logout ends the sockets of that login. */

import 'reflect-metadata'
import { randomBytes } from 'node:crypto'
import { Module } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { createAuth, permit, permitIf } from 'portcullis'
import { jwt } from 'portcullis/strategies/jwt'
import { z } from 'zod'
import { ChatGateway, LOGIN, LoginController } from './chat.mjs'
import { GuardedIoAdapter } from './guarded-io-adapter.mjs'
import { tokensOf } from './tokens.mjs'
import { demoUsers } from './users.mjs'

const port = Number(process.env.PORT ?? 3000)
const url = `http://127.0.0.1:${port}`
const users = await demoUsers(['alice', 'bob'])
const secret = randomBytes(32)
const tokens = tokensOf({ issuer: url, audience: 'chat', secret })

const claims = z.object({ name: z.string(), role: z.string() })
const auth = createAuth({
  origins: [url],
  strategies: [jwt({ issuer: url, audience: 'chat', keys: secret, claims, leewaySeconds: 0 })],
})

const login = {
  /** @param {any} body */
  async login(body) {
    const user = await users.verify(body?.name, body?.password)
    return user === null ? null : { token: await tokens.issue(user) }
  },
  /** @param {any} authorization */
  async logout(authorization) {
    const tokenId = await tokens.idOf(authorization)
    if (tokenId === null) return null
    const { complete, closed } = await auth.revoke({ tokenId })
    return { complete, closed }
  },
}

class AppModule {}
Module({
  controllers: [LoginController],
  providers: [ChatGateway, { provide: LOGIN, useValue: login }],
})(AppModule)

const app = await NestFactory.create(AppModule, { logger: ['warn', 'error'] })
app.useWebSocketAdapter(
  new GuardedIoAdapter(app, (io) => {
    auth.protect(io.of('/chat'), {
      events: {
        'message:send': () => permit(),
        'messages:clear': ({ identity }) => permitIf(identity.claims.role === 'moderator'),
      },
    })
  }),
)
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, async () => {
    await auth.drain({ overMs: 500 })
    await auth.close()
    await app.close()
    // An upgrade that this has cut short leaves a timer of Engine.IO, which would keep the process for half a minute.
    process.exit()
  })
}
await app.listen(port, '127.0.0.1')
const client = 'node examples/08-how-do-i-use-it-with-nestjs/client.mjs'
console.log(`Listening on ${url}. Alice is a moderator, Bob is not.

${users.logins.map(({ name, password }) => `  ${name.padEnd(6)} ${password}`).join('\n')}

In another terminal:

${users.logins.map(({ name, password }) => `  ${client} ${url} ${name} ${password}`).join('\n')}

Ctrl+C ends it.`)
