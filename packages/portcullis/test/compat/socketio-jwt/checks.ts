/** What whoever used socketio-jwt relies on, as checks that any facade can be given to. */

import assert from 'node:assert/strict'
import type { Socket } from 'socket.io'
import {
  type Check,
  expired,
  forged,
  handMade,
  next,
  type Refusal,
  SECRET,
  sign,
  until,
  type Version,
  withServer,
} from './kit.ts'

/** The part of the API that is checked; wrong facades need no more. */
export interface Facade {
  // biome-ignore lint/suspicious/noExplicitAny: it is the old API, which was as open as that
  authorize(options: any): any
}

const byHandshake = (facade: Facade, options: object, query: object, version: Version = 4) =>
  withServer(
    (io) => io.use(facade.authorize({ secret: SECRET, handshake: true, ...options })),
    ({ outcome }) => outcome({ query }, '', version),
  )

function assertRefused(refusal: Refusal | null, code: string, message: string): void {
  assert.deepEqual(refusal?.data, { message, code, type: 'UnauthorizedError' })
}

export const checks: readonly Check<Facade>[] = [
  ...([4, 3, 2] as const).map((version) => ({
    name: `admits a valid token of client ${version}`,
    run: async (facade: Facade) => assert.equal(await byHandshake(facade, {}, { token: sign() }, version), null),
  })),
  {
    name: 'refuses a handshake without a token',
    run: async (facade) =>
      assertRefused(await byHandshake(facade, {}, {}), 'credentials_required', 'no token provided'),
  },
  {
    name: 'refuses a forged signature',
    run: async (facade) =>
      assertRefused(await byHandshake(facade, {}, { token: forged() }), 'invalid_token', 'invalid signature'),
  },
  {
    name: 'refuses a token without a signature',
    run: async (facade) => {
      const token = handMade({ alg: 'none' }, { sub: 'mallory' }, '')
      assertRefused(await byHandshake(facade, {}, { token }), 'invalid_token', 'jwt signature is required')
    },
  },
  {
    name: 'refuses an expired token',
    run: async (facade) =>
      assertRefused(await byHandshake(facade, {}, { token: expired() }), 'invalid_token', 'jwt expired'),
  },
  {
    name: 'checks the audience',
    run: async (facade) => {
      const refusal = await byHandshake(facade, { audience: 'chat' }, { token: sign({ sub: 'a', aud: 'mail' }) })
      assertRefused(refusal, 'invalid_token', 'jwt audience invalid. expected: chat')
    },
  },
  {
    name: 'asks the secret function with the payload',
    run: async (facade) => {
      const secret = (
        _request: unknown,
        payload: { sub: string },
        callback: (error: unknown, secret?: string) => void,
      ) => callback(null, payload.sub === 'alice' ? SECRET : 'the secret of somebody else, also long')
      assert.equal(await byHandshake(facade, { secret }, { token: sign() }), null)
      const refusal = await byHandshake(facade, { secret }, { token: sign({ sub: 'bob' }) })
      assertRefused(refusal, 'invalid_token', 'invalid signature')
    },
  },
  {
    name: 'puts the decoded token on the socket',
    run: (facade) =>
      withServer(
        (io) => io.use(facade.authorize({ secret: SECRET, handshake: true })),
        async ({ client, nextSocket }) => {
          const connected = nextSocket()
          const token = sign()
          client({ query: { token } })
          const socket = (await connected) as Socket & { decoded_token?: { name: string }; encoded_token?: string }
          assert.equal(socket.decoded_token?.name, 'Alice')
          assert.equal(socket.encoded_token, token)
        },
      ),
  },
  {
    name: 'ends the connection with the token',
    run: (facade) =>
      withServer(
        (io) => io.use(facade.authorize({ secret: SECRET, handshake: true })),
        async ({ client }) => {
          const socket = client({ query: { token: sign({ sub: 'alice' }, { expiresIn: 2 }) } })
          await next(socket, 'disconnect')
        },
      ),
  },
  {
    name: 'announces a socket that has authenticated in a second roundtrip',
    run: (facade) =>
      withServer(
        (io) => {
          io.sockets
            .on('connection', facade.authorize({ secret: SECRET }))
            .on('authenticated' as 'connection', (socket: Socket) => {
              socket.on('echo', (text: string) => socket.emit('echoed', text))
            })
        },
        async ({ client }) => {
          const socket = client()
          const authenticated = next(socket, 'authenticated')
          socket.emit('authenticate', { token: sign() })
          assert.deepEqual(await authenticated, [])
          const echoed = next(socket, 'echoed')
          socket.emit('echo', 'hi')
          assert.deepEqual(await echoed, ['hi'])
        },
      ),
  },
  {
    name: 'asks additional_auth',
    run: (facade) =>
      withServer(
        (io) => {
          const additional_auth = (_: unknown, _ok: () => void, onError: (error: unknown, code: string) => void) =>
            onError({ message: 'banned' }, 'user_banned')
          io.on('connection', facade.authorize({ secret: SECRET, additional_auth }))
        },
        async ({ client }) => {
          const socket = client()
          const unauthorized = next(socket, 'unauthorized')
          socket.emit('authenticate', { token: sign() })
          const [error] = (await unauthorized) as [{ data: unknown }]
          assert.deepEqual(error.data, { message: 'banned', code: 'user_banned', type: 'UnauthorizedError' })
        },
      ),
  },
  {
    name: 'keeps events and broadcasts from a socket that has not authenticated',
    run: (facade) =>
      withServer(
        (io) => {
          io.on('connection', facade.authorize({ secret: SECRET }))
        },
        async ({ io, client, nextSocket }) => {
          const connected = nextSocket()
          const socket = client()
          const heard: string[] = []
          socket.on('news', () => heard.push('news'))
          const server = await connected
          server.on('order', () => heard.push('order'))
          socket.emit('order')
          io.emit('news')
          // After these, whatever was sent before has arrived.
          const answered = next(socket, 'unauthorized')
          socket.emit('authenticate', { token: forged() })
          await answered
          assert.deepEqual(heard, [])
        },
      ),
  },
  {
    name: 'disconnects whoever was refused, also without an acknowledgement',
    run: (facade) =>
      withServer(
        (io) => {
          io.on('connection', facade.authorize({ secret: SECRET, callback: 50 }))
        },
        async ({ client }) => {
          const socket = client()
          socket.emit('authenticate', { token: forged() })
          await next(socket, 'disconnect')
          await until(() => !socket.connected)
        },
      ),
  },
]
