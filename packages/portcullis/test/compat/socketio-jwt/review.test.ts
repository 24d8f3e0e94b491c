/** What an outside review found: leases of sockets that are not yet connected, callbacks that are `async`, two facades on one server. */

import jwt from 'jsonwebtoken'
import { socketIOAuth } from 'portcullis/compat/socketio-auth'
import { authorize } from 'portcullis/compat/socketio-jwt'
import type { Server } from 'socket.io'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { next, outcomeOf, SECRET, sign, until, VERSIONS, withServer } from './kit.ts'

const unhandled: unknown[] = []
const note = (error: unknown) => unhandled.push(error)

beforeEach(() => {
  unhandled.length = 0
  process.on('unhandledRejection', note)
})
afterEach(() => {
  process.off('unhandledRejection', note)
})

/** One turn of the event loop after everything that is due: rejections that nobody handles are told by then. */
const settled = () => new Promise((resolve) => setImmediate(() => setImmediate(resolve)))

/** Sockets that are among the middlewares. */
interface Pending {
  readonly _preConnectSockets: ReadonlyMap<string, unknown>
}

describe('the end of a token', () => {
  it.each(VERSIONS)(
    'disconnects a socket that was still among the middlewares, with socket.io-client %i',
    async (version) => {
      let release: () => void = () => {}
      const heard: string[] = []
      const setUp = (io: Server) => {
        io.use(authorize({ secret: SECRET, handshake: true }))
        io.use((_socket, nextOne) => {
          release = () => nextOne()
        })
        io.on('connection', (socket) => socket.onAny((event) => heard.push(event)))
      }
      await withServer(setUp, async ({ client, io }) => {
        const exp = Math.floor(Date.now() / 1000) + 2
        const token = jwt.sign({ sub: 'alice', exp }, SECRET)
        const late = client({ query: { token } }, '', version)
        const events: string[] = []
        for (const name of ['unauthorized', 'auth:closed', 'connect', 'disconnect'])
          late.on(name, () => events.push(name))
        await until(() => Date.now() / 1000 > exp + 0.05, 10_000)
        expect(events).toEqual([])
        const gone = next(late, 'disconnect')
        release()
        late.emit('anything')
        expect(await gone).toContain('io server disconnect')
        expect(events.filter((name) => name === 'connect')).toEqual(['connect'])
        expect(events).toContain('unauthorized')
        expect(heard).toEqual([])
        expect(io.of('/').sockets.size).toBe(0)
      })
    },
  )

  it('is not waited for where the client has gone during the verification', async () => {
    const answers: ((error: null, secret: string) => void)[] = []
    const ask = (_request: unknown, _payload: unknown, answer: (error: null, secret: string) => void) =>
      answers.push(answer)
    await withServer(
      (io) => io.use(authorize({ secret: ask as never, handshake: true })),
      async ({ client, io }) => {
        const clients = [1, 2, 3].map(() => client({ query: { token: sign() }, transports: ['websocket'] }))
        await until(() => answers.length === 3)
        for (const each of clients) each.disconnect()
        await until(() => io.engine.clientsCount === 0)
        const armed: number[] = []
        const { setTimeout: original } = globalThis
        globalThis.setTimeout = ((run: () => void, ms: number, ...args: never[]) => {
          armed.push(ms)
          return original(run, ms, ...args)
        }) as typeof setTimeout
        try {
          for (const answer of answers) answer(null, SECRET)
          await until(() => (io.of('/') as unknown as Pending)._preConnectSockets.size === 0)
        } finally {
          globalThis.setTimeout = original
        }
        expect(armed.filter((ms) => ms > 20_000)).toEqual([])
      },
    )
  })
})

describe('an async function that rejects', () => {
  const failing = async () => {
    throw new Error('mysql://root:hunter2@db')
  }

  it.each([
    ['success', 'internal error'],
    ['customDecoded', 'internal error'],
    ['additional_auth', 'internal error'],
  ])('refuses as %s, and says nothing of why', async (option, message) => {
    await withServer(
      (io) => io.use(authorize({ secret: SECRET, handshake: true, [option]: failing })),
      async ({ outcome }) => {
        expect(await outcome({ query: { token: sign() } })).toMatchObject({ message })
        await settled()
        expect(unhandled).toEqual([])
      },
    )
  })

  it('refuses as fail', async () => {
    await withServer(
      (io) => io.use(authorize({ secret: SECRET, handshake: true, fail: failing })),
      async ({ outcome }) => {
        expect(await outcome({ query: { token: 'x' } })).toMatchObject({ message: 'jwt malformed' })
        await settled()
        expect(unhandled).toEqual([])
      },
    )
  })

  it('changes nothing as audit', async () => {
    await withServer(
      (io) => io.use(authorize({ secret: SECRET, handshake: true, audit: failing as never })),
      async ({ outcome }) => {
        expect(await outcome({ query: { token: sign() } })).toBeNull()
        expect(await outcome({ query: { token: 'x' } })).toMatchObject({ message: 'jwt malformed' })
        await settled()
        expect(unhandled).toEqual([])
      },
    )
  })

  it('gives customDecoded what it resolves with', async () => {
    await withServer(
      (io) => io.use(authorize({ secret: SECRET, handshake: true, customDecoded: async ({ sub }) => ({ who: sub }) })),
      async ({ client, nextSocket }) => {
        const arrived = nextSocket()
        client({ query: { token: sign() } })
        expect((await arrived) as unknown).toMatchObject({ decoded_token: { who: 'alice' } })
      },
    )
  })
})

it('a socket under two facades is heard, and hears others, once both have admitted it', async () => {
  const heard: string[] = []
  const setUp = (io: Server) => {
    io.on('connection', authorize({ secret: SECRET, timeout: 20_000 }))
    socketIOAuth(io, { authenticate: (_socket, _data, done) => done(null, true), timeout: 20_000 })
    io.on('connection', (socket) => socket.onAny((event) => heard.push(event)))
  }
  await withServer(setUp, async ({ client, io }) => {
    for (const [first, second] of [
      ['authentication', 'authenticate'],
      ['authenticate', 'authentication'],
    ] as const) {
      heard.length = 0
      const one = client()
      expect(await outcomeOf(one)).toBeNull()
      const news: unknown[] = []
      one.on('news', (text: unknown) => news.push(text))
      const authenticated = next(one, 'authenticated')
      one.emit(first, { token: sign() })
      await authenticated
      io.emit('news', 'too early')
      one.emit('too early')
      const both = next(one, 'authenticated')
      one.emit(second, { token: sign() })
      await both
      one.emit('in time')
      await until(() => heard.includes('in time'))
      io.emit('news', 'in time')
      await until(() => news.includes('in time'))
      expect(heard).not.toContain('too early')
      expect(news).toEqual(['in time'])
    }
  })
})

describe('maxAge', () => {
  const { floor } = Math
  it.each([
    ['a token of a clock that is ahead', { iat: floor(Date.now() / 1000) + 30 }, null],
    ['a token that is too old', { iat: floor(Date.now() / 1000) - 900 }, 'maxAge exceeded'],
  ])('decides on %s as jsonwebtoken does', async (_name, payload, message) => {
    await withServer(
      (io) => io.use(authorize({ secret: SECRET, handshake: true, maxAge: '10m' })),
      async ({ outcome }) => {
        const refusal = await outcome({ query: { token: jwt.sign({ sub: 'alice', ...payload }, SECRET) } })
        expect(refusal?.message ?? null).toBe(message)
      },
    )
  })

  it('asks for iat', async () => {
    await withServer(
      (io) => io.use(authorize({ secret: SECRET, handshake: true, maxAge: '10m' })),
      async ({ outcome }) => {
        const token = jwt.sign({ sub: 'alice' }, SECRET, { noTimestamp: true })
        expect((await outcome({ query: { token } }))?.message).toBe('iat required when maxAge is specified')
      },
    )
  })
})
