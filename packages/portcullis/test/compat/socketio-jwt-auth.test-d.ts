/** Code that was written against @types/socketio-jwt-auth compiles with our import. */

import { createAuth } from 'portcullis'
import jwtAuth, { authenticate, type authOptions, strategy, type verifyFunc } from 'portcullis/compat/socketio-jwt-auth'
import type { Server } from 'socket.io'
import type * as old from 'socketio-jwt-auth'
import { describe, expectTypeOf, it } from 'vitest'

declare const io: Server
declare const oldOptions: old.authOptions
declare const oldVerify: old.verifyFunc

describe('the declarations of socketio-jwt-auth', () => {
  it('are kept', () => {
    const options: authOptions = oldOptions
    const verify: verifyFunc = oldVerify
    const asOld: typeof old.authenticate = authenticate
    io.use(asOld(oldOptions, oldVerify))
    io.use(jwtAuth.authenticate(options, verify))
  })

  it('let the README be written', () => {
    io.use(
      jwtAuth.authenticate(
        { secret: 'Your Secret', algorithm: 'HS256', succeedWithoutToken: true },
        (payload, done) => {
          if (payload?.sub) return done(null, { id: payload.sub })
          if (payload) return done(null, false, 'user does not exist')
          return done()
        },
      ),
    )
    // @ts-expect-error a secret is required
    authenticate({ algorithm: 'HS256' }, oldVerify)
  })

  it('have a strategy for createAuth beside them', () => {
    expectTypeOf(createAuth({ origins: [], strategies: [strategy({ secret: 'x' }, oldVerify)] }).protect).toBeFunction()
  })
})
