import type { authorize } from 'portcullis/compat/passport-socketio'
import * as facade from 'portcullis/compat/passport-socketio'
import { describe, expect, test } from 'vitest'
import { checks, type Facade } from './checks.ts'

type Options = Parameters<typeof authorize>[0]
type Session = { passport?: { user?: string }; cookie?: unknown }
const wrong = (change: (options: Options) => Options): Facade => ({
  authorize: (options) => facade.authorize(change(options)),
})

/** Wrong facades, each with the checks that it must fail. */
const mutants: Record<string, readonly [Facade, readonly string[]]> = {
  'admits everybody': [
    { authorize: () => (_socket, accept) => accept() },
    ['refuses a client without a cookie', 'disconnects a user who has logged out'],
  ],
  'refuses everybody': [
    { authorize: () => (_socket, accept) => accept(new Error('No session found')) },
    ['admits a user who is logged in, with logged_in'],
  ],
  'skips the signature': [
    {
      authorize: ({ store, userProperty = 'user', key = '' }) =>
        function unsigned(socket, accept) {
          const cookie: string = decodeURIComponent(socket.request.headers.cookie ?? '')
          const id =
            cookie
              .slice(key.length + 1)
              .replace(/^s:/, '')
              .split('.')[0] ?? ''
          store.get(id, (_error, session) => {
            const user = (session as Session | null)?.passport?.user
            socket.request[userProperty] = { name: 'Alice', logged_in: true }
            accept(user ? undefined : new Error('No session found'))
          })
        },
    },
    ['refuses a session id that is not signed, and one with a signature of another secret'],
  ],
  'ignores that sessions expire': [
    wrong((options) => ({
      ...options,
      store: {
        get: (id, done) =>
          options.store.get(id, (error, session) => done(error, session && { ...(session as Session), cookie: {} })),
      },
    })),
    ['refuses an expired session that the store still holds'],
  ],
  'skips deserialization': [
    wrong((options) => ({
      ...options,
      passport: {
        deserializeUser: (id: string, _request: unknown, done: (error: null, user: object) => void) =>
          done(null, { id, name: 'Alice' }),
      } as never,
    })),
    ['refuses a user whom Passport does not know any more'],
  ],
  'never looks again': [
    wrong((options) => ({ ...options, revalidateEveryMs: Number.POSITIVE_INFINITY })),
    ['disconnects a user who has logged out'],
  ],
}

describe.each(Object.entries(mutants))('a facade that %s', (_name, [mutant, failing]) => {
  test.each(failing)('fails: %s', async (name) => {
    const check = checks[name]
    if (check === undefined) throw new Error(`no check is called ${name}`)
    const patience = new Promise<never>((_resolve, reject) => setTimeout(reject, 2000, new Error('waited in vain')))
    await expect(Promise.race([check(mutant), patience])).rejects.toThrow()
  })
})
