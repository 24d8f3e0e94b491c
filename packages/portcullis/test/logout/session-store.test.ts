/** endSocketsWithSessions with the stores and the login of real applications. */

import { randomUUID } from 'node:crypto'
import { RedisStore } from 'connect-redis'
import expressSession, { type Store } from 'express-session'
import { endSocketsWithSessions } from 'portcullis/logout/session-store'
import { createClient } from 'redis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { sidOf, startSite } from './site.ts'

const redis = createClient({ url: process.env.REDIS_URL ?? 'redis://127.0.0.1:6379' })
const prefix = `logout-${randomUUID()}:`
beforeAll(async () => {
  await redis.connect()
})
afterAll(async () => {
  for await (const found of redis.scanIterator({ MATCH: `${prefix}*` })) if (found.length > 0) await redis.del(found)
  await redis.close()
})

const stores: readonly (readonly [string, () => Store])[] = [
  ['MemoryStore', () => new expressSession.MemoryStore()],
  ['connect-redis', () => new RedisStore({ client: redis, prefix })],
]

describe.each(stores)('with %s', (_name, makeStore) => {
  const site = () => startSite({ store: (auth) => endSocketsWithSessions(makeStore(), auth) })

  test('S16, R16: a logout by Passport ends the sockets of that session with AUTH_REVOKED, and no others', async () => {
    const { visit, connect, closed, refused } = await site()
    const [{ cookie: laptop }, { cookie: phone }] = [await visit('/login?user=42'), await visit('/login?user=42')]
    const [onLaptop, onPhone] = [await connect(laptop), await connect(phone)]
    const heard = closed(onLaptop)
    const answer = await visit('/logout', laptop)
    expect(answer.status).toBe(200)
    expect(await heard).toBe('AUTH_REVOKED')
    expect(await refused(laptop)).toBe('AUTH_CREDENTIAL_INVALID')
    expect((await onPhone.emitWithAck('auth:whoami')).subject).toBe('42')
  })

  test('S16: req.session.destroy ends them, and when it calls back, it has', async () => {
    const { visit, connect, closed, auth } = await site()
    const { cookie } = await visit('/login?user=42')
    const heard = closed(await connect(cookie))
    expect(auth.sockets({ session: sidOf(cookie) })).toHaveLength(1)
    await visit('/destroy', cookie)
    expect(auth.sockets({ session: sidOf(cookie) })).toHaveLength(0)
    expect(await heard).toBe('AUTH_REVOKED')
  })

  test('S16: a logout with keepSessionInfo ends them too', async () => {
    const { visit, connect, closed } = await site()
    const { cookie } = await visit('/login?user=42')
    const heard = closed(await connect(cookie))
    await visit('/logout-keeping', cookie)
    expect(await heard).toBe('AUTH_REVOKED')
  })

  test('S15: who logs in as somebody else ends the sockets of the session before; the new one opens some', async () => {
    const { visit, connect, closed } = await site()
    const { cookie: before } = await visit('/login?user=42')
    const heard = closed(await connect(before))
    const { cookie: after } = await visit('/login?user=43', before)
    expect(sidOf(after)).not.toBe(sidOf(before))
    expect(await heard).toBe('AUTH_REVOKED')
    expect((await (await connect(after)).emitWithAck('auth:whoami')).subject).toBe('43')
  })

  test('R16: a session that a request of the same moment wrote back is dead for sockets', async () => {
    let store: Store | undefined
    const { visit, refused } = await startSite({
      store: (auth) => {
        store = endSocketsWithSessions(makeStore(), auth)
        return store
      },
    })
    const { cookie } = await visit('/login?user=42')
    const sid = sidOf(cookie)
    const held = await new Promise<expressSession.SessionData>((resolve) =>
      store?.get(sid, (_error, data) => resolve(data as expressSession.SessionData)),
    )
    await visit('/destroy', cookie)
    await new Promise((resolve) => store?.set(sid, held, resolve))
    expect(await refused(cookie)).toBe('AUTH_REVOKED')
  })

  test('clear ends the sockets of every session that the store lists', async () => {
    let store: Store | undefined
    const { visit, connect, closed } = await startSite({
      store: (auth) => {
        store = endSocketsWithSessions(makeStore(), auth)
        return store
      },
    })
    const cookies = [await visit('/login?user=42'), await visit('/login?user=43')].map(({ cookie }) => cookie)
    const sockets = [await connect(cookies[0] ?? ''), await connect(cookies[1] ?? '')]
    const heard = Promise.all(sockets.map(closed))
    expect(await new Promise((resolve) => store?.clear?.(resolve))).toBeNull()
    expect(await heard).toEqual(['AUTH_REVOKED', 'AUTH_REVOKED'])
  })

  test('it is the same store, which lists, counts, loads and touches as before', async () => {
    const plain = makeStore()
    const names = Object.keys(plain)
    const store = endSocketsWithSessions(plain, { revoke: async () => {} })
    expect(store).toBe(plain)
    expect(store).toBeInstanceOf(expressSession.Store)
    expect(Object.keys(store)).toEqual(names)
    const sid = randomUUID()
    const data = { cookie: { originalMaxAge: 60_000, expires: new Date(Date.now() + 60_000) } } as never
    const asked = (method: 'set' | 'get' | 'touch' | 'length' | 'all' | 'load', ...args: unknown[]) =>
      new Promise<unknown>((resolve, reject) => {
        Reflect.apply(store[method] as () => void, store, [
          ...args,
          (error: unknown, value: unknown) => (error ? reject(error) : resolve(value)),
        ])
      })
    await asked('set', sid, data)
    await asked('touch', sid, data)
    expect(await asked('load', sid)).toMatchObject({ id: sid })
    expect(await asked('length')).toBeGreaterThan(0)
    expect(Object.keys((await asked('all')) as object).length).toBeGreaterThan(0)
    let disconnected = 0
    store.on('disconnect', () => {
      disconnected += 1
    })
    store.emit('disconnect')
    expect(disconnected).toBe(1)
    await new Promise((resolve) => store.destroy(sid, resolve))
    expect(await asked('get', sid)).toBeFalsy()
  })
})

describe('connect-redis without a callback', () => {
  test('destroy answers with a promise that is kept when the sockets have ended', async () => {
    const revoked: unknown[] = []
    const auth = { revoke: async (key: unknown) => void revoked.push(key) }
    const store = endSocketsWithSessions(new RedisStore({ client: redis, prefix }), auth)
    await store.destroy('a-session')
    expect(revoked).toEqual([{ session: 'a-session' }])
  })

  test('a session that is written with no time left is destroyed, and ends its sockets', async () => {
    const revoked: unknown[] = []
    const auth = { revoke: async (key: unknown) => void revoked.push(key) }
    const store = endSocketsWithSessions(new RedisStore({ client: redis, prefix }), auth)
    const expired = { cookie: { expires: new Date(0), originalMaxAge: 1 } } as never
    await new Promise<void>((resolve) => store.set('old-session', expired, () => resolve()))
    expect(revoked).toEqual([{ session: 'old-session' }])
  })
})
