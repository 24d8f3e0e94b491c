/** socketio-auth had no declarations: its README compiles as it stands. */

import { createAuth } from 'portcullis'
import socketioAuth, { type SocketIOAuthOptions, strategy } from 'portcullis/compat/socketio-auth'
import type { Server, Socket } from 'socket.io'
import { describe, expectTypeOf, it } from 'vitest'

declare const io: Server
declare const db: { findUser(by: object, found: (error: Error | null, user?: { password: string }) => void): void }

describe('the API of socketio-auth', () => {
  it('compiles the README', () => {
    socketioAuth(io, {
      authenticate(socket, data, callback) {
        const username = data.username
        db.findUser({ username, origin: socket.handshake.headers.origin }, (err, user) => {
          if (err || !user) return callback(new Error('User not found'))
          return callback(null, user.password === data.password)
        })
      },
      postAuthenticate(socket, data) {
        socket.data.name = data.username
      },
      disconnect: (socket) => console.log(`${socket.id} disconnected`),
      timeout: 'none',
    })
    expectTypeOf<NonNullable<SocketIOAuthOptions['disconnect']>>().parameter(0).toEqualTypeOf<Socket>()
  })

  it('stands among the strategies', () => {
    const auth = createAuth({ origins: [], strategies: [strategy({ authenticate: (_socket, _data, done) => done() })] })
    auth.protect(io.of('/'), { events: {} })
  })

  it('needs authenticate', () => {
    // @ts-expect-error it is required
    socketioAuth(io, {})
  })
})
