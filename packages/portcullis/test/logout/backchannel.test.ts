/** Back-channel logout by a real OpenID provider, over loopback, and the sockets that it ends. */

import { connect as connectTcp } from 'node:net'
import express from 'express'
import fastify from 'fastify'
import type { Auth, AuthOptions } from 'portcullis'
import { type BackchannelOptions, backchannelLogout, providerSession } from 'portcullis/logout/backchannel'
import { jwt } from 'portcullis/strategies/jwt'
import type { Socket } from 'socket.io-client'
import { describe, expect, test } from 'vitest'
import { next, onCleanup, outcome, start } from '../harness.ts'
import { CLIENT, startLogoutProvider } from './provider.ts'
import { listen } from './site.ts'

type Listener = Parameters<typeof listen>[0]
type Receiver = ReturnType<typeof backchannelLogout>

/** A chat whose sockets authenticate by ID tokens of the provider, which posts its logout tokens to `receiver`. */
async function startChat(serve: (receiver: Receiver) => Listener, options: Partial<BackchannelOptions> = {}) {
  let listener: Listener = () => {}
  const origin = await listen((request, response) => listener(request, response))
  const provider = await startLogoutProvider(`${origin}/backchannel-logout`)
  const trust = { issuer: provider.issuer, audience: CLIENT.id, keys: provider.jwksUrl }
  const errors: unknown[] = []
  const { io, auth, client } = await start({ strategies: [jwt(trust)] as unknown as AuthOptions<never>['strategies'] })
  auth.protect(io.of('/chat'), { events: {} })
  const receiver = backchannelLogout(auth, {
    ...trust,
    onError: (error: unknown) => errors.push(error),
    ...options,
  } as BackchannelOptions)
  listener = serve(receiver)
  return {
    origin,
    provider,
    errors,
    auth: auth as Auth,
    async connect(token: string): Promise<Socket> {
      const socket = client('/chat', { auth: { token } })
      const refusal = await outcome(socket)
      if (refusal !== null) throw new Error(refusal.code)
      return socket
    },
  }
}

const closed = async (socket: Socket) => ((await next(socket, 'auth:closed'))[0] as { readonly code: string }).code

const frameworks: readonly (readonly [string, (receiver: Receiver) => Listener])[] = [
  ['Express', (receiver) => express().post('/backchannel-logout', receiver.express())],
  [
    'Express behind a body parser',
    (receiver) =>
      express()
        .use(express.urlencoded({ extended: true }))
        .post('/backchannel-logout', receiver.express()),
  ],
  ['node:http', (receiver) => receiver.express()],
  [
    'Fastify',
    (receiver) => {
      const app = fastify()
      onCleanup(() => app.close())
      const ready = app.register(receiver.fastify('/backchannel-logout')).ready()
      return (request, response) => void ready.then(() => app.routing(request, response))
    },
  ],
]

describe.each(frameworks)('M5: with oidc-provider and %s', (_framework, serve) => {
  test('a logout at the provider ends the sockets of its user with AUTH_REVOKED, and no others', async () => {
    const { provider, connect, errors } = await startChat(serve)
    const [alice, bob] = [await provider.login('alice'), await provider.login('bob')]
    const [ofAlice, ofBob] = [await connect(alice.idToken), await connect(bob.idToken)]
    const heard = closed(ofAlice)
    await alice.logout()
    expect([provider.sent, errors]).toEqual([['success'], []])
    expect(await heard).toBe('AUTH_REVOKED')
    await expect(connect(alice.idToken)).rejects.toThrow('AUTH_REVOKED')
    expect((await ofBob.emitWithAck('auth:whoami')).subject).toBe('bob')
  })
})

describe('which sockets end', () => {
  const serve = (receiver: Receiver) => receiver.express()

  test('by default all of the user, for not every token says of which session it is', async () => {
    const { provider, connect } = await startChat(serve)
    const [laptop, phone] = [await provider.login('alice'), await provider.login('alice')]
    expect(laptop.sid).not.toBe(phone.sid)
    const sockets = [await connect(laptop.idToken), await connect(phone.idToken)]
    const heard = Promise.all(sockets.map(closed))
    await laptop.logout()
    expect(await heard).toEqual(['AUTH_REVOKED', 'AUTH_REVOKED'])
  })

  test('with providerSession, those of the one session at the provider', async () => {
    const { provider, connect, auth } = await startChat(serve, {
      keysOf: ({ issuer, sid }, usual) => (sid === null ? usual : [providerSession(issuer, sid)]),
    })
    const [laptop, phone] = [await provider.login('alice'), await provider.login('alice')]
    const [onLaptop, onPhone] = [await connect(laptop.idToken), await connect(phone.idToken)]
    expect(auth.sockets(providerSession(provider.issuer, laptop.sid))).toHaveLength(1)
    const heard = closed(onLaptop)
    await laptop.logout()
    expect(await heard).toBe('AUTH_REVOKED')
    expect((await onPhone.emitWithAck('auth:whoami')).subject).toBe('alice')
  })
})

describe('the HTTP of it', () => {
  const post = (url: string, body: string, type = 'application/x-www-form-urlencoded') =>
    fetch(url, { method: 'POST', headers: { 'content-type': type }, body })
  const serve = (receiver: Receiver) => receiver.express()

  test('another method is 405, another media type and a body of more than 64 KiB are 400, none is stored', async () => {
    const { origin, errors } = await startChat(serve)
    const asked = await fetch(origin)
    expect([asked.status, asked.headers.get('allow')]).toEqual([405, 'POST'])
    expect((await fetch(origin, { method: 'PUT', body: 'logout_token=a.b.c' })).status).toBe(405)
    const answers = [
      await post(origin, '{"logout_token":"a.b.c"}', 'application/json'),
      await post(origin, `logout_token=${'a'.repeat(70_000)}`),
      await post(origin, 'logout_token=a.b.c'),
      await post(origin, ''),
    ]
    for (const answer of answers) {
      expect(answer.status).toBe(400)
      expect(answer.headers.get('cache-control')).toBe('no-store')
      expect(await answer.json()).toEqual({
        error: 'invalid_request',
        error_description: 'The logout token was not accepted.',
      })
    }
    expect(errors).toMatchObject([
      { reason: 'request' },
      { reason: 'request' },
      { reason: 'shape' },
      { reason: 'request' },
    ])
  })

  test('a body that goes on and on is answered at 64 KiB, and the connection is closed', async () => {
    const { origin } = await startChat(serve)
    const { hostname, port } = new URL(origin)
    const socket = connectTcp(Number(port), hostname)
    const answer = new Promise<string>((resolve) => {
      let text = ''
      socket.on('data', (chunk) => {
        text += chunk
      })
      socket.on('close', () => resolve(text))
    })
    const head =
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 10000000\r\n'
    socket.on('error', () => {})
    socket.write(`${head}\r\n${'a'.repeat(66_000)}`)
    expect(await answer).toMatch(/^HTTP\/1\.1 400 [\s\S]*connection: close/i)
  })

  test('a sender that goes away in the middle of a body is no crash and no leak', async () => {
    const { origin, errors } = await startChat(serve)
    const { hostname, port } = new URL(origin)
    const socket = connectTcp(Number(port), hostname)
    socket.write(
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 99\r\n\r\nlogout',
      () => socket.destroy(),
    )
    await expect.poll(() => errors).toMatchObject([{ reason: 'request' }])
    expect((await post(origin, '')).status).toBe(400)
  })

  test('beside a parser that left an empty object for what it did not parse, the body is still read', async () => {
    const { origin, errors } = await startChat((receiver) => (request, response) => {
      void receiver.express()(Object.assign(request, { body: {} }), response)
    })
    expect((await post(origin, 'logout_token=a.b.c')).status).toBe(400)
    expect(errors).toMatchObject([{ reason: 'shape' }])
  })

  test('a Fastify application that parses forms already goes on doing so', async () => {
    const { origin, errors } = await startChat((receiver) => {
      const app = fastify()
      onCleanup(() => app.close())
      app.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (_request, body, done) =>
        done(null, Object.fromEntries(new URLSearchParams(body as string))),
      )
      const ready = app.register(receiver.fastify('/')).ready()
      return (request, response) => void ready.then(() => app.routing(request, response))
    })
    expect((await post(origin, 'logout_token=a.b.c')).status).toBe(400)
    expect(errors).toMatchObject([{ reason: 'shape' }])
  })
})
