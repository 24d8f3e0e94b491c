import { performance } from 'node:perf_hooks'
import { type AuthOptions, permit, type Strategy } from 'portcullis'
import type { Socket as ClientSocket } from 'socket.io-client'
import { describe, expect, it } from 'vitest'
import { gate, keys, start, type User } from '../harness.ts'
import { leased, refresh, refused } from './lease-fixtures.ts'

/** A strategy that counts how often it is asked, and how often at the same time. */
function counting(held: Promise<void> = Promise.resolve()) {
  const asked = { total: 0, now: 0, most: 0 }
  const base = keys(new Map([['first', { subject: 'alice' }]]))
  const strategy: Strategy<User> = {
    ...base,
    async authenticate(...args) {
      asked.total += 1
      asked.now += 1
      asked.most = Math.max(asked.most, asked.now)
      if (asked.total > 2) await held
      asked.now -= 1
      return base.authenticate(...args)
    },
  }
  return { asked, options: { strategies: [strategy] } satisfies Partial<AuthOptions<Strategy<User>>> }
}

describe('R08: refreshes of one socket', () => {
  it('are one at a time; what comes meanwhile is answered AUTH_RATE_LIMITED', async () => {
    const held = gate()
    const { asked, options } = counting(held.promise)
    const { enter } = await leased(options)
    const socket = await enter('first')
    asked.total = 2
    const first = refresh(socket, { token: 'first' })
    for (let i = 0; i < 20; i += 1)
      expect(await refresh(socket, { token: 'first' })).toEqual(refused('AUTH_RATE_LIMITED'))
    held.open()
    expect(await first).toMatchObject({ joined: [], left: [] })
    expect(asked.most).toBe(1)
    expect(await refresh(socket, { token: 'first' })).toMatchObject({ joined: [] })
  })

  it('are three, and then one for each 5 s, good or bad; a thousand at once ask the strategy no more often', async () => {
    const { asked, options } = counting()
    const { enter, time, handled } = await leased(options)
    const socket = await enter('first')
    const before = asked.total
    const flood = async (token: string) => {
      const answers = await Promise.all(Array.from({ length: 1_000 }, () => refresh(socket, { token })))
      return answers.filter((answer) => (answer.error as { code?: string })?.code !== 'AUTH_RATE_LIMITED').length
    }
    for (let i = 0; i < 3; i += 1) expect(await refresh(socket, { token: 'first' })).toMatchObject({ joined: [] })
    expect(await flood('first')).toBe(0)
    time.advance(4_999)
    expect(await flood('first')).toBe(0)
    time.advance(1)
    expect(await flood('bad')).toBe(1)
    time.advance(5_000)
    expect(await flood('first')).toBe(1)
    time.advance(3_600_000)
    for (let i = 0; i < 3; i += 1) expect(await refresh(socket, { token: 'first' })).toMatchObject({ joined: [] })
    expect(await flood('first')).toBe(0)
    expect(asked.total - before).toBe(8)
    expect([socket.connected, handled]).toEqual([true, []])
  })

  it('at 1,000 a second leave the answers to another socket as quick as they were', async () => {
    const { io, auth, client } = await start()
    auth
      .protect(io.of('/chat'), { events: { ping: () => permit() } })
      .on('connection', (socket) => socket.on('ping', (reply) => reply()))
    const [flooding, other] = ['alice-key', 'bob-key'].map((token) => client('/chat', { auth: { token } })) as [
      ClientSocket,
      ClientSocket,
    ]
    await Promise.all([flooding, other].map((socket) => socket.emitWithAck('auth:whoami')))
    const quiet: number[] = []
    const flooded: number[] = []
    for (let round = 0; round < 6; round += 1) {
      quiet.push(await medianMs(other, () => {}))
      flooded.push(await medianMs(other, () => flooding.emit('auth:refresh', { token: 'alice-key' })))
    }
    expect(Math.min(...flooded)).toBeLessThan(Math.min(...quiet) * 4 + 1)
    await flooding.emitWithAck('auth:whoami')
  })
})

/** The median of 100 round trips, one for each millisecond, in each of which something else happens too. */
async function medianMs(socket: ClientSocket, meanwhile: () => void): Promise<number> {
  const times: number[] = []
  for (let i = 0; i < 100; i += 1) {
    meanwhile()
    const startedMs = performance.now()
    await socket.emitWithAck('ping')
    times.push(performance.now() - startedMs)
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
  return times.sort((a, b) => a - b)[50] as number
}
