/** Security events over real HTTP, and the sockets that they end. */

import express from 'express'
import fastify from 'fastify'
import { SignJWT } from 'jose'
import type { AuthOptions } from 'portcullis'
import { type SecurityEventsOptions, securityEvents } from 'portcullis/logout/caep'
import { jwt } from 'portcullis/strategies/jwt'
import type { Socket } from 'socket.io-client'
import { describe, expect, test } from 'vitest'
import { next, onCleanup, outcome, start } from '../harness.ts'
import { ec } from '../strategies/jwt-fixtures.ts'
import { CAEP, CLIENT_ID, ISSUER } from './signal-fixtures.ts'
import { listen } from './site.ts'

type Listener = Parameters<typeof listen>[0]
type Receiver = ReturnType<typeof securityEvents>

const seconds = () => Math.floor(Date.now() / 1000)
const signed = (claims: Record<string, unknown>, typ: string) =>
  new SignJWT({ iss: ISSUER, aud: CLIENT_ID, ...claims }).setProtectedHeader({ alg: 'ES256', typ }).sign(ec.privateKey)

const tokenOf = (subject: string, issuedAt: number) =>
  signed({ sub: subject, iat: issuedAt, exp: seconds() + 600, jti: `${subject}-${issuedAt}` }, 'JWT')

function revokedSession(subject: string, at: number) {
  const sub_id = { format: 'iss_sub', iss: ISSUER, sub: subject }
  const events = { [`${CAEP}session-revoked`]: { event_timestamp: at } }
  return signed({ iat: seconds(), jti: `set-${subject}-${at}`, sub_id, events }, 'secevent+jwt')
}

async function startChat(serve: (receiver: Receiver) => Listener) {
  const trust = { issuer: ISSUER, audience: CLIENT_ID, keys: ec.publicKey }
  const { io, auth, client } = await start({ strategies: [jwt(trust)] as unknown as AuthOptions<never>['strategies'] })
  auth.protect(io.of('/chat'), { events: {} })
  const origin = await listen(serve(securityEvents(auth, trust as SecurityEventsOptions)))
  return {
    client: (token: string) => client('/chat', { auth: { token } }),
    push: (body: string, type = 'application/secevent+jwt') =>
      fetch(`${origin}/signals`, { method: 'POST', headers: { 'content-type': type }, body }),
  }
}

const frameworks: readonly (readonly [string, (receiver: Receiver) => Listener])[] = [
  ['Express', (receiver) => express().post('/signals', receiver.express())],
  [
    'Express behind a parser of text',
    (receiver) =>
      express()
        .use(express.text({ type: 'application/secevent+jwt' }))
        .post('/signals', receiver.express()),
  ],
  [
    'Express behind a parser of bytes',
    (receiver) =>
      express()
        .use(express.raw({ type: '*/*' }))
        .post('/signals', receiver.express()),
  ],
  ['node:http', (receiver) => receiver.express()],
  [
    'Fastify',
    (receiver) => {
      const app = fastify()
      onCleanup(() => app.close())
      const ready = app.register(receiver.fastify('/signals')).ready()
      return (request, response) => void ready.then(() => app.routing(request, response))
    },
  ],
]

describe.each(frameworks)('M5: with %s', (_framework, serve) => {
  test('session-revoked ends the sockets of its subject with AUTH_REVOKED, is answered 202, and leaves a later login alone', async () => {
    const { client, push } = await startChat(serve)
    const at = seconds() - 60
    const tokens = await Promise.all([tokenOf('alice', at - 30), tokenOf('alice', at + 30), tokenOf('bob', at - 30)])
    const [old, later, other] = tokens.map(client) as [Socket, Socket, Socket]
    expect(await Promise.all([old, later, other].map(outcome))).toEqual([null, null, null])
    const heard = next(old, 'auth:closed')
    const answer = await push(await revokedSession('alice', at))
    expect([answer.status, await answer.text(), answer.headers.get('cache-control')]).toEqual([202, '', 'no-store'])
    expect(await heard).toMatchObject([{ code: 'AUTH_REVOKED' }])
    expect((await later.emitWithAck('auth:whoami')).subject).toBe('alice')
    expect((await other.emitWithAck('auth:whoami')).subject).toBe('bob')
    expect(await outcome(client(await tokenOf('alice', at - 10)))).toMatchObject({ code: 'AUTH_REVOKED' })
  })

  test('a token that is none is answered 400 with err and description', async () => {
    const { push } = await startChat(serve)
    const answer = await push('no token')
    expect([answer.status, answer.headers.get('content-type')]).toEqual([400, 'application/json; charset=utf-8'])
    expect(await answer.json()).toEqual({ err: 'invalid_request', description: expect.any(String) })
  })
})

test('another media type is 400, a body of more than 64 KiB too', async () => {
  const { push } = await startChat((receiver) => receiver.express())
  expect((await push(await revokedSession('alice', seconds()), 'application/jwt')).status).toBe(400)
  expect((await push('a'.repeat(70_000))).status).toBe(400)
})
