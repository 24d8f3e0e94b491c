/** What whoever used @thream/socketio-jwt relies on, as checks that any facade can be given to. */

import assert from 'node:assert/strict'
import {
  type Check,
  expired,
  forged,
  handMade,
  next,
  type Refusal,
  SECRET,
  sign,
  withServer,
} from '../socketio-jwt/kit.ts'

/** The part of the API that is checked. */
export interface Facade {
  // biome-ignore lint/suspicious/noExplicitAny: it is the old API, which was as open as that
  authorize(options: any): any
}

export const INVALID = 'Unauthorized: Token is missing or invalid Bearer'

const connect = (facade: Facade, auth: object, options: object = {}) =>
  withServer(
    (io) => io.use(facade.authorize({ secret: SECRET, ...options })),
    ({ outcome }) => outcome({ auth }),
  )

export function assertRefused(refusal: Refusal | null, code: string, message: string): void {
  assert.deepEqual(refusal, { message, data: { message, code, type: 'UnauthorizedError' } })
}

export const checks: readonly Check<Facade>[] = [
  {
    name: 'admits a valid token',
    run: (facade) =>
      withServer(
        (io) => io.use(facade.authorize({ secret: SECRET })),
        async ({ outcome, nextSocket }) => {
          const connected = nextSocket()
          const token = sign()
          assert.equal(await outcome({ auth: { token: `Bearer ${token}` } }), null)
          const socket = await connected
          assert.equal(socket.decodedToken.name, 'Alice')
          assert.equal(socket.encodedToken, token)
        },
      ),
  },
  {
    name: 'refuses a connection without a token',
    run: async (facade) => assertRefused(await connect(facade, {}), 'credentials_required', 'no token provided'),
  },
  {
    name: 'refuses a token that is not a bearer token',
    run: async (facade) => {
      for (const token of [sign(), `bearer ${sign()}`, `Bearer ${sign()} x`]) {
        const format = 'Format is Authorization: Bearer [token]'
        assertRefused(await connect(facade, { token }), 'credentials_bad_format', format)
      }
    },
  },
  {
    name: 'refuses a forged signature',
    run: async (facade) => {
      for (const token of [forged(), handMade({ alg: 'none' }, { sub: 'mallory' }, '')]) {
        assertRefused(await connect(facade, { token: `Bearer ${token}` }), 'invalid_token', INVALID)
      }
    },
  },
  {
    name: 'refuses an expired token',
    run: async (facade) =>
      assertRefused(await connect(facade, { token: `Bearer ${expired()}` }), 'invalid_token', INVALID),
  },
  {
    name: 'asks onAuthentication',
    run: async (facade) => {
      const onAuthentication = async ({ sub }: { sub: string }) => {
        if (sub !== 'alice') throw new Error('unknown user')
        return { id: 1 }
      }
      assert.equal(await connect(facade, { token: `Bearer ${sign()}` }, { onAuthentication }), null)
      const refusal = await connect(facade, { token: `Bearer ${sign({ sub: 'bob' })}` }, { onAuthentication })
      assert.equal(refusal?.message, 'unknown user')
    },
  },
  {
    name: 'ends the connection with the token',
    run: (facade) =>
      withServer(
        (io) => io.use(facade.authorize({ secret: SECRET })),
        async ({ client }) => {
          const token = sign({ sub: 'alice' }, { expiresIn: 2 })
          await next(client({ auth: { token: `Bearer ${token}` } }), 'disconnect')
        },
      ),
  },
]
