/** What whoever used socketio-jwt-auth relies on, as checks that any facade can be given to. */

import assert from 'node:assert/strict'
import { type Check, expired, forged, next, type Refusal, SECRET, sign, withServer } from '../socketio-jwt/kit.ts'

export interface Facade {
  // biome-ignore lint/suspicious/noExplicitAny: it is the old API, which was as open as that
  authenticate(options: any, verify: (payload: any, done: (...args: any[]) => void) => void): any
}

const USERS: Readonly<Record<string, object | undefined>> = { alice: { name: 'Alice' } }

/** The README's verify, with a map in the place of a database. */
export function findUser(payload: { sub?: string }, done: (...args: unknown[]) => void): void {
  const user = Object.hasOwn(USERS, payload.sub ?? '') ? USERS[payload.sub ?? ''] : undefined
  if (user === undefined) done(null, false, 'user does not exist')
  else done(null, user)
}

const connect = (facade: Facade, query: object, options: object = {}) =>
  withServer(
    (io) => io.use(facade.authenticate({ secret: SECRET, ...options }, findUser)),
    ({ outcome }) => outcome({ query }),
  )

function assertSays(refusal: Refusal | null, message: string): void {
  assert.deepEqual(refusal, { message, data: { name: 'Error', message } })
}

export const checks: readonly Check<Facade>[] = [
  {
    name: 'admits a valid token of a user',
    run: (facade) =>
      withServer(
        (io) => io.use(facade.authenticate({ secret: SECRET }, findUser)),
        async ({ outcome, nextSocket }) => {
          const connected = nextSocket()
          assert.equal(await outcome({ query: { auth_token: sign() } }), null)
          const { user } = (await connected).request as unknown as { user: unknown }
          assert.deepEqual(user, { name: 'Alice', logged_in: true })
        },
      ),
  },
  {
    name: 'refuses a connection without a token',
    run: async (facade) => assert.equal((await connect(facade, {}))?.message, 'No auth token'),
  },
  {
    name: 'refuses a forged signature',
    run: async (facade) => assertSays(await connect(facade, { auth_token: forged() }), 'Signature verification failed'),
  },
  {
    name: 'refuses an expired token',
    run: async (facade) => assertSays(await connect(facade, { auth_token: expired() }), 'Token expired'),
  },
  {
    name: 'asks verify',
    run: async (facade) => {
      const refusal = await connect(facade, { auth_token: sign({ sub: 'bob' }) })
      assert.equal(refusal?.message, 'user does not exist')
    },
  },
  {
    name: 'keeps the options of its middlewares apart',
    run: (facade) =>
      withServer(
        (io) => {
          io.of('/admin').use(facade.authenticate({ secret: SECRET }, findUser))
          io.use(facade.authenticate({ secret: 'public', succeedWithoutToken: true }, (_payload, done) => done()))
        },
        async ({ outcome }) => {
          assert.equal(await outcome({}), null)
          assert.equal((await outcome({}, '/admin'))?.message, 'No auth token')
        },
      ),
  },
  {
    name: 'ends the connection with the token',
    run: (facade) =>
      withServer(
        (io) => io.use(facade.authenticate({ secret: SECRET }, findUser)),
        async ({ client }) => {
          const auth_token = sign({ sub: 'alice' }, { expiresIn: 2 })
          await next(client({ query: { auth_token } }), 'disconnect')
        },
      ),
  },
]
