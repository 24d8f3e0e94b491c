/** Code that was written against the declarations of @thream/socketio-jwt compiles with our import. */

import type * as old from '@thream/socketio-jwt'
import { createAuth } from 'portcullis'
import {
  type AuthorizeOptions,
  authorize,
  isUnauthorizedError,
  strategy,
  UnauthorizedError,
} from 'portcullis/compat/thream-socketio-jwt'
import type { Server } from 'socket.io'
import { describe, expectTypeOf, it } from 'vitest'

declare const io: Server
declare const oldOptions: old.AuthorizeOptions
declare const anything: unknown

describe('the declarations of @thream/socketio-jwt', () => {
  it('are kept', () => {
    const options: AuthorizeOptions = oldOptions
    authorize(oldOptions)
    expectTypeOf(isUnauthorizedError).parameter(0).toEqualTypeOf<unknown>()
    const error: old.UnauthorizedError = new UnauthorizedError('code', { message: 'text' })
    if (isUnauthorizedError(anything)) expectTypeOf(anything.data.code).toEqualTypeOf<string>()
    expectTypeOf(options).toExtend<AuthorizeOptions>()
    expectTypeOf(error.data.type).toEqualTypeOf<'UnauthorizedError'>()
  })

  it('let the README be written', () => {
    io.use(authorize({ secret: 'your secret or public key' }))
    io.use(
      authorize({
        secret: async (decodedToken) => {
          expectTypeOf(decodedToken.header.kid).toBeAny()
          return 'key'
        },
        algorithms: ['RS256'],
        onAuthentication: async (decodedToken) => ({ id: decodedToken.sub }),
      }),
    )
    io.on('connection', async (socket) => {
      expectTypeOf(socket.decodedToken).toBeAny()
      expectTypeOf(socket.user).toBeAny()
      expectTypeOf(socket.encodedToken).toEqualTypeOf<string | undefined>()
    })
    // @ts-expect-error there is no such algorithm
    authorize({ secret: 'x', algorithms: ['HS1'] })
  })

  it('have a strategy for createAuth beside them', () => {
    expectTypeOf(createAuth({ origins: [], strategies: [strategy({ secret: 'x' })] }).protect).toBeFunction()
  })
})
