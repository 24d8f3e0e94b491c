import { permit } from 'portcullis'
import { memory } from 'portcullis/revocations/memory'
import { describe, expect, it } from 'vitest'
import { connecting, fakeTime, gate, next, outcome, start } from '../harness.ts'

const alice = { issuer: 'https://issuer.example', subject: 'alice' }

describe('expiry', () => {
  it('fact 8: closes an expired socket with its reason first, then the disconnection', async () => {
    const time = fakeTime()
    const { io, auth, client, records, audit } = await start({ clock: time.clock })
    records.set('short', { subject: 'short', expiresAt: time.seconds() + 30 })
    auth.protect(io.of('/chat'), { events: {} })
    const socket = client('/chat', { auth: { token: 'short' } })
    await outcome(socket)
    const heard: unknown[] = []
    socket.onAny((event, body) => heard.push([event, body]))
    const gone = next(socket, 'disconnect')
    time.advance(29_000)
    expect(socket.connected).toBe(true)
    time.advance(1_000)
    expect((await gone)[0]).toBe('io server disconnect')
    expect(heard).toEqual([
      ['auth:expiring', { expiresAt: time.seconds(), expiresInMs: expect.any(Number) }],
      ['auth:closed', { code: 'AUTH_EXPIRED', message: 'The credential has expired.', retry: 'refresh' }],
    ])
    expect(audit.at(-1)).toMatchObject({ stage: 'expire', code: 'AUTH_EXPIRED' })
    expect(io.engine.clientsCount).toBe(0)
  })

  it('refuses a lease that has ended before the connect', async () => {
    const { io, auth, client, records } = await start()
    records.set('old', { subject: 'old', expiresAt: 1 })
    auth.protect(io.of('/chat'), { events: {} })
    expect((await outcome(client('/chat', { auth: { token: 'old' } })))?.code).toBe('AUTH_EXPIRED')
  })

  it('R24: ends one namespace and leaves the others of the connection', async () => {
    const time = fakeTime()
    const { io, auth, client, records } = await start({ clock: time.clock })
    records.set('short', { subject: 'short', expiresAt: time.seconds() + 30 })
    auth.protect(io.of('/a'), { events: {} })
    auth.protect(io.of('/b'), { events: {} })
    const a = client('/a', { auth: { token: 'short' } })
    await outcome(a)
    const b = a.io.socket('/b', { auth: { token: 'alice-key' } })
    await outcome(b)
    const gone = next(a, 'disconnect')
    time.advance(31_000)
    await gone
    expect(await b.emitWithAck('auth:whoami')).toMatchObject({ subject: 'alice' })
  })

  it('fact 12, R03: waits for an end that is further off than one timer reaches', async () => {
    const time = fakeTime()
    const { io, auth, client, records } = await start({ clock: time.clock })
    const days = 24 * 3600
    records.set('long', { subject: 'long', expiresAt: time.seconds() + 60 * days })
    auth.protect(io.of('/chat'), { events: {} })
    const socket = client('/chat', { auth: { token: 'long' } })
    await outcome(socket)
    time.advance(59 * days * 1000)
    expect((await socket.emitWithAck('auth:whoami')).subject).toBe('long')
    const gone = next(socket, 'auth:closed')
    time.advance(days * 1000)
    await gone
  })
})

describe('close()', () => {
  it('ends every socket with AUTH_UNAVAILABLE: nothing would watch over its lease any more', async () => {
    const { io, auth, client } = await start()
    const chat = auth.protect(io.of('/chat'), { events: {} })
    const socket = client('/chat', { auth: { token: 'alice-key' } })
    await outcome(socket)
    const closed = next(socket, 'auth:closed')
    await auth.close()
    expect((await closed)[0]).toMatchObject({ code: 'AUTH_UNAVAILABLE', retry: 'backoff' })
    await expect.poll(() => chat.sockets.size).toBe(0)
    expect(() => auth.protect(io.of('/late'), { events: {} })).toThrow(/closed/)
  })
})

describe('revocation', () => {
  it('closes every socket of the subject, tells why, and leaves a receipt', async () => {
    const { io, auth, client } = await start()
    auth.protect(io.of('/chat'), { events: {} })
    const one = client('/chat', { auth: { token: 'alice-key' } })
    const two = client('/chat', { auth: { token: 'alice-key' }, transports: ['polling'] })
    const other = client('/chat', { auth: { token: 'bob-key' } })
    await Promise.all([one, two, other].map(outcome))
    const closed = [next(one, 'auth:closed'), next(two, 'auth:closed')]
    const receipt = await auth.revoke(alice)
    expect(receipt).toEqual({
      id: expect.any(String),
      complete: true,
      nodes: [{ node: expect.any(String), state: 'applied', closed: 2 }],
      closed: 2,
    })
    for (const reason of closed) expect((await reason)[0]).toMatchObject({ code: 'AUTH_REVOKED', retry: 'refresh' })
    expect(other.connected).toBe(true)
  })

  it('R16: refuses the same credential afterwards, at the door and in a connect', async () => {
    const { io, auth, client, get } = await start()
    auth.protect(io.of('/chat'), { events: {} })
    await auth.revoke(alice)
    expect((await outcome(client('/chat', { auth: { token: 'alice-key' } })))?.code).toBe('AUTH_REVOKED')
    const answer = await get('/socket.io/?EIO=4&transport=polling', { authorization: 'Bearer alice-key' })
    expect(JSON.parse(answer.body).code).toBe('AUTH_REVOKED')
  })

  it('spares what was issued afterwards', async () => {
    const { io, auth, client, records } = await start()
    auth.protect(io.of('/chat'), { events: {} })
    await auth.revoke(alice)
    records.set('new', { subject: 'alice', issuedAt: Date.now() / 1000 + 1 })
    expect(await outcome(client('/chat', { auth: { token: 'new' } }))).toBe(null)
  })

  it.each([
    ['session', { session: 'session-of-alice' }, 1],
    ['another session', { session: 'session-of-nobody' }, 0],
    ['a token id', { tokenId: 'unknown' }, 0],
    ['another issuer with the same subject', { issuer: 'https://other.example', subject: 'alice' }, 0],
  ])('by %s closes just those', async (_name, key, closed) => {
    const { io, auth, client } = await start()
    auth.protect(io.of('/chat'), { events: {} })
    await outcome(client('/chat', { auth: { token: 'alice-key' } }))
    expect((await auth.revoke(key)).closed).toBe(closed)
  })

  it.each(['strategy', 'connect rule', 'memberships', 'middleware of the application'])(
    'fact 3, R11: a socket revoked while its %s works never connects',
    async (stage) => {
      const held = gate()
      const asked = gate()
      const pause = async () => {
        asked.open()
        await held.promise
      }
      const { io, auth, client, records } = await start()
      const seen: boolean[] = []
      io.of('/chat').on('connect', (socket) => seen.push(socket.connected))
      const chat = auth.protect(io.of('/chat'), {
        events: {},
        connect: async () => {
          if (stage === 'connect rule') await pause()
          return permit()
        },
        memberships: async () => {
          if (stage === 'memberships') await pause()
          return []
        },
      })
      if (stage === 'strategy') {
        records.set('alice-key', {
          subject: 'alice',
          get wait() {
            return pause()
          },
        })
      }
      if (stage === 'middleware of the application') chat.use((_socket, done) => void pause().then(() => done()))
      const socket = client('/chat', { auth: { token: 'alice-key' } })
      const heard: string[] = []
      for (const event of ['connect', 'connect_error', 'auth:closed']) socket.on(event, () => heard.push(event))
      const end = Promise.race([
        next(socket, 'connect_error').then(([error]) => (error as { data: { code: string } }).data.code),
        next(socket, 'auth:closed').then(([body]) => (body as { code: string }).code),
      ])
      await asked.promise
      await auth.revoke(alice)
      held.open()
      expect(await end).toBe('AUTH_REVOKED')
      expect(heard).toEqual(stage === 'middleware of the application' ? ['connect', 'auth:closed'] : ['connect_error'])
      // R12: the application's own listener never sees it connected.
      expect(seen).toEqual(stage === 'middleware of the application' ? [false] : [])
      await expect.poll(() => chat.sockets.size + connecting(chat)).toBe(0)
    },
  )

  it('by a moment in the past spares the sockets that were issued later', async () => {
    const { io, auth, client, records } = await start()
    records.set('old', { subject: 'alice', issuedAt: 1_000 })
    records.set('new', { subject: 'alice', issuedAt: 2_000 })
    auth.protect(io.of('/chat'), { events: {} })
    const sockets = ['old', 'new'].map((token) => client('/chat', { auth: { token } }))
    await Promise.all(sockets.map(outcome))
    expect((await auth.revoke(alice, { issuedBefore: 2_000 })).closed).toBe(1)
    expect(sockets[1]?.connected).toBe(true)
  })

  it('is forgotten when no credential that it covers can live any more', async () => {
    const time = fakeTime()
    const { io, auth, client } = await start({ clock: time.clock })
    auth.protect(io.of('/chat'), { events: {} })
    await auth.revoke(alice, { until: time.seconds() + 10 })
    expect((await outcome(client('/chat', { auth: { token: 'alice-key' } })))?.code).toBe('AUTH_REVOKED')
    time.advance(11_000)
    await auth.revoke({ tag: 'anything' })
    expect(await outcome(client('/chat', { auth: { token: 'alice-key' } }))).toBe(null)
  })

  it('reaches a socket whose event is being decided', async () => {
    const held = gate()
    const asked = gate()
    const { io, auth, client } = await start()
    const seen: string[] = []
    const chat = auth.protect(io.of('/chat'), {
      events: {
        slow: async () => {
          asked.open()
          await held.promise
          return permit()
        },
      },
    })
    chat.on('connection', (socket) => socket.onAny((event) => seen.push(event)))
    const socket = client('/chat', { auth: { token: 'alice-key' } })
    await outcome(socket)
    socket.emit('slow')
    await asked.promise
    const gone = next(socket, 'disconnect')
    await auth.revoke(alice)
    held.open()
    await gone
    expect(seen).toEqual([])
  })

  it('R15: is in force on this node and rejects, when the log does not take it in time; it is written once the log does', async () => {
    const sound = memory()
    let full = true
    const log = {
      ...sound,
      append: (entry: never) => (full ? Promise.reject(new Error('disk full')) : sound.append(entry)),
    }
    const { io, auth, client } = await start({ revocations: log })
    auth.protect(io.of('/chat'), { events: {} })
    const socket = client('/chat', { auth: { token: 'alice-key' } })
    await outcome(socket)
    const closed = next(socket, 'auth:closed')
    await expect(auth.revoke(alice, { timeoutMs: 200 })).rejects.toMatchObject({ code: 'AUTH_UNAVAILABLE' })
    expect((await closed)[0]).toMatchObject({ code: 'AUTH_REVOKED' })
    full = false
    await expect
      .poll(
        async () =>
          (await sound.sync({ node: 'x', maxStalenessMs: 1, cursor: null, applied: [], awaiting: [] })).entries.length,
      )
      .toBe(1)
  })

  it.each([
    [{}],
    [null],
    [{ subject: 'alice' }],
    [{ issuer: 'x', subject: '' }],
    [{ session: 1 }],
    [{ session: 'a', tag: 'b' }],
  ])('of %j is a TypeError', async (key) => {
    const { auth } = await start()
    await expect(auth.revoke(key as never)).rejects.toThrow(/revoke: the key must be/)
  })
})
