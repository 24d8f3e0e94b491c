import { permit } from 'portcullis'
import { fakeClock } from 'portcullis/testing'
import type { Socket } from 'socket.io'
import { describe, expect, it } from 'vitest'
import { createAuth } from '../../src/index.ts'
import { fakeTime, gate, keys, next, ORIGIN, outcome, start } from '../harness.ts'
import { leased, listenTo, refresh, refused } from './lease-fixtures.ts'

const expiring = (expiresAt: number) => ['auth:expiring', { expiresAt, expiresInMs: expect.any(Number) }]
const closed = (code: string) => ['auth:closed', expect.objectContaining({ code })]

describe('auth:expiring', () => {
  it('R01: comes 20 to 31 s before the end, spread over clients, and says how much is left', async () => {
    const { key, enter, time, begin } = await leased()
    key('first', 300)
    const clients = await Promise.all(Array.from({ length: 30 }, () => enter('first')))
    const leftMs: number[] = []
    for (const client of clients) client.on('auth:expiring', ({ expiresInMs }) => leftMs.push(expiresInMs))
    time.advance(269_000)
    expect(leftMs).toEqual([])
    for (let second = 269; second < 290; second += 1) time.advance(1_000)
    await expect.poll(() => leftMs.length).toBe(30)
    expect(Math.max(...leftMs)).toBeLessThanOrEqual(31_000)
    expect(Math.min(...leftMs)).toBeGreaterThanOrEqual(20_000)
    expect(new Set(leftMs).size).toBeGreaterThan(3)
    expect(begin + 290).toBe(time.seconds())
  })

  it('comes at once where the lease is shorter than that, once for each lease', async () => {
    const { key, enter, time, begin } = await leased()
    const socket = await enter(key('first', 5))
    const heard = listenTo(socket)
    time.advance(1)
    await expect.poll(() => heard).toEqual([expiring(begin + 5)])
    await refresh(socket, { token: key('second', 8) })
    time.advance(1)
    await expect.poll(() => heard).toEqual([expiring(begin + 5), expiring(begin + 8)])
    time.advance(8_000)
    await expect.poll(() => heard.slice(2)).toEqual([closed('AUTH_EXPIRED')])
  })

  it.each([1, 200, 900, 1_500])(
    'comes before the end, not with it, where lease.expiringMs is %i',
    async (expiringMs) => {
      const { key, enter, time, begin } = await leased({ lease: { expiringMs } })
      const socket = await enter(key('first', 60))
      const heard = listenTo(socket)
      time.advance(57_900)
      time.advance(2_099)
      await expect.poll(() => heard).toEqual([expiring(begin + 60)])
      time.advance(1)
      await expect.poll(() => heard.slice(1)).toEqual([closed('AUTH_EXPIRED')])
    },
  )

  it('never comes where lease.expiringMs is 0, or the lease has no end', async () => {
    const { key, enter, time } = await leased({ lease: { expiringMs: 0 } })
    const socket = await enter(key('first', 60))
    const heard = listenTo(socket)
    time.advance(60_000)
    await expect.poll(() => heard).toEqual([closed('AUTH_EXPIRED')])
    const forever = await enter(key('forever', null))
    expect(time.pending()).toBe(0)
    const heardLater = listenTo(forever)
    time.advance(1_000_000)
    expect(await forever.emitWithAck('auth:whoami')).toMatchObject({ expiresAt: null })
    expect(heardLater).toEqual([])
  })
})

describe('the end of a lease', () => {
  it('R01: comes with its second, to a socket that does nothing, and no broadcast comes after it', async () => {
    const { key, enter, time, chat } = await leased()
    const socket = await enter(key('first', 60.5))
    const gone = next(socket, 'disconnect')
    const heard = listenTo(socket)
    time.advance(60_000)
    chat.emit('news', 1)
    time.advance(1_000)
    chat.emit('news', 2)
    await gone
    expect(heard.filter(([event]) => event !== 'auth:expiring')).toEqual([['news', 1], closed('AUTH_EXPIRED')])
  })

  it('R02: an event is refused from the very millisecond on, in flight or not', async () => {
    const [held, asked] = [gate(), gate()]
    const { key, enter, auth, io, handled, time } = await leased({ limits: { ruleTimeoutMs: 100_000 } })
    const slow = auth.protect(io.of('/slow'), {
      events: {
        slow: async () => {
          asked.open()
          await held.promise
          return permit()
        },
      },
    })
    slow.on('connection', (socket) => socket.onAny((event) => handled.push(event)))
    const socket = await enter(key('first', 60.5, { claims: { org: 'acme', scope: 'chat:write' } }))
    const inFlight = await enter('first', '/slow')
    const answer = inFlight.emitWithAck('slow')
    await asked.promise
    time.advance(60_499)
    socket.emit('say')
    await socket.emitWithAck('auth:whoami')
    time.advance(1)
    expect(await socket.emitWithAck('say')).toEqual(refused('AUTH_EXPIRED'))
    held.open()
    expect(await answer).toEqual(refused('AUTH_EXPIRED'))
    expect(handled).toEqual(['say'])
  })

  it('R25: what the application sends to a socket that was closed, or has left, is not written', async () => {
    const { key, enter, time, io, chat, protect } = await leased()
    protect('/other')
    const acks: (() => void)[] = []
    chat.on('connection', (socket) => {
      socket.on('hold', (ack) => acks.push(ack))
      socket.on('disconnecting', () => socket.emit('secret', 'disconnecting'))
      socket.on('disconnect', () => socket.emit('secret', 'disconnect'))
    })
    const socket = await enter(key('first', 60))
    const serverSocket = chat.sockets.get(socket.id as string) as unknown as Socket
    const other = socket.io.socket('/other', { auth: { token: key('longer', 600) } })
    expect(await outcome(other)).toBeNull()
    const wire: string[] = []
    socket.io.engine.on('data', (data) => wire.push(String(data)))
    socket.emit('hold', () => {})
    await expect.poll(() => acks.length).toBe(1)
    const gone = next(socket, 'disconnect')
    time.advance(61_000)
    await gone
    serverSocket.emit('secret')
    serverSocket.volatile.emit('secret', Buffer.from('x'))
    acks[0]?.()
    await serverSocket.join('open:1')
    io.of('/chat').to(['open:1', serverSocket.id]).emit('secret')
    await other.emitWithAck('auth:whoami')
    expect(wire.filter((text) => text.includes('/chat'))).toEqual([
      expect.stringContaining('auth:expiring'),
      expect.stringContaining('auth:closed'),
      '1/chat,',
    ])
    expect(chat.adapter.rooms.size).toBe(0)
    // Whoever leaves by itself hears no more either: nothing would tell it of the end of its lease.
    const again = await enter(key('again', 600))
    const second = again.io.socket('/other', { auth: { token: 'longer' } })
    expect(await outcome(second)).toBeNull()
    const stale = chat.sockets.get(again.id as string) as unknown as Socket
    const later: string[] = []
    again.io.engine.on('data', (data) => later.push(String(data)))
    const left = next(stale, 'disconnect')
    again.disconnect()
    await left
    stale.emit('secret')
    await second.emitWithAck('auth:whoami')
    // What was said while it went came in time.
    expect(later.filter((text) => text.includes('/chat'))).toEqual(['2/chat,["secret","disconnecting"]'])
  })

  it.each(['disconnecting', 'disconnect'] as const)(
    'a listener for %s that throws stops neither its own disconnection nor that of others',
    async (event) => {
      const { key, enter, time, chat, auth } = await leased()
      const thrown: unknown[] = []
      const others = process.listeners('uncaughtException')
      process.removeAllListeners('uncaughtException')
      process.on('uncaughtException', (error) => thrown.push(error.message))
      try {
        chat.on('connection', (socket) =>
          socket.on(event, () => {
            throw new Error('listener')
          }),
        )
        key('first', 60)
        const clients = await Promise.all([1, 2, 3].map(() => enter('first')))
        for (const client of clients) await client.emitWithAck('auth:join', 'open:1')
        const gone = clients.map((client) => next(client, 'disconnect'))
        time.advance(61_000)
        await Promise.all(gone)
        await expect.poll(() => thrown).toEqual(['listener', 'listener', 'listener'])
        expect([chat.sockets.size, chat.adapter.sids.size]).toEqual([0, 0])
        expect(auth.sockets({ issuer: 'https://issuer.example', subject: 'alice' })).toEqual([])
      } finally {
        process.removeAllListeners('uncaughtException')
        for (const other of others) process.on('uncaughtException', other)
      }
    },
  )

  it('R03: an end that is no number is no end: AUTH_ERROR, for a credential and for a rule', async () => {
    const { key, client, enter } = await leased({}, { open: () => permit({ expiresAt: Number.POSITIVE_INFINITY }) })
    for (const seconds of [Number.POSITIVE_INFINITY, Number.NaN]) {
      key('endless', seconds)
      expect((await outcome(client('/chat', { auth: { token: 'endless' } })))?.code).toBe('AUTH_ERROR')
    }
    const socket = await enter(key('first', 10 * 365 * 86_400))
    expect(await socket.emitWithAck('auth:join', 'open:1')).toEqual(refused('AUTH_ERROR'))
    expect(await refresh(socket, { token: 'endless' })).toEqual(refused('AUTH_ERROR'))
  })

  it('close() leaves no timer, whatever was on it', async () => {
    const { key, enter, time, auth } = await leased({}, { open: () => permit({ expiresAt: 1_800_000_500 }) })
    for (const seconds of [5, 60, 5_000, null]) {
      const socket = await enter(key('any', seconds))
      await socket.emitWithAck('auth:join', ['open:1', 'open:2'])
    }
    expect(time.pending()).toBe(1)
    await auth.close()
    await expect.poll(() => time.pending()).toBe(0)
  })
})

describe('R04, F18: a wall clock that is set', () => {
  async function timed(expiresInSeconds: number, graceMs = 0) {
    const clock = fakeClock()
    const harness = await start({ clock, lease: { graceMs } })
    const chat = harness.auth.protect(harness.io.of('/chat'), { events: {} })
    harness.records.set('first', { subject: 'alice', expiresAt: clock.now() / 1000 + expiresInSeconds })
    const socket = harness.client('/chat', { auth: { token: 'first' } })
    expect(await outcome(socket)).toBeNull()
    return { ...harness, clock, chat, socket }
  }

  it('forward by an hour, or a machine that slept: what has ended is closed within a second', async () => {
    const { clock, socket, client } = await timed(1_800)
    const heard = listenTo(socket)
    clock.set(clock.now() + 3_600_000)
    expect(await socket.emitWithAck('auth:whoami')).toEqual(refused('AUTH_EXPIRED'))
    expect((await outcome(client('/chat', { auth: { token: 'first' } })))?.code).toBe('AUTH_EXPIRED')
    await clock.advance(1_000)
    // It is too late for `auth:expiring`.
    await expect.poll(() => heard).toEqual([closed('AUTH_EXPIRED')])
  })

  it('forward by an hour: what has not ended stays', async () => {
    const { clock, socket } = await timed(7_200)
    clock.set(clock.now() + 3_600_000)
    await clock.advance(5_000)
    expect(await socket.emitWithAck('auth:whoami')).toMatchObject({ subject: 'alice' })
  })

  it('back by an hour: nothing ends early, and everything ends by the clock as it is then', async () => {
    const { clock, socket } = await timed(60)
    await clock.advance(30_000)
    clock.set(clock.now() - 3_600_000)
    await clock.advance(3_629_000)
    expect(await socket.emitWithAck('auth:whoami')).toMatchObject({ subject: 'alice' })
    const gone = next(socket, 'auth:closed')
    await clock.advance(1_000)
    await gone
  })

  it('back by an hour after the end: a socket within its grace stays hidden, and answers AUTH_EXPIRED', async () => {
    const { clock, socket, chat } = await timed(60, 20_000)
    await clock.advance(61_000)
    clock.set(clock.now() - 3_600_000)
    const heard = listenTo(socket)
    chat.emit('news')
    expect(await socket.emitWithAck('auth:whoami')).toEqual(refused('AUTH_EXPIRED'))
    expect(heard).toEqual([])
  })

  it('back by an hour without a monotonic clock: refreshes stay limited', async () => {
    const { clock } = fakeTime()
    let backMs = 0
    const settable = { now: () => clock.now() - backMs, setTimer: clock.setTimer }
    const { key, enter } = await leased({ clock: settable })
    const socket = await enter(key('first', null, { issuedAt: 0 }))
    await refresh(socket, { token: 'first' })
    backMs = 3_600_000
    for (let i = 0; i < 2; i += 1) expect(await refresh(socket, { token: 'first' })).toMatchObject({ joined: [] })
    expect(await refresh(socket, { token: 'first' })).toEqual(refused('AUTH_RATE_LIMITED'))
  })
})

describe('lease options', () => {
  const options = (lease: never) => ({ origins: [ORIGIN], strategies: [keys(new Map())], lease })
  it.each([
    [{ graceMs: -1 }, /"lease.graceMs" must be a number of milliseconds from 0 to 86400000/],
    [{ graceMs: Number.NaN }, /"lease.graceMs"/],
    [{ expiringMs: '30s' }, /"lease.expiringMs"/],
    [{ expiringMs: Number.POSITIVE_INFINITY }, /"lease.expiringMs"/],
    [{ expiringMs: 86_400_001 }, /"lease.expiringMs"/],
    [{ revalidateGraceMs: null }, /"lease.revalidateGraceMs"/],
    [{ gracems: 1 }, /"lease.gracems" is not an option/],
    [null, /"lease" must be an object/],
    [[], /"lease" must be an object/],
    [30_000, /"lease" must be an object/],
  ])('%j is a TypeError that quotes it', (lease, message) => {
    expect(() => createAuth(options(lease as never))).toThrow(TypeError)
    expect(() => createAuth(options(lease as never))).toThrow(message)
  })
})
