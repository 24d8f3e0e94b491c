import { withAuth } from 'portcullis/client'
import { fakeClock } from 'portcullis/testing'
import { io as connectTo, type Socket } from 'socket.io-client'
import { describe, expect, it } from 'vitest'
import { fakeTime, next, onCleanup, outcome, start } from '../harness.ts'
import { balanced, node } from './drain-fixtures.ts'
import { listenTo } from './lease-fixtures.ts'

const HANDSHAKE = '/socket.io/?EIO=4&transport='

/** A client as an application writes one: it reconnects by itself. */
function plain(url: string, options: Parameters<typeof connectTo>[1] = {}): Socket {
  const socket = connectTo(`${url}/chat`, {
    forceNew: true,
    transports: ['websocket'],
    auth: { token: 'alice-key' },
    reconnectionDelay: 20,
    reconnectionDelayMax: 100,
    ...options,
  })
  onCleanup(() => {
    socket.disconnect()
  })
  return socket
}

async function entered(url: string, options: Parameters<typeof connectTo>[1] = {}): Promise<Socket> {
  const socket = plain(url, options)
  expect(await outcome(socket)).toBeNull()
  return socket
}

describe('auth.drain', () => {
  it('sends 200 clients to another node over its time, and none is lost', { timeout: 30_000 }, async () => {
    const [first, second] = [await node(), await node()]
    const url = await balanced([first, second])
    const clients = await Promise.all(Array.from({ length: 200 }, () => entered(url)))
    expect(first.auth.status()).toMatchObject({ state: 'fresh', sockets: 200 })
    const closedAtMs: number[] = []
    const reasons = new Set<unknown>()
    for (const client of clients) {
      client.once('disconnect', (reason) => {
        reasons.add(reason)
        closedAtMs.push(performance.now())
      })
    }
    const beganMs = performance.now()
    const drained = await first.auth.drain({ overMs: 500 })
    expect(drained).toMatchObject({ released: 200, departed: 0 })
    expect(drained.tookMs).toBeGreaterThan(450)
    await expect.poll(() => second.auth.status().sockets, { timeout: 20_000 }).toBe(200)
    expect(first.auth.status()).toMatchObject({ state: 'draining', sockets: 0 })
    expect(reasons).toEqual(new Set(['transport close']))
    // A machine that is busy is late, never early.
    expect(closedAtMs.filter((atMs) => atMs - beganMs < 250).length).toBeLessThan(120)
    expect(await clients[0]?.emitWithAck('echo', 'over there')).toBe('over there')
  })

  it('D17: tells each client when to come back, and withAuth comes back then', async () => {
    const [first, second] = [await node(), await node()]
    const url = await balanced([first, second])
    const socket = plain(url, { autoConnect: false, auth: {} })
    const clock = fakeClock()
    const auth = withAuth(socket, { credential: () => 'alice-key', clock, random: () => 0 })
    onCleanup(() => auth.stop())
    const heard = listenTo(socket)
    const entered = new Promise((resolve) => auth.on('connected', resolve))
    socket.connect()
    await entered
    // Long enough to count as a connection.
    await clock.advance(2_000)
    const [closed, again] = [
      new Promise((resolve) => auth.on('closed', resolve)),
      new Promise((resolve) => auth.on('connected', resolve)),
    ]
    await first.auth.drain({ overMs: 0 })
    const notice = { code: 'AUTH_UNAVAILABLE', message: expect.any(String), retry: 'backoff' }
    expect(await closed).toEqual({ ...notice, retryAfterMs: expect.any(Number), willRetry: true })
    const [, body] = heard.find(([event]) => event === 'auth:closed') as [string, { retryAfterMs: number }]
    expect(body.retryAfterMs).toBeGreaterThanOrEqual(250)
    expect(body.retryAfterMs).toBeLessThanOrEqual(1_000)
    await clock.advance(body.retryAfterMs - 1)
    expect(auth.state).toBe('waiting')
    await clock.advance(1)
    await again
    expect(second.auth.status().sockets).toBe(1)
  })

  it('takes no new connection, on any transport, and says when to come back', async () => {
    const { auth, get, upgrade, audit } = await node()
    await auth.drain({ overMs: 0 })
    for (const answer of [await get(`${HANDSHAKE}polling`), await upgrade(`${HANDSHAKE}websocket`)]) {
      expect(answer.status).toBe(503)
      const seconds = Number(answer.headers['retry-after'])
      expect(seconds).toBeGreaterThanOrEqual(1)
      expect(seconds).toBeLessThanOrEqual(5)
      if (answer.body !== '') {
        expect(JSON.parse(answer.body)).toMatchObject({ code: 'AUTH_UNAVAILABLE', retryAfterMs: seconds * 1000 })
      }
    }
    expect(audit.map(({ reason }) => reason)).toEqual(['draining', 'draining'])
  })

  it('serves those who are connected until their turn, on polling as well', async () => {
    const time = fakeTime()
    const { auth, url } = await node({ clock: time.clock })
    const [one, two] = [await entered(url), await entered(url, { transports: ['polling'], reconnection: false })]
    const drained = auth.drain({ overMs: 10_000, graceMs: 60_000 })
    time.advance(59_000)
    expect(await one.emitWithAck('echo', 1)).toBe(1)
    expect(await two.emitWithAck('echo', 2)).toBe(2)
    expect(auth.status()).toMatchObject({ state: 'draining', sockets: 2, sinceSeconds: 59 })
    const gone = Promise.all([next(one, 'disconnect'), next(two, 'disconnect')])
    time.advance(6_001)
    expect((await gone).map(([reason]) => reason)).toEqual(['transport close', 'transport close'])
    expect(await drained).toMatchObject({ released: 2, cut: 0 })
  })

  it('lets go evenly, by the clock', async () => {
    const time = fakeTime()
    const { auth, url, io } = await node({ clock: time.clock })
    const clients = await Promise.all(Array.from({ length: 40 }, () => entered(url, { reconnection: false })))
    const left = () => clients.filter(({ connected }) => connected).length
    void auth.drain({ overMs: 40_000 })
    for (const seconds of [10, 20, 30]) {
      time.advance(10_000)
      await expect.poll(left).toBeLessThanOrEqual(40 - seconds + 1)
      expect(left()).toBeGreaterThanOrEqual(40 - seconds - 1)
    }
    time.advance(10_000)
    await expect.poll(left).toBe(0)
    expect(io.engine.clientsCount).toBe(0)
  })

  it('cuts a polling client that polls no more: nothing of it is left', async () => {
    const time = fakeTime()
    const { auth, io, get } = await node({ clock: time.clock })
    expect((await get(`${HANDSHAKE}polling`)).status).toBe(200)
    await expect.poll(() => io.engine.clientsCount).toBe(1)
    const drained = auth.drain({ overMs: 0 })
    time.advance(1)
    time.advance(2_000)
    expect(await drained).toMatchObject({ released: 1, cut: 1 })
    expect(io.engine.clientsCount).toBe(0)
  })

  it('called twice is one drain', async () => {
    const { auth, url } = await node()
    await entered(url, { reconnection: false })
    const [one, two] = await Promise.all([auth.drain({ overMs: 50 }), auth.drain({ overMs: 3_600_000 })])
    expect(one).toBe(two)
    expect(await auth.drain()).toBe(one)
  })

  it('is ended at once by close(), and clients still come back by themselves', async () => {
    const { auth, url } = await node()
    const client = await entered(url, { reconnection: false })
    const drained = auth.drain({ overMs: 3_600_000, graceMs: 3_600_000 })
    const [gone, closed] = [next(client, 'disconnect'), next(client, 'auth:closed')]
    await auth.close()
    expect(await drained).toMatchObject({ released: 1 })
    expect((await gone)[0]).toBe('transport close')
    expect((await closed)[0]).toMatchObject({ code: 'AUTH_UNAVAILABLE' })
    expect(auth.status().state).toBe('closed')
  })

  it('lets go of a connection whose handshake began before it', async () => {
    const { auth, records, client } = await node()
    let opened = () => {}
    const asked = new Promise<void>((resolve) => {
      opened = resolve
    })
    let answer = () => {}
    const wait = new Promise<void>((resolve) => {
      answer = resolve
    })
    records.set('slow', {
      subject: 'alice',
      get wait() {
        opened()
        return wait
      },
    })
    const socket = client('/chat', { extraHeaders: { Authorization: 'Bearer slow' } })
    const result = outcome(socket)
    await asked
    await auth.drain({ overMs: 0 })
    answer()
    expect(await result).not.toBeNull()
    expect(auth.status().sockets).toBe(0)
  })

  it('refuses options that are no durations, and a guard that was closed', async () => {
    const { auth } = await start()
    const wrong = [null, { overMs: -1 }, { overMs: Number.NaN }, { graceMs: 3_600_001 }, { over: 5 }]
    for (const options of wrong) await expect(auth.drain(options as never)).rejects.toThrow(TypeError)
    expect(auth.status().state).not.toBe('draining')
    await auth.close()
    await expect(auth.drain()).rejects.toThrow('drain: this guard was closed')
  })
})
