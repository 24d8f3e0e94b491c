/** The README of socketio-jwt 4.6.2 and an answer that many copied, with our import; only what they print is looked at instead. */

import jwt from 'jsonwebtoken'
import { legacyServer } from 'portcullis/compat/socketio-0.9'
import socketioJwt from 'portcullis/compat/socketio-jwt'
import type { Socket } from 'socket.io'
import { expect, test } from 'vitest'
import { next, until, VERSIONS, withServer } from './kit.ts'

const signed = (payload: object, secret = 'your secret or public key') =>
  jwt.sign(payload, secret, { expiresIn: 60 * 5 })

test.each(VERSIONS)('usage, with client %i', (version) => {
  const printed: string[] = []
  return withServer(
    (io) => {
      // set authorization for socket.io
      io.sockets
        .on(
          'connection',
          socketioJwt.authorize({
            secret: 'your secret or public key',
            timeout: 15000, // 15 seconds to send the authentication message
          }),
        )
        .on('authenticated' as 'connection', (socket: Socket & { decoded_token?: { name: string } }) => {
          //this socket is authenticated, we are good to handle more events from it.
          printed.push(`hello! ${socket.decoded_token?.name}`)
        })
    },
    async ({ client }) => {
      const socket = client({}, '', version)
      await next(socket, 'connect')
      socket.emit('authenticate', { token: signed({ name: 'John' }) })
      await next(socket, 'authenticated')
      await until(() => printed.length === 1)
      expect(printed).toEqual(['hello! John'])
    },
  )
})

test.each(VERSIONS)('one roundtrip, with client %i', (version) => {
  const printed: string[] = []
  return withServer(
    (io) => {
      io.use(
        socketioJwt.authorize({
          secret: 'your secret or public key',
          handshake: true,
        }),
      )

      io.on('connection', (socket: Socket & { decoded_token?: { name: string } }) => {
        printed.push(`hello! ${socket.decoded_token?.name}`)
      })
    },
    async ({ outcome }) => {
      const your_jwt = signed({ name: 'John' })
      expect(await outcome({ query: `token=${your_jwt}` }, '', version)).toBeNull()
      expect(await outcome({ extraHeaders: { Authorization: `Bearer ${your_jwt}` } }, '', version)).toBeNull()
      expect(printed).toEqual(['hello! John', 'hello! John'])
    },
  )
})

test('getting the secret dynamically, and altering the value of the decoded token', () => {
  const SECRETS: Record<string, string> = { user1: 'secret 1', user2: 'secret 2' }
  return withServer(
    (io) => {
      io.use(
        socketioJwt.authorize({
          secret: (_request, decodedToken, callback) => {
            // SECRETS[decodedToken.userId] will be used as a secret or
            // public key for connection user.
            callback(null, SECRETS[decodedToken.userId])
          },
          handshake: false,
        }),
      )
      io.of('/altered').on(
        'connection',
        socketioJwt.authorize({
          customDecoded: () => {
            return 'new decoded token'
          },
          secret: 'my_secret_key',
          decodedPropertyName: 'my_decoded_token',
        }),
      )
    },
    async ({ io, outcome, client }) => {
      for (const userId of ['user1', 'user2']) {
        expect(await outcome({ query: { token: signed({ userId }, SECRETS[userId]) } })).toBeNull()
      }
      expect(await outcome({ query: { token: signed({ userId: 'user1' }, 'secret 2') } })).not.toBeNull()
      const announced = next(io.of('/altered') as never, 'authenticated')
      const socket = client({}, '/altered')
      socket.emit('authenticate', { token: signed({}, 'my_secret_key') })
      expect((await announced)[0]).toMatchObject({ my_decoded_token: 'new decoded token' })
    },
  )
})

test.each(VERSIONS)('the answer about io.set, with client %i', (version) => {
  const jwtSecret = 'a secret of the answer'
  const printed: string[] = []
  return withServer(
    (io) => {
      const sio = legacyServer(io)
      sio.set(
        'authorization',
        socketioJwt.authorize({
          secret: jwtSecret,
          handshake: true,
        }),
      )

      sio.sockets.on('connection', (socket) => {
        const { decoded_token } = socket.handshake as unknown as { decoded_token: { email: string } }
        printed.push(`${decoded_token.email} has joined`)
      })
    },
    async ({ client, outcome }) => {
      const profile = { first_name: 'John', last_name: 'Doe', email: 'john@doe.com', id: 123 }
      const socket = client({ query: `token=${signed(profile, jwtSecret)}` }, '', version)
      await next(socket, 'connect')
      await until(() => printed.length === 1)
      expect(printed).toEqual(['john@doe.com has joined'])
      expect(await outcome({ query: `token=${signed(profile, 'another')}` }, '', version)).not.toBeNull()
    },
  )
})
