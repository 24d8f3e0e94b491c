import { randomUUID } from 'node:crypto'
import { RedisStore } from 'connect-redis'
import { sign } from 'cookie-signature'
import { Redis } from 'ioredis'
import { type Clock, permitIf, type Strategy } from 'portcullis'
import { accessToken } from 'portcullis/strategies/access-token'
import { type PhpRecord, phpSession, phpUserId } from 'portcullis/strategies/php-session'
import { session } from 'portcullis/strategies/session'
import { createClient } from 'redis'
import { Manager } from 'socket.io-client'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { fakeTime, next, ORIGIN, onCleanup, outcome, start } from '../harness.ts'
import { newToken, useDatabase } from '../strategies/access-token-fixtures.ts'
import { type PhpSite, redisUrl, startPhp, useRedis } from '../strategies/php-session-fixtures.ts'
import { closing } from './revalidation-fixtures.ts'
import { roundTripProxy } from './round-trip-proxy.ts'

const SECRET = 'a secret for these tests, of more than 32 bytes'
const { prefix, node } = useRedis()
const { counting, insert, pool } = useDatabase()

/** Ten namespaces of one server; everybody falls due half an interval after connecting. */
async function server(make: (clock: Clock) => Strategy) {
  const random = vi.spyOn(Math, 'random').mockReturnValue(0.5)
  onTestFinished(() => random.mockRestore())
  const time = fakeTime()
  const harness = await start({ clock: time.clock, strategies: [make(time.clock) as never] })
  const names = Array.from({ length: 10 }, (_, n) => `/n${n}`)
  for (const name of names) harness.auth.protect(harness.io.of(name), { events: {} })
  return {
    ...harness,
    time,
    connected: () => names.reduce((sum, name) => sum + harness.io.of(name).sockets.size, 0),
    /** A socket in each namespace, over one connection with these headers. */
    async enter(extraHeaders: Record<string, string>) {
      const manager = new Manager(harness.url, { transports: ['websocket'], reconnection: false, extraHeaders })
      onCleanup(() => manager._close())
      const outcomes = await Promise.all(names.map((name) => outcome(manager.socket(name))))
      expect(new Set(outcomes)).toEqual(new Set([null]))
    },
  }
}
const ids = () => Array.from({ length: 100 }, () => randomUUID().replaceAll('-', ''))

describe('1,000 sockets of 100 sessions that fall due together', () => {
  it('in connect-redis: 100 GETs, all under way before the first is answered', async () => {
    const proxy = await roundTripProxy(redisUrl())
    const client = createClient({ url: `redis://127.0.0.1:${proxy.port}` })
    await client.connect()
    onCleanup(() => client.destroy())
    const store = new RedisStore({ client: client as never, prefix })
    const identify = ({ id }: { id?: number }) => ({ subject: String(id) })
    const { enter, time, connected } = await server((clock) => session({ store, secret: SECRET, identify, clock }))
    const sids = ids()
    for (const [i, sid] of sids.entries()) {
      await node.set(prefix + sid, JSON.stringify({ cookie: {}, id: i }))
      const cookie = `connect.sid=${encodeURIComponent(`s:${sign(sid, SECRET)}`)}`
      await enter({ cookie, origin: ORIGIN })
    }
    expect(connected()).toBe(1_000)
    await node.del(sids.slice(0, 50).map((sid) => prefix + sid))
    proxy.expect('GET', 100)
    time.advance(15_000)
    await expect.poll(connected, { timeout: 5_000 }).toBe(500)
    expect(proxy.seen()).toBe(100)
  })

  it.each(['node-redis', 'ioredis'] as const)(
    'of PHP, by %s: 100 GETRANGEs, all under way before the first is answered',
    async (kind) => {
      const proxy = await roundTripProxy(redisUrl())
      const url = `redis://127.0.0.1:${proxy.port}`
      const nodeRedis = createClient({ url })
      const ioRedis = new Redis(url, { lazyConnect: true })
      await (kind === 'ioredis' ? ioRedis.connect() : nodeRedis.connect())
      onCleanup(() => (kind === 'ioredis' ? ioRedis.disconnect() : nodeRedis.destroy()))
      const redis = kind === 'ioredis' ? ioRedis : nodeRedis
      const identify = ({ user_id }: PhpRecord) => ({ subject: phpUserId(user_id) ?? 'nobody' })
      const { enter, time, connected } = await server((clock) => phpSession({ redis, prefix, identify, clock }))
      const sids = ids()
      for (const [i, sid] of sids.entries()) {
        await node.set(prefix + sid, `user_id|i:${i + 1};`)
        await enter({ cookie: `PHPSESSID=${sid}`, origin: ORIGIN })
      }
      for (const sid of sids.slice(0, 50)) await node.set(prefix + sid, 'user_id|i:777;')
      proxy.expect('GETRANGE', 100)
      time.advance(15_000)
      // Other users: closed with AUTH_SUBJECT_CHANGED.
      await expect.poll(connected, { timeout: 5_000 }).toBe(500)
      expect(proxy.seen()).toBe(100)
    },
  )

  it('of tokens in PostgreSQL: one query', async () => {
    const { enter, time, connected } = await server((clock) => accessToken({ pool: counting, clock }))
    const tokens = Array.from({ length: 100 }, newToken)
    for (const [i, token] of tokens.entries()) {
      await insert(token, `u${i}`, "now() + interval '1 hour'")
      await enter({ authorization: `Bearer ${token}` })
    }
    await pool.query('delete from oauth_access_tokens where access_token = any($1)', [tokens.slice(0, 50)])
    counting.sent.length = 0
    time.advance(15_000)
    await expect.poll(connected, { timeout: 5_000 }).toBe(500)
    expect(counting.sent.map(({ values: [keys] }) => keys.length)).toEqual([100])
  })
})

describe('looked at every second', () => {
  let php: PhpSite | undefined
  beforeAll(async () => {
    const { hostname, port } = new URL(redisUrl())
    php = await startPhp({
      'session.save_handler': 'redis',
      'session.save_path': `"tcp://${hostname}:${port || 6379}?prefix=${prefix}"`,
    })
  })
  afterAll(() => php?.stop())

  it('P11: session_destroy() and session_regenerate_id(true) of a real PHP close the sockets', async () => {
    const strategy = phpSession({
      redis: node,
      prefix,
      revalidateEveryMs: 1_000,
      identify: ({ user_id }) => ({ subject: phpUserId(user_id) ?? 'nobody' }),
    })
    const { auth, io, client } = await start({ strategies: [strategy as never] })
    auth.protect(io.of('/chat'), { events: {} })
    const login = async (user: number, cookie = '') => (await php?.get(`/login?user=${user}`, cookie))?.cookie ?? ''
    const enter = async (cookie: string) => {
      const socket = client('/chat', { extraHeaders: { cookie, origin: ORIGIN } })
      expect(await outcome(socket)).toBeNull()
      return closing(socket)
    }
    const [left, renewed, stays] = [await login(1), await login(2), await login(3)]
    const ends = [await enter(left), await enter(renewed), await enter(stays)]
    await php?.get('/logout', left)
    await login(2, renewed)
    await php?.get('/visit', stays)
    expect(await Promise.all([ends[0]?.closed, ends[1]?.closed])).toEqual(['AUTH_REVOKED', 'AUTH_REVOKED'])
    expect(ends[2]?.code).toBeNull()
  })

  it('S17: a token in PostgreSQL that loses a scope loses the event, and one that is deleted its sockets', async () => {
    const strategy = accessToken({
      pool: counting,
      columns: ['scope'],
      revalidateEveryMs: 1_000,
      identify: ({ user_id, scope }) => ({ subject: String(user_id), claims: { org: 'acme', scope: String(scope) } }),
    })
    const { auth, io, client } = await start({ strategies: [strategy as never] })
    const chat = auth.protect(io.of('/chat'), {
      events: {},
      rooms: { 'write:{any}': ({ identity }) => permitIf(identity.claims.scope === 'chat:write') },
    })
    const token = newToken()
    await insert(token, 'u1', "now() + interval '1 hour'", 'chat:write')
    const socket = client('/chat', { auth: { token } })
    expect(await outcome(socket)).toBeNull()
    const { closed } = closing(socket)
    await socket.emitWithAck('auth:join', ['write:a'])
    const left = next(socket, 'auth:left')
    await pool.query("update oauth_access_tokens set scope = 'chat:read' where access_token = $1", [token])
    expect((await left)[0]).toMatchObject({ room: 'write:a', code: 'AUTH_FORBIDDEN' })
    expect(chat.sockets.get(socket.id as string)?.data.identity.claims.scope).toBe('chat:read')
    await pool.query('delete from oauth_access_tokens where access_token = $1', [token])
    expect(await closed).toBe('AUTH_REVOKED')
  })
})
