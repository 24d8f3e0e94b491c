/** Code that compiled with `@types/passport.socketio` compiles with the import changed. */

import cookieParser from 'cookie-parser'
import type { Store } from 'express-session'
import passport from 'passport'
import type * as Old from 'passport.socketio'
import passportSocketIo, * as facade from 'portcullis/compat/passport-socketio'
import type { Server, Socket } from 'socket.io'
import { describe, expectTypeOf, it } from 'vitest'

declare const io: Server
declare const store: Store
declare const oldOptions: Old.PassportSocketIoOptions

describe('the declarations of passport.socketio', () => {
  it('takes the old options', () => {
    expectTypeOf(facade.authorize).toBeCallableWith(oldOptions)
    expectTypeOf<Old.PassportSocketIoOptions>().toExtend<facade.PassportSocketIoOptions>()
  })

  it('is a middleware, also by its default export', () => {
    io.use(facade.authorize({ key: 'express.sid', secret: 'a secret', store, passport, cookieParser }))
    const middleware: (socket: Socket, next: (error?: Error) => void) => void = passportSocketIo.authorize(oldOptions)
    io.of('/chat').use(middleware)
  })

  it('hands untyped data to the callbacks', () => {
    facade.authorize({
      secret: 'a secret',
      store,
      success: (data, accept) => accept(null, data.user.logged_in),
      fail(data, message: string, critical: boolean, accept) {
        if (critical) throw new Error(message)
        accept(new Error(data.headers.host))
      },
    })
  })

  it('filters sockets of a server', () => {
    expectTypeOf(facade.filterSocketsByUser(io, (user) => user.gender === 'female')).toEqualTypeOf<Socket[]>()
  })
})
