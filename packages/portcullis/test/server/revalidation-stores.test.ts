import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { RedisStore } from 'connect-redis'
import express from 'express'
import expressSession from 'express-session'
import { createAuth, permitIf } from 'portcullis'
import { session } from 'portcullis/strategies/session'
import { Server } from 'socket.io'
import { io as connectClient } from 'socket.io-client'
import { describe, expect, it } from 'vitest'
import { ownRedis } from '../faults/owned-redis.ts'
import { recommended } from '../faults/redis-clients.ts'
import { next, ORIGIN, onCleanup, outcome } from '../harness.ts'
import { closing } from './revalidation-fixtures.ts'

const SECRET = 'a secret for these tests, of more than 32 bytes'

declare module 'express-session' {
  interface SessionData {
    employee?: { id: string; role: string }
  }
}

/** A web application of express-session and connect-redis over a Redis of its own, and `/chat` beside it. */
async function site(options: { revalidateGraceMs?: number } = {}) {
  const redis = await ownRedis()
  const client = await recommended.nodeRedis(redis.port)
  const store = new RedisStore({ client: client as never, prefix: 'sess:' })
  const get = store.get.bind(store)
  let reads = 0
  store.get = (...args: Parameters<typeof get>) => {
    reads += 1
    return get(...args)
  }
  const app = express()
  app.use(
    expressSession({ store, secret: SECRET, resave: false, saveUninitialized: false, cookie: { maxAge: 600_000 } }),
  )
  app.get('/login', (request, response) => {
    request.session.regenerate(() => {
      request.session.employee = { id: String(request.query.user), role: 'admin' }
      response.end()
    })
  })
  app.get('/demote', (request, response) => {
    if (request.session.employee) request.session.employee.role = 'user'
    response.end()
  })
  app.get('/leave', (request, response) => {
    request.session.employee = undefined as never
    response.end()
  })
  app.get('/become', (request, response) => {
    request.session.employee = { id: String(request.query.user), role: 'admin' }
    response.end()
  })
  app.get('/logout', (request, response) => request.session.destroy(() => response.end()))

  const http = createServer(app)
  const io = new Server(http)
  const errors: unknown[] = []
  const auth = createAuth({
    origins: [ORIGIN],
    lease: { revalidateGraceMs: options.revalidateGraceMs ?? 60_000 },
    strategies: [
      session({
        store,
        secret: SECRET,
        revalidateEveryMs: 1_000,
        identify: ({ employee }: { employee?: { id: string; role: string } }) =>
          employee ? { subject: employee.id, claims: { role: employee.role } } : null,
      }),
    ],
    onError: (error) => errors.push(error),
  })
  const chat = auth.protect(io.of('/chat'), {
    events: { ban: ({ identity }) => permitIf(identity.claims.role === 'admin') },
    rooms: { 'role:{role}': ({ identity, params }) => permitIf(identity.claims.role === params.role) },
  })
  chat.on('connection', (socket) => socket.on('ban', (ack) => ack('banned')))
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`
  onCleanup(async () => {
    await auth.close()
    await io.close()
  })

  /** The Cookie header that a browser would send after this visit. */
  async function visit(path: string, cookie = ''): Promise<string> {
    const response = await fetch(url + path, { headers: { cookie } })
    await response.text()
    return response.headers.get('set-cookie')?.split(';')[0] ?? cookie
  }
  async function enter(user: string) {
    const cookie = await visit(`/login?user=${user}`)
    const socket = connectClient(`${url}/chat`, {
      forceNew: true,
      reconnection: false,
      transports: ['websocket'],
      extraHeaders: { cookie, origin: ORIGIN },
    })
    onCleanup(() => {
      socket.disconnect()
    })
    expect(await outcome(socket)).toBeNull()
    return { socket, cookie, end: closing(socket) }
  }
  return { redis, client, chat, visit, enter, errors, reads: () => reads }
}

/** The code with which it is closed, and after how long. */
async function timed(closed: Promise<string>): Promise<readonly [string, number]> {
  const begun = performance.now()
  return [await closed, performance.now() - begun]
}

describe('sessions of express-session in Redis, looked at every second', () => {
  it('S16: a logout closes the sockets of that session within the interval', async () => {
    const { enter, visit, chat } = await site()
    const [alice, bob] = [await enter('alice'), await enter('bob')]
    await visit('/logout', alice.cookie)
    const [code, ms] = await timed(alice.end.closed)
    expect(code).toBe('AUTH_REVOKED')
    // A second, and what a busy machine adds.
    expect(ms).toBeLessThan(2_000)
    expect([...chat.sockets.keys()]).toEqual([bob.socket.id])
  })

  it('S16, S14: so do a logout that keeps the session, and another user in it', async () => {
    const { enter, visit } = await site()
    const [left, changed] = [await enter('alice'), await enter('bob')]
    await visit('/leave', left.cookie)
    await visit('/become?user=mallory', changed.cookie)
    expect(await left.end.closed).toBe('AUTH_REVOKED')
    expect(await changed.end.closed).toBe('AUTH_SUBJECT_CHANGED')
  })

  it('S15: a new session id at login ends the sockets of the old one', async () => {
    const { enter, visit } = await site()
    const { cookie, end } = await enter('alice')
    await visit('/login?user=alice', cookie)
    expect(await end.closed).toBe('AUTH_REVOKED')
  })

  it('S17: a role that was taken away is gone from claims, events and rooms, and the socket stays', async () => {
    const { enter, visit, chat } = await site()
    const { socket, cookie, end } = await enter('alice')
    await socket.emitWithAck('auth:join', ['role:admin'])
    expect(await socket.emitWithAck('ban')).toBe('banned')
    const left = next(socket, 'auth:left')
    await visit('/demote', cookie)
    expect((await left)[0]).toMatchObject({ room: 'role:admin', code: 'AUTH_FORBIDDEN' })
    expect(await socket.emitWithAck('ban')).toMatchObject({ error: { code: 'AUTH_FORBIDDEN' } })
    expect(chat.sockets.get(socket.id as string)?.data.identity.claims).toEqual({ role: 'user' })
    expect(end.code).toBeNull()
  })

  it('S18: looking again extends no session', async () => {
    const { enter, client, reads } = await site()
    await enter('alice')
    const [key = ''] = await client.keys('sess:*')
    await client.expire(key, 100)
    const before = reads()
    await expect.poll(reads, { timeout: 5_000 }).toBeGreaterThan(before + 1)
    expect(await client.ttl(key)).toBeLessThanOrEqual(99)
  })

  it('X07: FLUSHALL closes everybody with AUTH_REVOKED', async () => {
    const { enter, client } = await site()
    const everybody = [await enter('alice'), await enter('bob'), await enter('carol')]
    await client.flushAll()
    const codes = await Promise.all(everybody.map(({ end }) => end.closed))
    expect(codes).toEqual(['AUTH_REVOKED', 'AUTH_REVOKED', 'AUTH_REVOKED'])
  })

  it('X12, X13: without Redis they stay and work under their lease, and are closed with AUTH_UNAVAILABLE after the grace', async () => {
    const { enter, redis, errors } = await site({ revalidateGraceMs: 3_000 })
    const { socket, end } = await enter('alice')
    await redis.kill()
    const ended = timed(end.closed)
    await expect.poll(() => errors.length, { timeout: 5_000 }).toBeGreaterThan(0)
    expect(await socket.emitWithAck('ban')).toBe('banned')
    const [code, ms] = await ended
    expect(code).toBe('AUTH_UNAVAILABLE')
    // Last right up to a second before it was killed.
    expect(ms).toBeGreaterThan(1_500)
    expect(ms).toBeLessThan(5_500)
  })

  it('X13: a Redis that is back within the grace loses nobody, and a logout is noticed again', async () => {
    const { enter, redis, errors, visit } = await site({ revalidateGraceMs: 12_000 })
    const { cookie, end, socket } = await enter('alice')
    await redis.kill()
    await expect.poll(() => errors.length, { timeout: 5_000 }).toBeGreaterThan(0)
    await redis.restart()
    const seen = errors.length
    await visit('/visit', cookie)
    expect([end.code, socket.connected]).toEqual([null, true])
    await expect
      .poll(() => visit('/logout', cookie).then(() => end.code), { timeout: 11_000, interval: 500 })
      .toBe('AUTH_REVOKED')
    expect(errors.length).toBeLessThanOrEqual(seen + 1)
  })
})
