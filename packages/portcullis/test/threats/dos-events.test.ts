/** Events and joins without end, by somebody who was admitted. */

import { permit } from 'portcullis'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { next, outcome, start } from '../harness.ts'
import { admitted, besieged, crowd } from './dos-fixtures.ts'

const UNLIMITED = { eventsPerSecond: Number.POSITIVE_INFINITY }

/** A packet as it comes off the wire, without the wire. */
function feed(socket: object, ...data: unknown[]): void {
  ;(socket as { _onpacket(packet: object): void })._onpacket({ type: 2, nsp: '/chat', data })
}

describe('D08: a flood of events', () => {
  it('is refused beyond eventsPerSecond, and ends the socket when it goes on; another one is served as before', async () => {
    const server = await besieged({ limits: { eventsPerSecond: 100 } })
    const { socket, other } = await admitted(server)
    const { socket: neighbour } = await admitted(server)
    const denied: string[] = []
    socket.on('auth:denied', ({ code, event }) => denied.push(`${code} ${event}`))
    const closed = next(socket, 'auth:closed')
    const gone = next(socket, 'disconnect')
    for (let i = 0; i < 250 && other.connected; i += 1) feed(other, 'say', i)
    expect([server.heard.length, other.connected]).toEqual([200, false])
    expect(await closed).toMatchObject([{ code: 'AUTH_RATE_LIMITED', retry: 'backoff' }])
    expect((await gone)[0]).toBe('io server disconnect')
    expect([denied.length, new Set(denied)]).toEqual([100, new Set(['AUTH_RATE_LIMITED say'])])
    expect(await neighbour.timeout(5_000).emitWithAck('say', 'hello')).toBeUndefined()
    expect(server.audit.at(-2)).toMatchObject({ stage: 'expire', code: 'AUTH_RATE_LIMITED', rule: 'limits' })
  })

  it('that pauses may go on: so many come back each second', async () => {
    const server = await besieged({ limits: { eventsPerSecond: 100 } })
    const { other } = await admitted(server)
    const heardOf = (count: number) => {
      const before = server.heard.length
      for (let i = 0; i < count; i += 1) feed(other, 'say')
      return server.heard.length - before
    }
    expect(heardOf(150)).toBe(100)
    server.time.advance(500)
    expect(heardOf(60)).toBe(50)
    server.time.advance(10_000)
    expect(heardOf(120)).toBe(100)
    expect(other.connected).toBe(true)
  })

  it('from a socket that has not said who it is ends after 64, beside a namespace that has admitted the connection', async () => {
    const server = await besieged({ deferMs: 60_000 })
    server.auth.protect(server.io.of('/later'), { events: {} })
    const { socket } = await admitted(server)
    const waiting = socket.io.socket('/later')
    expect(await outcome(waiting)).toBeNull()
    const denied: string[] = []
    waiting.on('auth:denied', ({ code }) => denied.push(code))
    const closed = next(waiting, 'auth:closed')
    for (let i = 0; i < 200; i += 1) waiting.emit('say')
    expect(await closed).toMatchObject([{ code: 'AUTH_RATE_LIMITED' }])
    expect(denied).toEqual(Array(64).fill('AUTH_CREDENTIAL_MISSING'))
    expect(server.heard).toEqual([])
  })

  it('may be a thousand in a second by default', async () => {
    const server = await besieged()
    const { other } = await admitted(server)
    for (let i = 0; i < 2_001 && other.connected; i += 1) feed(other, 'say')
    expect([server.heard.length, other.connected]).toEqual([1_000, false])
  })
})

describe('D09: a flood of refused events', () => {
  it('is written down ten times a second, after a thousand at once, and the others are counted', async () => {
    const server = await besieged({ limits: UNLIMITED })
    const { socket, other } = await admitted(server)
    const denials = () => server.audit.filter(({ stage, code }) => stage === 'event' && code === 'AUTH_FORBIDDEN')
    for (let i = 0; i < 3_000; i += 1) feed(other, 'nobody')
    expect(denials()).toHaveLength(1_000)
    server.time.advance(1_000)
    for (let i = 0; i < 100; i += 1) feed(other, 'nobody')
    expect(denials()).toHaveLength(1_010)
    expect(denials().at(1_000)).toMatchObject({ suppressed: 2_000, socketId: socket.id })
    // What is permitted is written down all the time, and so is what becomes of everybody else.
    feed(other, 'say')
    expect(server.audit.at(-1)).toMatchObject({ effect: 'permit', event: 'say' })
    const { other: neighbour } = await admitted(server)
    feed(neighbour, 'nobody')
    expect(server.audit.at(-1)).toMatchObject({ code: 'AUTH_FORBIDDEN', socketId: neighbour.id })
    await server.auth.revoke({ issuer: 'https://issuer.example', subject: 'alice' })
    const ends = server.audit.filter(({ stage }) => stage === 'revoke')
    expect(ends.map(({ suppressed }) => suppressed)).toEqual([90, undefined])
  })

  it('costs less than 20 µs of processor time for each', { retry: 3 }, async () => {
    const { auth, io, client } = await start({ limits: UNLIMITED })
    const chat = auth.protect(io.of('/chat'), { events: {} })
    const connected = next(chat, 'connection')
    const socket = client('/chat', { auth: { token: 'alice-key' } })
    expect(await outcome(socket)).toBeNull()
    const [other] = (await connected) as [object]
    const rounds: number[] = []
    for (let round = 0; round < 8; round += 1) {
      const before = process.cpuUsage()
      for (let i = 0; i < 500; i += 1) feed(other, 'nobody')
      const { user, system } = process.cpuUsage(before)
      rounds.push((user + system) / 500)
      await new Promise(setImmediate)
    }
    expect(Math.min(...rounds)).toBeLessThan(20 * Math.min(2, crowd()))
  })
})

describe('D10: an event of 900 KB', () => {
  const large = 'x'.repeat(900_000)

  it('is measured by the schema of its arguments before rule and listener, as text and as bytes', async () => {
    const asked: unknown[] = []
    const { auth, io, client } = await start()
    const rule = () => {
      asked.push('rule')
      return permit()
    }
    const chat = auth.protect(io.of('/chat'), {
      events: {
        text: { args: z.tuple([z.string().max(65_536)]), rule },
        bytes: { args: z.tuple([z.instanceof(Uint8Array).refine(({ byteLength }) => byteLength <= 65_536)]), rule },
      },
    })
    chat.on('connection', (socket) => socket.onAny((event) => asked.push(event)))
    const socket = client('/chat', { auth: { token: 'alice-key' } })
    expect(await outcome(socket)).toBeNull()
    for (const [event, argument] of [
      ['text', large],
      ['bytes', Buffer.alloc(900_000)],
    ]) {
      const answer = await socket.timeout(5_000).emitWithAck(event as string, argument)
      expect(answer).toMatchObject({ error: { code: 'AUTH_ARGUMENTS_INVALID' } })
    }
    expect(await socket.timeout(5_000).emitWithAck('nobody', large)).toMatchObject({
      error: { code: 'AUTH_FORBIDDEN' },
    })
    expect(asked).toEqual([])
  })

  it('and of more than maxHttpBufferSize ends its connection before it is parsed', async () => {
    const { heard, ...server } = await besieged()
    const { socket } = await admitted({ ...server })
    const gone = next(socket, 'disconnect')
    socket.emit('say', 'x'.repeat(1_100_000))
    await gone
    expect(heard).toEqual([])
  })
})

describe('D11: joining without end', () => {
  it('asks no rule more than ten times a second, after 128 at once, and leaves what is held', async () => {
    const asked: string[] = []
    const server = await besieged()
    server.auth.protect(server.io.of('/rooms'), {
      events: {},
      rooms: {
        'open:{id}': ({ room }) => {
          asked.push(room)
          return permit()
        },
      },
    })
    const socket = server.client('/rooms', { auth: { token: 'alice-key' } })
    expect(await outcome(socket)).toBeNull()
    const churn = async (times: number) => {
      for (let i = 0; i < times; i += 1) {
        void socket.emitWithAck('auth:join', 'open:churn')
        await socket.emitWithAck('auth:leave', 'open:churn')
      }
    }
    await socket.emitWithAck('auth:join', 'open:kept')
    await churn(200)
    expect(asked).toHaveLength(128)
    expect(await socket.emitWithAck('auth:join', 'open:more')).toMatchObject({ error: { code: 'AUTH_RATE_LIMITED' } })
    server.time.advance(1_000)
    await churn(20)
    expect(asked).toHaveLength(138)
    expect(await socket.emitWithAck('auth:whoami')).toMatchObject({ rooms: ['open:kept'] })
  })

  it('nor for 50,000 rooms in one request, which are refused together', async () => {
    const server = await besieged()
    const { socket } = await admitted(server)
    const rooms = Array.from({ length: 50_000 }, (_, i) => `open:${i}`)
    const answer = await socket.timeout(5_000).emitWithAck('auth:join', rooms)
    expect(answer).toMatchObject({ error: { code: 'AUTH_RATE_LIMITED' } })
    expect(await socket.emitWithAck('auth:whoami')).toMatchObject({ rooms: [] })
  })
})
