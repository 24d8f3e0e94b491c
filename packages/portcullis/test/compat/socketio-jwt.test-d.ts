/** Code that was written against the declarations of socketio-jwt, its own and those for 0.2, compiles with our import. */

import { createAuth } from 'portcullis'
import socketioJwt, {
  authorize,
  type IOptions,
  type ISocketCallback,
  type ISocketIOError,
  type ISocketIOMiddleware,
  type JWTServer,
  type JwtAuthOptions,
  strategy,
  UnauthorizedError,
} from 'portcullis/compat/socketio-jwt'
import type { Server, Socket } from 'socket.io'
import { describe, expectTypeOf, it } from 'vitest'

declare const io: Server

describe('its own declarations', () => {
  it('admit every option that they had', () => {
    const options: IOptions = {
      additional_auth: (
        decoded: object,
        onSuccess: () => void,
        onError: (err: string | ISocketIOError, code: string) => void,
      ) => (decoded ? onSuccess() : onError('no', 'no_code')),
      customDecoded: (decoded: object) => ({ ...decoded }),
      callback: false,
      secret: (_request: unknown, _decodedToken: object, callback: ISocketCallback) => callback(null, 'secret'),
      encodedPropertyName: 'encoded',
      decodedPropertyName: 'decoded',
      auth_header_required: true,
      handshake: true,
      required: true,
      timeout: 5000,
      cookie: 'jwt',
    }
    expectTypeOf(authorize(options)).toEqualTypeOf<ISocketIOMiddleware>()
    expectTypeOf(new UnauthorizedError('code', { message: 'text' }).data.type).toEqualTypeOf<'UnauthorizedError'>()
    expectTypeOf(socketioJwt.authorize).toEqualTypeOf(authorize)
  })

  it('let the README be written', () => {
    io.use(authorize({ secret: 'your secret or public key', handshake: true }))
    io.use(
      authorize({
        secret: (_request, decodedToken, callback) => {
          callback(null, decodedToken.userId)
        },
        handshake: false,
      }),
    )
    io.sockets
      .on('connection', authorize({ secret: 'your secret or public key', timeout: 15000 }))
      .on('authenticated' as 'connection', (socket: Socket) => socket.id)
    const jwtServer: JWTServer = io
    jwtServer.on('authenticated', (socket: Socket) => socket.id)
  })

  it('know what they left out', () => {
    authorize({ secret: Buffer.from('x'), algorithms: ['HS256'], audience: /chat/, issuer: ['me'], maxAge: '1d' })
    authorize({ secret: (_request, _header, _payload, callback) => callback(null, 'secret') })
    authorize({
      secret: 'x',
      success: (_socket, accept) => accept(),
      fail: (error, _socket, accept) => accept(error.inner),
    })
    // @ts-expect-error a secret is required
    authorize({ handshake: true })
  })
})

describe('the declarations for 0.2', () => {
  it('admit a listener of connection and a callback', () => {
    const options: JwtAuthOptions = {
      secret: 'x',
      timeout: 1,
      callback: true,
      decodedPropertyName: 'a',
      handshake: false,
    }
    const listener: (socket: Socket) => void = authorize(options, () => {})
    io.on('connection', listener)
  })
})

it('has a strategy for createAuth', () => {
  expectTypeOf(createAuth({ origins: [], strategies: [strategy({ secret: 'x' })] }).protect).toBeFunction()
})
