import { createHmac, generateKeyPairSync } from 'node:crypto'
import type { AuditEvent } from 'portcullis'
import { createAuth } from 'portcullis'
import { authorize, strategy, UnauthorizedError } from 'portcullis/compat/socketio-jwt'
import type { Server, Socket } from 'socket.io'
import { describe, expect, test } from 'vitest'
import { expired, forged, handMade, next, SECRET, sign, VERSIONS, withServer } from './kit.ts'

type Options = Parameters<typeof authorize>[0]
type Carrying = Socket & Record<'decoded_token' | 'encoded_token', { name: string }>

const using = (options: Partial<Options>) => (io: Server) => {
  io.use(authorize({ secret: SECRET, handshake: true, ...options }))
}
const refused = (code: string, message: string) => ({ message, data: { message, code, type: 'UnauthorizedError' } })

describe.each(VERSIONS)('a handshake of client %i', (version) => {
  test('is admitted with a token in the query or the Authorization header', () =>
    withServer(using({}), async ({ outcome, nextSocket }) => {
      const token = sign()
      const connected = nextSocket()
      expect(await outcome({ query: `token=${token}` }, '', version)).toBeNull()
      const socket = (await connected) as Carrying
      expect(socket.decoded_token.name).toBe('Alice')
      expect(socket.encoded_token).toBe(token)
      expect(await outcome({ extraHeaders: { Authorization: `Bearer ${token}` } }, '', version)).toBeNull()
    }))

  test('is refused with the old codes and messages', () =>
    withServer(using({}), async ({ outcome }) => {
      expect(await outcome({}, '', version)).toEqual(refused('credentials_required', 'no token provided'))
      const format = 'Format is Authorization: Bearer [token]'
      for (const Authorization of ['Bearer', 'Bearer a b']) {
        const answer = await outcome({ extraHeaders: { Authorization } }, '', version)
        expect(answer).toEqual(refused('credentials_bad_format', format))
      }
      const basic = await outcome({ extraHeaders: { Authorization: 'Basic abc' } }, '', version)
      expect(basic).toEqual(refused('credentials_required', 'no token provided'))
      for (const [token, message] of [
        ['boooooo', 'jwt malformed'],
        [forged(), 'invalid signature'],
        [expired(), 'jwt expired'],
        ['eyJhbGciOiJub25lIiwiY3R5IjoiSldUIn0.eyJuYW1lIjoiSm9obiBGb28ifQ.', 'jwt signature is required'],
        [sign({}, { notBefore: 60 }), 'jwt not active'],
        [sign({}, { algorithm: 'HS256' }, SECRET).replace(/^[^.]+/, 'e30'), 'invalid algorithm'],
        [handMade({ alg: 'none' }, {}), 'invalid algorithm'],
        [handMade({ alg: 'HS256' }, 'text'), 'invalid token'],
        ['a.b.c', 'invalid token'],
      ]) {
        expect(await outcome({ query: { token } }, '', version)).toEqual(refused('invalid_token', message as string))
      }
    }))

  test('of a namespace carries the query of that namespace', () =>
    withServer(
      (io) => io.of('/admin').use(authorize({ secret: SECRET, handshake: true })),
      async ({ outcome }) => {
        expect(await outcome({ query: { token: sign() } }, '/admin', version)).toBeNull()
        expect(await outcome({}, '/admin', version)).toEqual(refused('credentials_required', 'no token provided'))
      },
    ))

  test('ends with its token, and the client is told', () =>
    withServer(using({}), async ({ client, nextSocket }) => {
      const connected = nextSocket()
      const socket = client({ query: { token: sign({ sub: 'alice' }, { expiresIn: 2 }) } }, '', version)
      const told = next(socket, 'unauthorized')
      const closed = next(socket, 'disconnect')
      const server = await connected
      expect(server.data.identity).toMatchObject({ scheme: 'legacy', issuer: 'socketio-jwt', subject: 'alice' })
      const [error] = await told
      expect(error).toMatchObject({ data: { message: 'jwt expired', code: 'invalid_token' } })
      await closed
    }))
})

describe('options of a handshake', () => {
  test('auth_header_required is not satisfied by a header beside a token in the query', () =>
    withServer(using({ auth_header_required: true }), async ({ outcome }) => {
      const token = sign()
      const missing = refused('missing_authorization_header', 'Server requires Authorization Header')
      expect(await outcome({ query: { token } })).toEqual(missing)
      expect(await outcome({ extraHeaders: { Authorization: `Bearer ${forged()}` }, query: { token } })).toEqual(
        refused('invalid_token', 'invalid signature'),
      )
      expect(await outcome({ extraHeaders: { Authorization: `Bearer ${token}` } })).toBeNull()
    }))

  test('customDecoded, decodedPropertyName and encodedPropertyName decide what the socket carries', () =>
    withServer(
      using({ customDecoded: () => 'new', decodedPropertyName: 'mine', encodedPropertyName: 'raw' }),
      async ({ outcome, nextSocket }) => {
        const connected = nextSocket()
        expect(await outcome({ query: { token: sign() } })).toBeNull()
        expect(await connected).toMatchObject({ mine: 'new', raw: expect.stringContaining('.') })
      },
    ))

  test('issuer, subject, jwtid, maxAge and algorithms are checked', async () => {
    const token = sign(
      { iss: 'me', sub: 'alice', jti: 'one', iat: Math.floor(Date.now() / 1000) - 100 },
      { expiresIn: 600 },
    )
    const cases: [Partial<Options>, string][] = [
      [{ issuer: 'you' }, 'jwt issuer invalid. expected: you'],
      [{ issuer: ['you', 'they'] }, 'jwt issuer invalid. expected: you,they'],
      [{ subject: 'bob' }, 'jwt subject invalid. expected: bob'],
      [{ jwtid: 'two' }, 'jwt jwtid invalid. expected: two'],
      [{ maxAge: 50 }, 'maxAge exceeded'],
      [{ maxAge: '1 minute' }, 'maxAge exceeded'],
      [{ algorithms: ['HS512'] }, 'invalid algorithm'],
      [{ audience: /^chat/ }, 'jwt audience invalid. expected: /^chat/'],
    ]
    for (const [options, message] of cases) {
      await withServer(using(options), async ({ outcome }) => {
        expect(await outcome({ query: { token } })).toEqual(refused('invalid_token', message))
      })
    }
    const fine = { issuer: ['me'], subject: 'alice', jwtid: 'one', maxAge: '2h', algorithms: ['HS256'] }
    await withServer(using(fine), async ({ outcome }) => expect(await outcome({ query: { token } })).toBeNull())
  })

  test('success and fail take the place of accept', () => {
    let failure: unknown
    return withServer(
      using({
        success: (_socket, accept) => setTimeout(accept, 20),
        fail: (error, _socket, accept) => {
          failure = error
          accept(null, false)
        },
      }),
      async ({ outcome }) => {
        expect(await outcome({ query: { token: sign() } })).toBeNull()
        expect(await outcome({ query: { token: expired() } })).toEqual(refused('invalid_token', 'jwt expired'))
        expect(failure).toBeInstanceOf(UnauthorizedError)
        expect((failure as UnauthorizedError).inner).toMatchObject({ name: 'TokenExpiredError' })
      },
    )
  })

  test('callbacks that throw refuse', async () => {
    const explode = () => {
      throw new Error('at mysql://root:hunter2@db')
    }
    for (const options of [
      { success: explode },
      { customDecoded: explode },
      { secret: explode },
      { secret: async () => explode() },
    ]) {
      await withServer(using(options), async ({ outcome }) => {
        const answer = await outcome({ query: { token: sign() } })
        expect(answer).not.toBeNull()
        expect(JSON.stringify(answer)).not.toContain('hunter2')
      })
    }
  })

  test.each([
    [{ secret: undefined }, /^Provided secret undefined is invalid, must be of type string or function\.$/],
    [{ secret: 42 }, /must be of type string or function/],
    [{ secret: '' }, /"secret"/],
    [{ secret: generateKeyPairSync('ed25519').privateKey }, /"secret"/],
    [{ algorithms: ['none'] }, /"algorithms"/],
    [{ algorithms: [] }, /"algorithms"/],
    [{ audience: '' }, /"audience"/],
    [{ issuer: [] }, /"issuer"/],
    [{ maxAge: '60' }, /"maxAge"/],
    [{ ignoreExpiration: true }, /"ignoreExpiration"/],
    [{ clockTimestamp: 1 }, /"clockTimestamp"/],
    [{ timeout: -1 }, /"timeout"/],
    [{ cookie: '' }, /"cookie"/],
    [{ decodedPropertyName: '__proto__' }, /"decodedPropertyName"/],
    [{ additional_auth: true }, /"additional_auth"/],
    [{ origins: ['nonsense'] }, /"origins"/],
  ])('%o is refused at start-up', (options, message) => {
    expect(() => authorize({ secret: SECRET, ...options } as Options)).toThrow(message)
  })
})

describe('secrets', () => {
  test('a function of four parameters is given the header', () =>
    withServer(
      using({
        secret: (
          request: { headers: object },
          header: { kid: string },
          payload: { sub: string },
          callback: (e: null, s: string) => void,
        ) => callback(null, request.headers && header.kid === 'k1' && payload.sub === 'alice' ? SECRET : ''),
      }),
      async ({ outcome }) => {
        expect(await outcome({ query: { token: sign({ sub: 'alice' }, { keyid: 'k1' }) } })).toBeNull()
        expect(await outcome({ query: { token: sign() } })).toEqual(
          refused('invalid_token', 'secret or public key must be provided'),
        )
      },
    ))

  test('what a map inherits is no secret', () => {
    const SECRETS: Record<string, string> = { user1: SECRET }
    return withServer(
      using({
        secret: (_: unknown, payload: { userId: string }, done: (e: null, s?: string) => void) =>
          done(null, SECRETS[payload.userId]),
      }),
      async ({ outcome }) => {
        expect(await outcome({ query: { token: sign({ userId: 'user1' }) } })).toBeNull()
        for (const userId of ['constructor', '__proto__', 'toString', 'nobody']) {
          expect(await outcome({ query: { token: sign({ userId }) } })).toEqual(
            refused('invalid_token', 'secret or public key must be provided'),
          )
        }
      },
    )
  })

  test.each(['', null, undefined, 0])('%o as a secret admits no unsigned token', (secret) =>
    withServer(
      using({ secret: (_: unknown, _payload: unknown, done: (e: null, s: unknown) => void) => done(null, secret) }),
      async ({ outcome }) => {
        for (const token of [handMade({ alg: 'none' }, { sub: 'm' }, ''), handMade({ alg: 'HS256' }, { sub: 'm' })]) {
          expect(await outcome({ query: { token } })).not.toBeNull()
        }
      },
    ),
  )

  test('what the callback says is said, but not the text of an Error', async () => {
    const saying = (error: unknown) =>
      withServer(
        using({ secret: (_: unknown, _payload: unknown, done: (e: unknown) => void) => done(error) }),
        ({ outcome }) => outcome({ query: { token: sign() } }),
      )
    expect(await saying({ code: 'no_tenant', message: 'unknown tenant' })).toEqual(
      refused('no_tenant', 'unknown tenant'),
    )
    expect(await saying('unknown tenant')).toEqual(refused('invalid_secret', 'unknown tenant'))
    expect(await saying(new Error('ECONNREFUSED mysql://root:hunter2@db'))).toEqual(
      refused('invalid_secret', 'invalid secret'),
    )
  })

  test('a public key verifies RS256 and ES256, and never an HMAC made of its text', async () => {
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const pem = rsa.publicKey.export({ type: 'spki', format: 'pem' }) as string
    await withServer(using({ secret: pem }), async ({ outcome }) => {
      expect(await outcome({ query: { token: sign({}, { algorithm: 'RS256' }, rsa.privateKey) } })).toBeNull()
      const input = handMade({ alg: 'HS256', typ: 'JWT' }, { sub: 'mallory' }, '').slice(0, -1)
      const token = `${input}.${createHmac('sha256', pem).update(input).digest('base64url')}`
      expect(await outcome({ query: { token } })).toEqual(refused('invalid_token', 'invalid algorithm'))
    })
    const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    await withServer(using({ secret: ec.publicKey }), async ({ outcome }) => {
      expect(await outcome({ query: { token: sign({}, { algorithm: 'ES256' }, ec.privateKey) } })).toBeNull()
      expect(await outcome({ query: { token: sign({}, { algorithm: 'RS256' }, rsa.privateKey) } })).not.toBeNull()
    })
    await withServer(using({ secret: Buffer.from(SECRET) }), async ({ outcome }) => {
      expect(await outcome({ query: { token: sign() } })).toBeNull()
    })
  })
})

describe('hostile handshakes', () => {
  test.each([
    'token=a&token=b',
    'token[]=a',
    'token=',
    `token=${'x'.repeat(12_000)}`,
    'token=..',
    'token=null.null.null',
    `token=${handMade({ alg: ['HS256'] }, {})}`,
    `token=${handMade({ alg: 'HS256', crit: ['x'] }, {})}`,
    `token=${handMade({ alg: 'HS256', b64: false, crit: ['b64'] }, {})}`,
  ])('are refused and do no harm: %.60s', (query) =>
    withServer(
      using({ secret: (_: unknown, _payload: unknown, done: (e: null, s: string) => void) => done(null, SECRET) }),
      async ({ outcome, url }) => {
        const answer = await fetch(`${url}/socket.io/?EIO=4&transport=polling&${query}`)
        expect(answer.status).toBe(200)
        const [, sid] = /"sid":"([^"]+)"/.exec(await answer.text()) ?? []
        await fetch(`${url}/socket.io/?EIO=4&transport=polling&sid=${sid}`, { method: 'POST', body: '40' })
        const said = await fetch(`${url}/socket.io/?EIO=4&transport=polling&sid=${sid}`)
        expect(await said.text()).toMatch(/^44\{"message":/)
        expect(await outcome({ query: { token: sign() } })).toBeNull()
      },
    ),
  )

  test.each(['1e999', '"never"', 'null', '{}'])('%s is no end of a token', async (exp) => {
    const part = (text: string) => Buffer.from(text).toString('base64url')
    const input = `${part('{"alg":"HS256"}')}.${part(`{"sub":"a","exp":${exp}}`)}`
    const token = `${input}.${createHmac('sha256', SECRET).update(input).digest('base64url')}`
    await withServer(using({}), async ({ outcome }) => {
      expect(await outcome({ query: { token } })).toEqual(refused('invalid_token', 'invalid exp value'))
    })
  })
})

describe('what surrounds it', () => {
  test('decisions reach the audit log, without the token', () => {
    const audit: AuditEvent[] = []
    return withServer(using({ audit: (event) => audit.push(event) }), async ({ outcome }) => {
      const token = sign()
      await outcome({ query: { token } })
      await outcome({ query: { token: forged() } })
      expect(audit.map(({ effect, rule, code }) => [effect, rule, code])).toEqual([
        ['permit', 'compat/socketio-jwt', null],
        ['deny', 'compat/socketio-jwt', 'AUTH_CREDENTIAL_INVALID'],
      ])
      expect(JSON.stringify(audit)).not.toContain(token)
    })
  })

  test('a server that restores sockets without asking is refused', () =>
    withServer(using({}), async ({ outcome }) => expect(await outcome({ query: { token: sign() } })).not.toBeNull(), {
      connectionStateRecovery: {},
    }))

  test('io.set of Socket.IO 0.9 calls it with handshake data', async () => {
    const decide = authorize({ secret: SECRET, handshake: true })
    const ask = (data: object) =>
      new Promise<unknown[]>((resolve) => decide(data as never, (...args: unknown[]) => resolve(args)))
    const data: { decoded_token?: { name: string }; [name: string]: unknown } = {
      headers: {},
      query: { token: sign() },
    }
    expect(await ask(data)).toEqual([null, true])
    expect(data.decoded_token?.name).toBe('Alice')
    expect(await ask({ headers: {}, _query: { token: sign() } })).toEqual([null, true])
    expect(await ask({ headers: { authorization: `Bearer ${sign()}` } })).toEqual([null, true])
    for (const bad of [{}, { headers: {}, query: { token: forged() } }, { headers: {}, query: { token: ['a'] } }]) {
      expect(await ask(bad)).toEqual([null, false])
    }
  })

  test('its strategy stands in createAuth', () =>
    withServer(
      (io) => {
        const auth = createAuth({ origins: 'same-host', strategies: [strategy({ secret: SECRET })] })
        auth.protect(io.of('/'), { events: {} })
      },
      async ({ outcome }) => {
        expect(await outcome({ query: { token: sign() } })).toBeNull()
        expect(await outcome({ auth: { token: sign() } })).toBeNull()
        expect(await outcome({ query: { token: forged() } })).not.toBeNull()
        expect(await outcome({ auth: { token: forged() } })).toMatchObject({
          data: { code: 'AUTH_CREDENTIAL_INVALID' },
        })
        expect(await outcome({ auth: { token: expired() } })).toMatchObject({ data: { code: 'AUTH_EXPIRED' } })
      },
    ))

  test('sockets of one connection are admitted each by itself', () =>
    withServer(
      (io) => {
        io.of('/a').use(authorize({ secret: SECRET, handshake: true, subject: 'alice' }))
        io.of('/b').use(authorize({ secret: SECRET, handshake: true, subject: 'bob' }))
      },
      async ({ outcome }) => {
        const query = { token: sign() }
        expect(await outcome({ query }, '/a')).toBeNull()
        expect(await outcome({ query }, '/b')).not.toBeNull()
      },
    ))

  test('require and import give what they gave', async () => {
    const module = await import('portcullis/compat/socketio-jwt')
    expect(module.default).toMatchObject({ authorize, UnauthorizedError })
    expect(module['module.exports' as never]).toBe(module.default)
  })
})
