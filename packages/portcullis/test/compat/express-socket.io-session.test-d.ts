/** Code that compiled with `@types/express-socket.io-session` compiles with the import changed. */

import cookieParser from 'cookie-parser'
import expressSession from 'express-session'
import type OldSharedsession from 'express-socket.io-session'
import sharedsession, { sharedsession as named } from 'portcullis/compat/express-socket.io-session'
import type { Server, Socket } from 'socket.io'
import { describe, expectTypeOf, it } from 'vitest'

declare const io: Server
declare const oldOptions: OldSharedsession.SharedSessionOptions
const session = expressSession({ secret: 'a secret' })

describe('the declarations of express-socket.io-session', () => {
  it('takes both forms of arguments', () => {
    io.use(sharedsession(session))
    io.use(sharedsession(session, oldOptions))
    io.use(sharedsession(session, { autoSave: true, saveUninitialized: false }))
    io.of('/namespace').use(sharedsession(session, cookieParser(), { autoSave: true }))
  })

  it('keeps the names of the types', () => {
    const options: sharedsession.SharedSessionOptions = { autoSave: true }
    const middleware: sharedsession.SocketIoSharedSessionMiddleware = named(session, options)
    expectTypeOf(middleware).parameter(0).toExtend<Socket>()
    expectTypeOf<OldSharedsession.SharedSessionOptions>().toExtend<sharedsession.SharedSessionOptions>()
  })

  it('refuses what is no option', () => {
    // @ts-expect-error the option is a boolean
    sharedsession(session, { autoSave: 'yes' })
  })
})
