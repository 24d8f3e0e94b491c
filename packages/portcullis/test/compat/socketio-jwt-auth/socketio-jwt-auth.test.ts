import { createHmac, generateKeyPairSync } from 'node:crypto'
import { type AuditEvent, createAuth } from 'portcullis'
import jwtAuth, { authenticate, strategy } from 'portcullis/compat/socketio-jwt-auth'
import type { Server, Socket } from 'socket.io'
import { describe, expect, test } from 'vitest'
import { expired, forged, handMade, next, SECRET, sign, VERSIONS, withServer } from '../socketio-jwt/kit.ts'
import { findUser } from './checks.ts'

type Options = Parameters<typeof authenticate>[0]
type Verify = Parameters<typeof authenticate>[1]

const using =
  (options: Partial<Options> = {}, verify: Verify = findUser) =>
  (io: Server) => {
    io.use(authenticate({ secret: SECRET, ...options }, verify))
  }
const says = (message: string) => ({ message, data: { name: 'Error', message } })
const userOf = (socket: Socket) => (socket.request as unknown as { user: unknown }).user

describe.each(VERSIONS)('socketio-jwt-auth with client %i', (version) => {
  test('finds the token in the header, the query and auth, in that order', () =>
    withServer(using(), async ({ outcome, nextSocket }) => {
      const auth_token = sign()
      const connected = nextSocket()
      expect(await outcome({ query: `auth_token=${auth_token}` }, '', version)).toBeNull()
      const socket = await connected
      expect(userOf(socket)).toEqual({ name: 'Alice', logged_in: true })
      expect(socket.data.identity).toMatchObject({ scheme: 'legacy', issuer: 'socketio-jwt-auth', subject: 'alice' })
      expect(await outcome({ extraHeaders: { 'x-auth-token': auth_token } }, '', version)).toBeNull()
      const both = { extraHeaders: { 'x-auth-token': forged() }, query: { auth_token } }
      expect(await outcome(both, '', version)).toEqual(says('Signature verification failed'))
      if (version !== 2) expect(await outcome({ auth: { auth_token } }, '', version)).toBeNull()
    }))

  test('says what jwt-simple said', () =>
    withServer(using(), async ({ outcome }) => {
      expect(await outcome({}, '', version)).toMatchObject({ message: 'No auth token' })
      for (const [auth_token, message] of [
        ['blabla', 'Not enough or too many segments'],
        [forged(), 'Signature verification failed'],
        [expired(), 'Token expired'],
        [sign({}, { notBefore: 60 }), 'Token not yet active'],
        [sign({}, { algorithm: 'HS512' }), 'Algorithm not supported'],
        [handMade({ alg: 'none' }, {}), 'Algorithm not supported'],
        ['a.b.c', 'Signature verification failed'],
      ]) {
        expect(await outcome({ query: { auth_token } }, '', version)).toEqual(says(message as string))
      }
      expect(await outcome({ query: { auth_token: sign({ sub: 'bob' }) } }, '', version)).toEqual({
        message: 'user does not exist',
        ...(version === 2 ? {} : { data: undefined }),
      })
    }))

  test('ends the connection with the token', () =>
    withServer(using(), async ({ client }) => {
      const auth_token = sign({ sub: 'alice' }, { expiresIn: 2 })
      await next(client({ query: { auth_token } }, '', version), 'disconnect')
    }))
})

test('the README of socketio-jwt-auth 0.2.1', () => {
  type Found = (error: Error | null, user?: object) => void
  const User = {
    findOne({ id }: { id: string }, found: Found) {
      setImmediate(() => {
        if (id === 'broken') found(new Error('connect ECONNREFUSED mysql://root:hunter2@db'))
        else found(null, id === '1' ? { name: 'leilei' } : undefined)
      })
    },
  }
  return withServer(
    (io) => {
      // using middleware
      io.use(
        jwtAuth.authenticate(
          {
            secret: 'Your Secret', // required, used to verify the token's signature
            algorithm: 'HS256', // optional, default to be HS256
          },
          (payload, done) => {
            // done is a callback, you can use it as follows
            User.findOne({ id: payload.sub }, (err, user) => {
              if (err) {
                // return error
                return done(err)
              }
              if (!user) {
                // return fail with an error message
                return done(null, false, 'user does not exist')
              }
              // return success with a user info
              return done(null, user)
            })
          },
        ),
      )
      io.on('connection', (socket) => {
        // now you can access user info through socket.request.user
        // socket.request.user.logged_in will be set to true if the user was authenticated
        socket.emit('success', { message: 'success logged in!', user: userOf(socket) })
      })
    },
    async ({ client, outcome }) => {
      const query = (sub: string) => ({ query: `auth_token=${sign({ sub }, {}, 'Your Secret')}` })
      for (const version of VERSIONS) {
        const [data] = await next(client(query('1'), '', version), 'success')
        expect(data).toEqual({ message: 'success logged in!', user: { name: 'leilei', logged_in: true } })
      }
      expect(await outcome(query('2'))).toMatchObject({ message: 'user does not exist' })
      expect(await outcome(query('broken'))).toEqual(says('Authentication failed'))
    },
  )
})

describe('verify', () => {
  const answering = (verify: Verify, options: Partial<Options> = {}) =>
    withServer(using(options, verify), ({ outcome }) => outcome({ query: { auth_token: sign() } }))

  test('says why, and the text of an Error is not for the client', async () => {
    expect(await answering((_, done) => done('error happened'))).toEqual({ message: 'error happened', data: undefined })
    expect(await answering((_, done) => done(null, false, 'gone'))).toEqual({ message: 'gone', data: undefined })
    expect(await answering((_, done) => done(null, false, new TypeError('gone')))).toEqual({
      message: 'gone',
      data: { name: 'TypeError', message: 'gone' },
    })
    const nothing = says('Authentication failed')
    expect(await answering((_, done) => done(new Error('at mysql://root:hunter2@db')))).toEqual(nothing)
    expect(await answering((_, done) => done({ sqlMessage: 'hunter2' }))).toEqual(nothing)
    expect(await answering((_, done) => done(null, false))).toEqual(nothing)
    expect(await answering((_, done) => done())).toEqual(nothing)
  })

  test('may answer later, throw, reject or answer twice', async () => {
    const explode = () => {
      throw new Error('hunter2')
    }
    expect(await answering((_, done) => setTimeout(done, 10, null, { id: 1 }))).toBeNull()
    expect(await answering((_, done) => setTimeout(done, 10, null, false))).toEqual(says('Authentication failed'))
    expect(await answering(explode)).toEqual(says('Authentication failed'))
    expect(await answering(async () => explode())).toEqual(says('Authentication failed'))
    const twice: Verify = (_, done) => {
      done(null, false, 'no')
      done(null, { id: 1 })
    }
    expect(await answering(twice)).toMatchObject({ message: 'no' })
  })

  test('keeps its user to itself', async () => {
    class User {
      readonly name = 'Alice'
      greet() {
        return `I am ${this.name}`
      }
    }
    for (const shared of [Object.freeze(new User()), { name: 'Alice' }]) {
      await withServer(
        using({}, (_, done) => done(null, shared)),
        async ({ outcome, nextSocket }) => {
          const connected = nextSocket()
          expect(await outcome({ query: { auth_token: sign() } })).toBeNull()
          const user = userOf(await connected) as User & { logged_in: boolean }
          expect(user).toMatchObject({ name: 'Alice', logged_in: true })
          expect(shared).not.toHaveProperty('logged_in')
          if (shared instanceof User) expect(user.greet()).toBe('I am Alice')
        },
      )
    }
  })

  test('finds a user for each namespace of one connection', () => {
    const users: unknown[] = []
    return withServer(
      (io) => {
        io.of('/staff').use(authenticate({ secret: SECRET }, (_, done) => done(null, { role: 'staff' })))
        io.of('/lobby').use(
          authenticate({ secret: SECRET, succeedWithoutToken: true }, (_, done) => done(null, { role: 'guest' })),
        )
        io.of('/staff').on('connection', (socket) => socket.on('who', () => users.push(userOf(socket))))
      },
      async ({ client }) => {
        const staff = client({ query: { auth_token: sign() } }, '/staff') as ReturnType<typeof client> & {
          io: { socket(path: string): typeof staff }
        }
        await next(staff, 'connect')
        const lobby = staff.io.socket('/lobby')
        await next(lobby, 'connect')
        staff.emit('who')
        await expect.poll(() => users).toEqual([{ role: 'staff', logged_in: true }])
      },
    )
  })
})

describe('succeedWithoutToken', () => {
  const guests = using({ succeedWithoutToken: true }, (payload, done) => {
    if (payload?.sub) return findUser(payload, done)
    return done()
  })

  test('admits guests, and refuses bad tokens and users that do not exist', () =>
    withServer(guests, async ({ outcome, nextSocket }) => {
      const connected = nextSocket()
      expect(await outcome()).toBeNull()
      const guest = await connected
      expect(userOf(guest)).toEqual({ logged_in: false })
      expect(guest.data.identity).toBeUndefined()
      const again = nextSocket()
      expect(await outcome({ query: { auth_token: sign() } })).toBeNull()
      expect(userOf(await again)).toEqual({ name: 'Alice', logged_in: true })
      expect(await outcome({ query: { auth_token: forged() } })).toEqual(says('Signature verification failed'))
      expect(await outcome({ query: { auth_token: sign({ sub: 'banned' }) } })).toMatchObject({
        message: 'user does not exist',
      })
    }))

  test('logs nobody in without a token, whatever verify finds', () =>
    withServer(
      using({ succeedWithoutToken: true }, (_, done) => done(null, { id: 1 })),
      async ({ outcome, nextSocket }) => {
        const connected = nextSocket()
        expect(await outcome()).toBeNull()
        expect(userOf(await connected)).toEqual({ id: 1, logged_in: false })
      },
    ))

  test('lets verify refuse a guest by an error', () =>
    withServer(
      using({ succeedWithoutToken: true }, (_, done) => done('full')),
      async ({ outcome }) => {
        expect(await outcome()).toEqual({ message: 'full', data: undefined })
      },
    ))
})

describe('tokens', () => {
  test.each(['"never"', 'null', '{}', '1e999', 'true', '0'])('%s is no end of a token', async (exp) => {
    const part = (text: string) => Buffer.from(text).toString('base64url')
    const input = `${part('{"alg":"HS256"}')}.${part(`{"sub":"alice","exp":${exp}}`)}`
    const auth_token = `${input}.${createHmac('sha256', SECRET).update(input).digest('base64url')}`
    await withServer(using(), async ({ outcome }) => {
      expect(await outcome({ query: { auth_token } })).toEqual(says('Token expired'))
    })
  })

  test.each([[123], [true], [{}], [['x']], [{ split: 1 }]])('refuses %j as auth.auth_token', (auth_token) =>
    withServer(using(), async ({ outcome }) => {
      expect(await outcome({ auth: { auth_token } })).toEqual(says('Not enough or too many segments'))
      expect(await outcome({ query: { auth_token: sign() } })).toBeNull()
    }),
  )

  test('of RS256 are verified with a public key', () => {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const secret = publicKey.export({ type: 'spki', format: 'pem' }) as string
    return withServer(using({ secret, algorithm: 'RS256' }), async ({ outcome }) => {
      expect(
        await outcome({ query: { auth_token: sign({ sub: 'alice' }, { algorithm: 'RS256' }, privateKey) } }),
      ).toBeNull()
      expect(await outcome({ query: { auth_token: sign() } })).toEqual(says('Algorithm not supported'))
      expect(() => authenticate({ secret }, findUser)).toThrow(/"secret"/)
    })
  })
})

test('decisions reach the audit log', () => {
  const audit: AuditEvent[] = []
  return withServer(using({ audit: (event) => audit.push(event) }), async ({ outcome }) => {
    await outcome({ query: { auth_token: sign() } })
    await outcome({ query: { auth_token: forged() } })
    expect(audit.map(({ effect, rule, code }) => [effect, rule, code])).toEqual([
      ['permit', 'compat/socketio-jwt-auth', null],
      ['deny', 'compat/socketio-jwt-auth', 'AUTH_CREDENTIAL_INVALID'],
    ])
  })
})

test('a guest is no refusal in the audit log', () => {
  const audit: AuditEvent[] = []
  const options = { succeedWithoutToken: true, audit: (event: AuditEvent) => audit.push(event) }
  return withServer(
    using(options, (_, done) => done()),
    async ({ outcome }) => {
      await outcome()
      expect(audit).toMatchObject([{ effect: 'permit', code: null, reason: 'guest', identity: null }])
    },
  )
})

test('its strategy stands in createAuth', () =>
  withServer(
    (io) => {
      const strategies = [strategy({ secret: SECRET }, findUser)]
      createAuth({ origins: 'same-host', strategies }).protect(io.of('/'), { events: {} })
    },
    async ({ outcome }) => {
      expect(await outcome({ query: { auth_token: sign() } })).toBeNull()
      expect(await outcome({ auth: { auth_token: sign() } })).toBeNull()
      expect(await outcome({ auth: { auth_token: sign({ sub: 'bob' }) } })).toMatchObject({
        data: { code: 'AUTH_CREDENTIAL_INVALID' },
      })
    },
  ))

test.each([
  [undefined, /^SocketioJwtAuth requires a secret$/],
  [{ secret: null }, /^SocketioJwtAuth requires a secret$/],
  [{ secret: 42 }, /"secret"/],
  [{ secret: SECRET, algorithm: 'none' }, /"algorithm"/],
  [{ secret: SECRET, algorithm: 'RS256' }, /"secret"/],
])('%o is refused at start-up', (options, message) => {
  expect(() => authenticate(options as never, findUser)).toThrow(message)
  expect(() => authenticate({ secret: SECRET }, undefined as never)).toThrow(
    /^SocketioJwtAuth requires a verify callback$/,
  )
})
