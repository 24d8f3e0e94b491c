import { createHmac, generateKeyPairSync } from 'node:crypto'
import { type AuditEvent, createAuth } from 'portcullis'
import { authorize, isUnauthorizedError, strategy, UnauthorizedError } from 'portcullis/compat/thream-socketio-jwt'
import type { Server } from 'socket.io'
import { describe, expect, test } from 'vitest'
import { forged, handMade, next, SECRET, sign, withServer } from '../socketio-jwt/kit.ts'
import { INVALID } from './checks.ts'

type Options = Parameters<typeof authorize>[0]

const using = (options: Partial<Options>) => (io: Server) => {
  io.use(authorize({ secret: SECRET, ...options }))
}
const refused = (code: string, message: string) => ({ message, data: { message, code, type: 'UnauthorizedError' } })
const bearer = (token: string) => ({ auth: { token: `Bearer ${token}` } })

describe('the README of @thream/socketio-jwt 3.1.4', () => {
  test('server side', () =>
    withServer(
      (io) => {
        io.use(
          authorize({
            secret: SECRET,
          }),
        )

        io.on('connection', async (socket) => {
          // jwt payload of the connected client
          expect(socket.decodedToken.name).toBe('Alice')
          const clients = await io.sockets.allSockets()
          if (clients != null) {
            for (const clientId of clients) {
              const client = io.sockets.sockets.get(clientId)
              client?.emit('messages', { message: 'Success!' })
            }
          }
        })
      },
      async ({ client }) => {
        for (const version of [3, 4] as const) {
          expect(await next(client(bearer(sign()), '', version), 'messages')).toEqual([{ message: 'Success!' }])
        }
      },
    ))

  test('server side with keys by kid, which are RSA keys', () => {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const pem = publicKey.export({ type: 'spki', format: 'pem' }) as string
    const client = {
      async getSigningKeyAsync(kid: string) {
        if (kid !== 'k1') throw new Error('Unable to find a signing key at https://idp.internal')
        return { getPublicKey: () => pem }
      },
    }
    return withServer(
      using({
        secret: async (decodedToken) => {
          const key = await client.getSigningKeyAsync(decodedToken.header.kid)
          return key.getPublicKey()
        },
      }),
      async ({ outcome }) => {
        const signed = (keyid: string) => sign({}, { algorithm: 'RS256', keyid }, privateKey)
        expect(await outcome(bearer(signed('k1')))).toBeNull()
        expect(await outcome(bearer(signed('k2')))).toEqual(refused('invalid_token', INVALID))
        const input = handMade({ alg: 'HS256', kid: 'k1' }, { sub: 'mallory' }, '').slice(0, -1)
        const confused = `${input}.${createHmac('sha256', pem).update(input).digest('base64url')}`
        for (const token of ['x', '', '..', 'a.b.c', confused]) {
          expect(await outcome(bearer(token))).toEqual(refused('invalid_token', INVALID))
        }
      },
    )
  })

  test('server side with onAuthentication', () =>
    withServer(
      using({
        onAuthentication: async (decodedToken) => {
          if (decodedToken.sub === 'alice') return { id: 1 }
          if (decodedToken.sub === 'bob') throw new UnauthorizedError('banned', { message: 'banned' })
          if (decodedToken.sub === 'carol') throw new Error('unknown user')
          if (decodedToken.sub === 'dave')
            throw Object.assign(new Error('at mysql://root:hunter2@db'), { code: 'ECONN' })
          throw 'nothing'
        },
      }),
      async ({ outcome, nextSocket }) => {
        const connected = nextSocket()
        expect(await outcome(bearer(sign()))).toBeNull()
        expect((await connected).user).toEqual({ id: 1 })
        const answer = (sub: string) => outcome(bearer(sign({ sub })))
        expect(await answer('bob')).toEqual(refused('banned', 'banned'))
        expect(await answer('carol')).toEqual({ message: 'unknown user', data: undefined })
        expect(await answer('dave')).toEqual(refused('unknown', 'internal error'))
        expect(await answer('erin')).toEqual(refused('unknown', 'internal error'))
      },
    ))

  test('client side', () =>
    withServer(using({}), async ({ client }) => {
      const [error] = await next(client(bearer('x')), 'connect_error')
      expect(isUnauthorizedError(error)).toBe(true)
      expect(isUnauthorizedError(new Error('other'))).toBe(false)
    }))
})

describe('@thream/socketio-jwt', () => {
  test.each([[123], [true], [{}], [['Bearer x']], [''], [Number.MAX_VALUE], [{ split: 1 }]])(
    'refuses %j as auth.token',
    (token) =>
      withServer(using({}), async ({ outcome }) => {
        expect(await outcome({ auth: { token } })).toEqual(
          refused('credentials_bad_format', 'Format is Authorization: Bearer [token]'),
        )
        expect(await outcome(bearer(sign()))).toBeNull()
      }),
  )

  test('understands a client of Socket.IO 2 that sends its token with the query of the namespace', () =>
    withServer(
      (io) => io.of('/chat').use(authorize({ secret: SECRET })),
      async ({ outcome }) => {
        const query = (token: string) => ({ query: { token: `Bearer ${token}` } })
        expect(await outcome(query(sign()), '/chat', 2)).toBeNull()
        expect(await outcome(query(forged()), '/chat', 2)).toMatchObject({ data: { code: 'invalid_token' } })
      },
    ))

  test('admits no token when its secret function has none, throws or rejects', async () => {
    const explode = () => {
      throw new Error('at mysql://root:hunter2@db')
    }
    const functions = [
      explode,
      async () => explode(),
      () => '',
      () => undefined,
      async () => null,
      () => ({}),
      () => Object,
    ]
    for (const secret of functions) {
      await withServer(using({ secret: secret as never }), async ({ outcome }) => {
        for (const token of [sign(), handMade({ alg: 'none' }, { sub: 'm' }, ''), handMade({ alg: 'HS256' }, {}, '')]) {
          expect(await outcome(bearer(token))).toEqual(refused('invalid_token', INVALID))
        }
      })
    }
  })

  test('takes only HS256 of a shared secret unless algorithms say otherwise', async () => {
    const token = sign({}, { algorithm: 'HS512' })
    await withServer(using({}), async ({ outcome }) => expect(await outcome(bearer(token))).not.toBeNull())
    await withServer(using({ algorithms: ['HS512'] }), async ({ outcome }) =>
      expect(await outcome(bearer(token))).toBeNull(),
    )
  })

  test('leaves no token on a socket that it did not verify', () => {
    const seen: unknown[] = []
    return withServer(
      (io) => {
        io.use((socket, proceed) => {
          seen.push(socket)
          proceed()
        })
        using({})(io)
      },
      async ({ outcome }) => {
        await outcome(bearer(forged()))
        expect(seen[0]).not.toHaveProperty('encodedToken')
        expect(seen[0]).not.toHaveProperty('decodedToken')
      },
    )
  })

  test('ends the connection with the token', () =>
    withServer(using({}), async ({ client, nextSocket }) => {
      const connected = nextSocket()
      const socket = client(bearer(sign({ sub: 'alice' }, { expiresIn: 2 })))
      const closed = next(socket, 'auth:closed')
      expect((await connected).data.identity).toMatchObject({
        scheme: 'legacy',
        subject: 'alice',
        issuer: 'thream-socketio-jwt',
      })
      expect(await closed).toMatchObject([{ code: 'AUTH_EXPIRED' }])
    }))

  test('tells the audit log', () => {
    const audit: AuditEvent[] = []
    return withServer(using({ audit: (event) => audit.push(event) }), async ({ outcome }) => {
      await outcome(bearer(sign()))
      await outcome(bearer(forged()))
      expect(audit.map(({ effect, code }) => [effect, code])).toEqual([
        ['permit', null],
        ['deny', 'AUTH_CREDENTIAL_INVALID'],
      ])
    })
  })

  test('has a strategy that stands in createAuth', () =>
    withServer(
      (io) => {
        createAuth({ origins: 'same-host', strategies: [strategy({ secret: SECRET })] }).protect(io.of('/'), {
          events: {},
        })
      },
      async ({ outcome }) => {
        expect(await outcome(bearer(sign()))).toBeNull()
        expect(await outcome(bearer(forged()))).toMatchObject({ data: { code: 'AUTH_CREDENTIAL_INVALID' } })
        expect(await outcome({})).toMatchObject({ data: { code: 'AUTH_CREDENTIAL_MISSING' } })
      },
    ))

  test.each([
    [{ secret: undefined }, /"secret"/],
    [{ secret: '' }, /"secret"/],
    [{ algorithms: ['none'] }, /"algorithms"/],
    [{ onAuthentication: 1 }, /"onAuthentication"/],
  ])('%o is refused at start-up', (options, message) => {
    expect(() => authorize({ secret: SECRET, ...options } as never)).toThrow(message)
  })
})
