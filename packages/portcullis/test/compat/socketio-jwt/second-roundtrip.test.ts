import { authorize } from 'portcullis/compat/socketio-jwt'
import type { Socket } from 'socket.io'
import { describe, expect, test } from 'vitest'
import { type Client, expired, forged, next, type Running, SECRET, sign, until, VERSIONS, withServer } from './kit.ts'

type Options = Parameters<typeof authorize>[0]
type Done = (error: unknown, secret?: string) => void

/** The README's way: listeners are added once a socket is authenticated. */
function withRoundtrip<T>(options: Partial<Options>, use: (running: Running & { admitted: Socket[] }) => Promise<T>) {
  const admitted: Socket[] = []
  return withServer(
    (io) => {
      io.sockets
        .on('connection', authorize({ secret: SECRET, ...options }))
        .on('authenticated' as 'connection', (socket: Socket) => {
          admitted.push(socket)
          socket.on('echo', (text: string) => socket.emit('echoed', text))
        })
    },
    (running) => use({ ...running, admitted }),
  )
}

/** Asks once; what the client is told. */
async function told(client: Client, data?: unknown): Promise<unknown> {
  const answer = Promise.race([
    next(client, 'authenticated').then((args) => ['authenticated', ...args]),
    next(client, 'unauthorized').then(([error]) => error),
  ])
  client.emit('authenticate', data)
  return answer
}
const error = (code: string, message: string) => ({
  message,
  inner: { message },
  data: { message, code, type: 'UnauthorizedError' },
})

describe.each(VERSIONS)('a second roundtrip of client %i', (version) => {
  test('authenticates, and its events are heard', () =>
    withRoundtrip({}, async ({ client, admitted }) => {
      const socket = client({}, '', version)
      expect(await told(socket, { token: sign() })).toEqual(['authenticated'])
      await until(() => admitted.length === 1)
      expect(admitted[0]).toMatchObject({ decoded_token: { name: 'Alice' }, data: { identity: { subject: 'alice' } } })
      const echoed = next(socket, 'echoed')
      socket.emit('echo', 'hi')
      expect(await echoed).toEqual(['hi'])
    }))

  test('is refused with the old error and disconnected when it acknowledges', () =>
    withRoundtrip({}, async ({ client }) => {
      const socket = client({}, '', version)
      const disconnected = next(socket, 'disconnect')
      socket.once('unauthorized', (refusal: { data: object }, acknowledge: () => void) => {
        expect(refusal).toEqual(error('invalid_token', 'jwt expired'))
        acknowledge()
      })
      socket.emit('authenticate', { token: expired() })
      await disconnected
    }))

  test('is disconnected when its time is over', () =>
    withRoundtrip({ timeout: 100 }, async ({ client }) => {
      await next(client({}, '', version), 'disconnect')
    }))

  test('ends with its token', () =>
    withRoundtrip({}, async ({ client }) => {
      const socket = client({}, '', version)
      await told(socket, { token: sign({ sub: 'alice' }, { expiresIn: 2 }) })
      const last = next(socket, 'unauthorized')
      await next(socket, 'disconnect')
      expect(await last).toEqual([error('invalid_token', 'jwt expired')])
    }))
})

describe('whoever has not authenticated', () => {
  test('stays to the time-out at most, whatever it sends and never acknowledges', () =>
    withRoundtrip({ timeout: 300, callback: 60_000 }, async ({ client }) => {
      const socket = client()
      expect(await told(socket, { token: forged() })).toEqual(error('invalid_token', 'invalid signature'))
      await next(socket, 'disconnect')
    }))

  test('stays for the time of callback at most', () =>
    withRoundtrip({ timeout: 60_000, callback: -50 }, async ({ client }) => {
      const socket = client()
      await told(socket, { token: forged() })
      await next(socket, 'disconnect')
    }))

  test('stays to the time-out at most while a secret is awaited', () =>
    withRoundtrip({ timeout: 200, secret: () => undefined }, async ({ client, admitted }) => {
      const socket = client()
      socket.emit('authenticate', { token: sign() })
      await next(socket, 'disconnect')
      expect(admitted).toEqual([])
    }))

  test('is disconnected at once with callback: false, also when there is no secret', () =>
    withRoundtrip(
      {
        timeout: 60_000,
        callback: false,
        secret: (_: unknown, _payload: unknown, done: Done) => done(null, undefined),
      },
      async ({ client }) => {
        const socket = client()
        const disconnected = next(socket, 'disconnect')
        expect(await told(socket, { token: sign() })).toEqual(
          error('invalid_secret', 'secret or public key must be provided'),
        )
        await disconnected
      },
    ))

  test('may try five tokens', () =>
    withRoundtrip({ callback: 60_000 }, async ({ client }) => {
      const socket = client()
      const disconnected = next(socket, 'disconnect')
      for (let attempt = 0; attempt < 5; attempt++) {
        expect(await told(socket, { token: forged() })).toMatchObject({ message: 'invalid signature' })
      }
      await disconnected
    }))

  test('may still succeed after a failure, and then stays', () =>
    withRoundtrip({ callback: 300, timeout: 400 }, async ({ client }) => {
      const socket = client()
      await told(socket, { token: forged() })
      expect(await told(socket, { token: sign() })).toEqual(['authenticated'])
      // One that came later and says nothing: when its time is over, so would be that of the first.
      await next(client(), 'disconnect')
      expect(socket.connected).toBe(true)
    }))

  test('hears no broadcast, and none of its events is heard', () =>
    withServer(
      (io) => {
        io.on('connection', authorize({ secret: SECRET }))
        io.on('connection', (socket) => {
          socket.join('room')
          socket.on('order', () => io.emit('ordered'))
        })
      },
      async ({ io, client, nextSocket }) => {
        const connected = nextSocket()
        const socket = client()
        const heard: string[] = []
        for (const event of ['news', 'ordered', 'room']) socket.on(event, () => heard.push(event))
        await connected
        socket.emit('order')
        io.emit('news')
        io.to('room').emit('room')
        expect(await io.fetchSockets()).toHaveLength(0)
        await told(socket, { token: forged() })
        expect(heard).toEqual([])
        await told(socket, { token: sign() })
        const news = next(socket, 'news')
        io.to('room').emit('news')
        await news
        expect(heard).toEqual(['news'])
      },
    ))

  test('is left alone with required: false', () =>
    withServer(
      (io) => {
        io.on('connection', authorize({ secret: SECRET, required: false, timeout: 50 }))
        io.on('connection', (socket) => socket.on('order', () => io.emit('ordered')))
      },
      async ({ client }) => {
        const socket = client()
        const ordered = next(socket, 'ordered')
        socket.emit('order')
        await ordered
        expect(await told(socket, { token: sign() })).toEqual(['authenticated'])
      },
    ))
})

describe('a second roundtrip', () => {
  test('succeeds once, however often the token is sent', () =>
    withRoundtrip({}, async ({ client, admitted }) => {
      const socket = client()
      const token = sign()
      expect(await told(socket, { token })).toEqual(['authenticated'])
      const heard: string[] = []
      for (const event of ['authenticated', 'unauthorized']) socket.on(event, () => heard.push(event))
      for (let time = 0; time < 20; time++) socket.emit('authenticate', { token })
      const echoed = next(socket, 'echoed')
      socket.emit('echo', 'hi')
      await echoed
      expect(heard).toEqual([])
      expect(admitted).toHaveLength(1)
    }))

  test('never sends the socket to the clients', () =>
    withRoundtrip({}, async ({ client }) => {
      const [first, second] = [client(), client()]
      await told(first, { token: sign() })
      const heard: unknown[] = []
      first.on('authenticated', (...args: unknown[]) => heard.push(args))
      expect(await told(second, { token: sign() })).toEqual(['authenticated'])
      const echoed = next(first, 'echoed')
      first.emit('echo', 'hi')
      await echoed
      expect(heard).toEqual([])
    }))

  test('is announced on its own namespace, also on one made by a pattern', () => {
    const announced: string[] = []
    const note = (name: string) => (socket: Socket) => announced.push(`${name} ${socket.nsp.name}`)
    return withServer(
      (io) => {
        io.on('authenticated', note('main'))
        io.of('/admin')
          .on('connection', authorize({ secret: SECRET }))
          .on('authenticated' as 'connection', note('admin'))
        io.of(/^\/tenant-\d$/)
          .on('connection', authorize({ secret: SECRET }))
          .on('authenticated' as 'connection', note('tenant'))
      },
      async ({ client }) => {
        await told(client({}, '/admin'), { token: sign() })
        await told(client({}, '/tenant-1'), { token: sign() })
        await until(() => announced.length === 2)
        expect(announced).toEqual(['admin /admin', 'tenant /tenant-1'])
      },
    )
  })

  test('asks additional_auth, once, and believes its first answer', () =>
    withRoundtrip(
      {
        additional_auth: (decoded: { sub: string }, ok: () => void, no: (error: unknown, code?: string) => void) => {
          if (decoded.sub === 'alice') {
            ok()
            no('too late')
          } else if (decoded.sub === 'bob') no({ message: 'banned' }, 'user_banned')
          else if (decoded.sub === 'carol') no('banned')
          else if (decoded.sub === 'dave') no(new Error('at mysql://root:hunter2@db'), 'lookup')
          else if (decoded.sub === 'erin') no(undefined)
          else throw new Error('at mysql://root:hunter2@db')
        },
      },
      async ({ client }) => {
        const answer = (sub: string) => told(client(), { token: sign({ sub }) })
        expect(await answer('alice')).toEqual(['authenticated'])
        expect(await answer('bob')).toEqual(error('user_banned', 'banned'))
        expect(await answer('carol')).toEqual(error('unknown', 'banned'))
        expect(await answer('dave')).toEqual(error('lookup', 'unauthorized'))
        expect(await answer('erin')).toEqual(error('unknown', 'unauthorized'))
        expect(await answer('frank')).toEqual(error('unknown', 'internal error'))
      },
    ))

  test.each([
    [undefined],
    [null],
    [42],
    ['token'],
    [[]],
    [{}],
    [{ token: null }],
    [{ token: 42 }],
    [{ token: { split: 1 } }],
    [{ token: ['a'] }],
    [JSON.parse('{"__proto__":{"token":"x"}}')],
  ])('refuses %j as a token, and goes on', (data) =>
    withRoundtrip({}, async ({ client }) => {
      expect(await told(client(), data)).toEqual(error('invalid_token', 'invalid token datatype'))
      expect(await told(client(), { token: sign() })).toEqual(['authenticated'])
    }),
  )

  test.each(['x'.repeat(100_000), '..', 'a.b', 'a.b.c.d'])('refuses %.10s… with a secret function as well', (token) =>
    withRoundtrip({ secret: (_: unknown, _payload: unknown, done: Done) => done(null, SECRET) }, async ({ client }) => {
      expect(await told(client(), { token })).toMatchObject({ data: { code: 'invalid_secret' } })
    }),
  )

  test('leaves no token on a socket that it did not verify', () =>
    withServer(
      (io) => {
        io.on('connection', authorize({ secret: SECRET }))
      },
      async ({ client, nextSocket }) => {
        const connected = nextSocket()
        const socket = client()
        const server = await connected
        await told(socket, { token: forged() })
        expect(server).not.toHaveProperty('encoded_token')
        expect(server).not.toHaveProperty('decoded_token')
      },
    ))

  test('takes the token from a cookie, of the own page only', () =>
    withRoundtrip({ cookie: 'jwt' }, async ({ client, url }) => {
      const cookie = `jwt=${sign()}`
      expect(await told(client({ extraHeaders: { cookie } }))).toEqual(['authenticated'])
      expect(await told(client({ extraHeaders: { cookie, origin: url } }))).toEqual(['authenticated'])
      const foreign = await told(client({ extraHeaders: { cookie, origin: 'https://evil.example' } }))
      expect(foreign).toMatchObject({ message: 'Connections from this origin are not permitted' })
      expect(await told(client())).toEqual(error('invalid_token', 'invalid token datatype'))
    }))

  test('is refused on a server that restores sockets without asking', () =>
    withServer(
      (io) => {
        io.on('connection', authorize({ secret: SECRET, callback: false }))
      },
      async ({ client }) => {
        const socket = client()
        const refusal = next(socket, 'unauthorized')
        await next(socket, 'disconnect')
        expect((await refusal)[0]).toMatchObject({ message: expect.stringContaining('connectionStateRecovery') })
      },
      { connectionStateRecovery: {} },
    ))
})

describe('the function of the second roundtrip as a middleware', () => {
  test('reads auth.token as the fork does, and the old places', () =>
    withServer(
      (io) =>
        io.use(
          authorize({ secret: (_: unknown, _payload: unknown, done: Done) => done(null, SECRET), handshake: false }),
        ),
      async ({ outcome, nextSocket }) => {
        const connected = nextSocket()
        expect(await outcome({ auth: { token: `Bearer ${sign()}` } })).toBeNull()
        expect(await connected).toMatchObject({ decodedToken: { name: 'Alice' }, decoded_token: { name: 'Alice' } })
        expect(await outcome({ query: { token: sign() } })).toBeNull()
        expect(await outcome({})).toMatchObject({ data: { code: 'credentials_required' } })
        for (const token of [sign(), 123, ['Bearer x'], {}, true, '']) {
          expect(await outcome({ auth: { token } })).toMatchObject({ data: { code: 'credentials_bad_format' } })
        }
        expect(await outcome({ auth: { token: 'Bearer x' } })).toMatchObject({ data: { code: 'invalid_token' } })
        expect(await outcome({ auth: { token: `Bearer ${forged()}` } })).toMatchObject({
          data: { code: 'invalid_token' },
        })
      },
    ))
})
