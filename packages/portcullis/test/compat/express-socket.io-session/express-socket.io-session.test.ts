import { createRequire } from 'node:module'
import { connect as connectNet, createServer, type Server as NetServer, type Socket as NetSocket } from 'node:net'
import { RedisStore } from 'connect-redis'
import cookieParser from 'cookie-parser'
import expressSession from 'express-session'
import { type AuditEvent, createAuth, permit } from 'portcullis'
import required, * as facade from 'portcullis/compat/express-socket.io-session'
import { createClient } from 'redis'
import type { Socket } from 'socket.io'
import { describe, expect, test, vi } from 'vitest'
import { onCleanup } from '../../harness.ts'
import { checks } from './checks.ts'
import {
  connect,
  disconnected,
  handshakeOf,
  outcome,
  RecordingStore,
  sessionOf,
  startWebApp,
  VERSIONS,
  type WebApp,
  type WebAppOptions,
} from './web-app.ts'

type Options = NonNullable<Parameters<typeof facade.sharedsession>[2]>

async function start(options: Options = {}, app: WebAppOptions = {}) {
  const web = await startWebApp(app)
  web.io.use(facade.sharedsession(web.session, options))
  return web
}

async function admitted(web: WebApp, cookie?: string) {
  const client = connect(web.url, 4, cookie === undefined ? {} : { cookie })
  expect(await outcome(client)).toBeNull()
  const socket = web.socketOf(client)
  return { client, socket, handshake: handshakeOf(socket) }
}

const done = (act: (callback: (error?: unknown) => void) => void) =>
  new Promise<unknown>((resolve) => act((error) => resolve(error ?? null)))
const SOON = { timeout: 10_000, interval: 10 }

for (const [name, check] of Object.entries(checks)) test(name, () => check(facade.sharedsession))

test('is called as the old package was', () => {
  expect(createRequire(import.meta.url)('express-socket.io-session')).toHaveLength(3)
  expect([required, facade['module.exports']]).toEqual([facade.sharedsession, facade.sharedsession])
  expect(facade.sharedsession).toHaveLength(3)
})

describe('with the code of the README', () => {
  test.each(VERSIONS)('logs client %i in and out by its own events', async (version) => {
    const web = await start()
    web.io.on('connection', (socket) => {
      const { handshake } = { handshake: handshakeOf(socket) }
      socket.on('login', (userdata) => {
        handshake.session.userdata = userdata
        handshake.session.save()
      })
      socket.on('logout', () => {
        if (handshake.session.userdata) {
          delete handshake.session.userdata
          handshake.session.save()
        }
      })
    })
    const { cookie } = await web.visit('/')
    const { id } = sessionOf(cookie)
    const client = connect(web.url, version, { cookie })
    expect(await outcome(client)).toBeNull()
    client.emit('login', { name: 'OSK' })
    await vi.waitFor(async () => expect(await web.stored(id)).toMatchObject({ userdata: { name: 'OSK' } }), SOON)
    expect(JSON.parse((await web.visit('/', cookie)).text)).toMatchObject({ userdata: { name: 'OSK' } })
    client.emit('logout')
    await vi.waitFor(async () => expect(await web.stored(id)).not.toHaveProperty('userdata'), SOON)
  })

  test('shares it with a namespace', async () => {
    const web = await startWebApp()
    web.io.of('/namespace').use(facade.sharedsession(web.session, { autoSave: true }))
    const { cookie } = await web.visit('/admin')
    const client = connect(web.url, 4, { cookie, namespace: '/namespace' })
    expect(await outcome(client)).toBeNull()
    expect(handshakeOf(web.socketOf(client, '/namespace')).session.user).toMatchObject({ name: 'ann' })
  })

  test('takes a cookie-parser of one’s own', async () => {
    const web = await startWebApp()
    web.io.use(facade.sharedsession(web.session, cookieParser('another secret'), { autoSave: true }))
    const { cookie } = await web.visit('/admin')
    const { handshake } = await admitted(web, `${cookie}; colour=blue`)
    expect(handshake.cookies).toMatchObject({ colour: 'blue' })
    expect(handshake.session.user).toMatchObject({ name: 'ann' })
  })

  test('the code of io.use((socket, next) => session(socket.handshake, {}, next)) reads the same', async () => {
    const web = await start()
    const greeted: string[] = []
    // The handler of the seed, as it stands.
    function connectionHandler(socket: Socket) {
      const { handshake } = {
        handshake: handshakeOf(socket) as unknown as { session: { passport?: { user: string } } },
      }
      // biome-ignore lint/complexity/useOptionalChain: as it stands there
      const userId = handshake.session.passport && handshake.session.passport.user
      socket.emit('Grettings', `Grettings ${userId}`)
    }
    web.io.on('connection', connectionHandler)
    const { cookie } = await web.visit('/passport')
    for (const [version, sent] of [
      [4, cookie],
      [3, cookie],
      [2, undefined],
    ] as const) {
      const client = connect(web.url, version, sent === undefined ? {} : { cookie: sent })
      greeted.push(await new Promise((resolve) => client.once('Grettings', resolve)))
    }
    expect(greeted).toEqual(['Grettings ann', 'Grettings ann', 'Grettings undefined'])
  })
})

describe('a client without a session', () => {
  test('gets one that is not saved, however much it is changed', async () => {
    const web = await start({ autoSave: true })
    const { handshake, socket } = await admitted(web)
    expect(handshake.sessionID).toMatch(/^\S{20,}$/)
    handshake.session.count = 1
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(web.store.written).toEqual([])
    expect(socket.data.identity).toBeUndefined()
  })

  test('has it stored where the application says save, or saveUninitialized', async () => {
    const web = await start({ autoSave: true, saveUninitialized: true })
    const { handshake } = await admitted(web)
    handshake.session.count = 1
    await vi.waitFor(async () => expect(await web.stored(handshake.sessionID)).toMatchObject({ count: 1 }), SOON)
    const other = await start()
    const guest = await admitted(other)
    guest.handshake.session.count = 2
    expect(await done((callback) => guest.handshake.session.save(callback))).toBeNull()
    expect(await other.stored(guest.handshake.sessionID)).toMatchObject({ count: 2 })
  })

  test('is one whose session the store has forgotten', async () => {
    const web = await start()
    const { cookie } = await web.visit('/admin')
    await done((callback) => web.store.destroy(sessionOf(cookie).id, callback))
    const { handshake } = await admitted(web, cookie)
    expect(handshake.session.user).toBeUndefined()
    expect(handshake.sessionID).not.toBe(sessionOf(cookie).id)
  })
})

describe('session methods', () => {
  test('reload brings what HTTP changed', async () => {
    const web = await start()
    const { cookie } = await web.visit('/admin')
    const { handshake } = await admitted(web, cookie)
    await web.visit('/demote', cookie)
    expect(handshake.session.user).toMatchObject({ role: 'admin' })
    expect(await done((callback) => handshake.session.reload(callback))).toBeNull()
    expect(handshake.session.user).toMatchObject({ role: 'user' })
    handshake.session.seen = true
    expect(await done((callback) => handshake.session.save(callback))).toBeNull()
    expect(await web.stored(sessionOf(cookie).id)).toMatchObject({ seen: true, user: { role: 'user' } })
  })

  test('destroy logs out the page as well, and nothing brings the session back', async () => {
    const web = await start({ autoSave: true })
    const { cookie } = await web.visit('/admin')
    const { handshake } = await admitted(web, cookie)
    const { session } = handshake
    expect(await done((callback) => session.destroy(callback))).toBeNull()
    expect(handshake.session).toBeUndefined()
    session.count = 1
    expect(await done((callback) => session.save(callback))).toBeInstanceOf(Error)
    expect(await web.stored(sessionOf(cookie).id)).toBeNull()
  })

  test('regenerate leaves the old session, and gives one that is not saved', async () => {
    const web = await start()
    const { cookie } = await web.visit('/admin')
    const { handshake } = await admitted(web, cookie)
    expect(await done((callback) => handshake.session.regenerate(callback))).toBeNull()
    expect(handshake.session.user).toBeUndefined()
    expect(await web.stored(sessionOf(cookie).id)).toBeNull()
  })

  test('touch and save extend its life', async () => {
    const web = await start({}, { session: { cookie: { maxAge: 60_000 } } })
    const { cookie } = await web.visit('/admin')
    const { id } = sessionOf(cookie)
    const { handshake } = await admitted(web, cookie)
    const endOf = async () => {
      const { cookie: held } = (await web.stored(id)) as { cookie: { expires: string } }
      return Date.parse(held.expires)
    }
    const before = await endOf()
    handshake.session.touch()
    await vi.waitFor(async () => {
      expect(await done((callback) => handshake.session.save(callback))).toBeNull()
      expect(await endOf()).toBeGreaterThan(before)
    }, SOON)
  })
})

describe('saving', () => {
  test('keeps a length of life that a handler gives the session', async () => {
    const web = await start({}, { session: { cookie: { maxAge: 60_000 } } })
    const { cookie } = await web.visit('/admin')
    const { handshake } = await admitted(web, cookie)
    handshake.session.cookie.maxAge = 3_600_000
    expect(await done((callback) => handshake.session.save(callback))).toBeNull()
    const { cookie: held } = (await web.stored(sessionOf(cookie).id)) as { cookie: { expires: string } }
    expect(Date.parse(held.expires)).toBeGreaterThan(Date.now() + 3_000_000)
  })

  test('merges what two sockets and HTTP change of one session at once', async () => {
    const web = await start({ autoSave: true })
    const { cookie } = await web.visit('/admin')
    const { id } = sessionOf(cookie)
    const [a, b] = [await admitted(web, cookie), await admitted(web, cookie)]
    a.handshake.session.left = { deep: [1] }
    b.handshake.session.right = 2
    ;(b.handshake.session.user as Record<string, unknown>).seen = true
    const left = () => web.stored(id)
    await vi.waitFor(async () => {
      expect(await left()).toMatchObject({
        left: { deep: [1] },
        right: 2,
        user: { name: 'ann', role: 'admin', seen: true },
      })
    }, SOON)
    ;(a.handshake.session.left as { deep: number[] }).deep.push(2)
    await vi.waitFor(async () => expect(await left()).toMatchObject({ left: { deep: [1, 2] }, right: 2 }), SOON)
  })

  test('where both changed one field, HTTP has it', async () => {
    const web = await start()
    const { cookie } = await web.visit('/admin')
    const { handshake } = await admitted(web, cookie)
    await web.visit('/demote', cookie)
    ;(handshake.session.user as Record<string, unknown>).role = 'owner'
    expect(await done((callback) => handshake.session.save(callback))).toBeNull()
    expect(await web.stored(sessionOf(cookie).id)).toMatchObject({ user: { role: 'user' } })
    expect(handshake.session.user).toMatchObject({ role: 'user' })
  })

  test('a field that HTTP deleted stays deleted', async () => {
    const web = await start()
    const { cookie } = await web.visit('/passport')
    const { id } = sessionOf(cookie)
    const { handshake } = await admitted(web, cookie)
    await done((callback) => web.store.set(id, { cookie: handshake.session.cookie } as never, callback))
    handshake.session.count = 1
    expect(await done((callback) => handshake.session.save(callback))).toBeNull()
    expect(await web.stored(id)).toMatchObject({ count: 1 })
    expect(await web.stored(id)).not.toHaveProperty('passport')
  })

  test('writes nothing for an event that changes nothing', async () => {
    const web = await start({ autoSave: true })
    const { cookie } = await web.visit('/admin')
    const { handshake, client, socket } = await admitted(web, cookie)
    web.store.written.length = 0
    const heard = new Promise<void>((resolve) =>
      socket.on('look', () => resolve(void JSON.stringify(handshake.session))),
    )
    client.emit('look')
    await heard
    handshake.session.user = { name: 'ann', role: 'admin' }
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(web.store.written).toEqual([])
  })

  test('tells onError what went wrong, and ends no process', async () => {
    const errors: unknown[] = []
    const web = await start({ autoSave: true, onError: (error) => errors.push(error) })
    const { cookie } = await web.visit('/admin')
    const { handshake } = await admitted(web, cookie)
    const down = vi
      .spyOn(web.store, 'set')
      .mockImplementation((_id, _session, callback) => callback?.(new Error('down')))
    handshake.session.count = 1
    await vi.waitFor(() => expect(errors).toEqual([new Error('down')]), SOON)
    down.mockRestore()
    await web.visit('/logout', cookie)
    handshake.session.count = 2
    await vi.waitFor(() => expect(errors).toHaveLength(2), SOON)
    expect(String(errors[1])).toMatch(/session has ended/)
  })
})

describe('closes what was open in the old package', () => {
  test.each([
    ['answers with an error', (_id: string, callback: (error: unknown) => void) => callback(new Error('hunter2'))],
    ['never answers', () => {}],
    [
      'throws',
      () => {
        throw new Error('hunter2')
      },
    ],
  ])('a store that %s', async (_name, get) => {
    const web = await start({ storeTimeoutMs: 200 })
    const { cookie } = await web.visit('/admin')
    vi.spyOn(web.store, 'get').mockImplementation(get as never)
    expect(await outcome(connect(web.url, 4, { cookie }))).toBe('Session unavailable')
  })

  test('a store that is disconnected', async () => {
    const web = await start()
    const { cookie } = await web.visit('/admin')
    web.store.emit('disconnect')
    expect(await outcome(connect(web.url, 4, { cookie }))).toBe('Session unavailable')
    web.store.emit('connect')
    expect(await outcome(connect(web.url, 4, { cookie }))).toBeNull()
  })

  test('a role that HTTP took is gone from the live session, too', async () => {
    const web = await start({ revalidateEveryMs: 1000 })
    const { cookie } = await web.visit('/admin')
    const { handshake } = await admitted(web, cookie)
    await web.visit('/demote', cookie)
    await vi.waitFor(() => expect(handshake.session.user).toMatchObject({ role: 'user' }), SOON)
  })

  test('a page of another site with a cookie is refused, and one without is a guest', async () => {
    const events: AuditEvent[] = []
    const web = await start({ audit: (event) => events.push(event) })
    const { cookie } = await web.visit('/passport')
    const origin = 'https://evil.example'
    expect(await outcome(connect(web.url, 4, { cookie, origin }))).toBe(
      'Connections from this origin are not permitted',
    )
    expect(await outcome(connect(web.url, 4, { origin }))).toBeNull()
    expect(await outcome(connect(web.url, 4, { cookie, origin: web.url }))).toBeNull()
    expect(events.map(({ code, identity }) => [code, identity?.subject])).toEqual([
      ['AUTH_ORIGIN_REFUSED', undefined],
      ['AUTH_CREDENTIAL_MISSING', undefined],
      [null, 'ann'],
    ])
  })

  test('an expired session that the store still has', async () => {
    const store = new RecordingStore()
    const web = await start({}, { session: { store } })
    const { cookie } = await web.visit('/admin')
    const expired = { cookie: { expires: new Date(Date.now() - 1000), originalMaxAge: 1 }, user: { role: 'admin' } }
    vi.spyOn(store, 'get').mockImplementation((_id, callback) => callback(null, expired as never))
    expect(await outcome(connect(web.url, 4, { cookie }))).toBe('Session expired')
  })

  test('connectionStateRecovery, and a forgotten middleware', async () => {
    const web = await start({}, { server: { connectionStateRecovery: {} } })
    expect(await outcome(connect(web.url, 4))).toMatch(/connectionStateRecovery/)
    const without = await startWebApp()
    without.io.use(facade.sharedsession())
    expect(await outcome(connect(without.url, 4))).toBe('Session unavailable')
  })
})

test.each([
  'connect.sid=%E0%A4%A',
  `connect.sid=s:${'x'.repeat(9000)}`,
  'connect.sid=j:{"__proto__":1}',
  '__proto__=1; ;=;',
])('withstands the cookie header %.30s', async (cookie) => {
  const web = await start({ autoSave: true })
  const { handshake } = await admitted(web, cookie)
  expect(handshake.session.user).toBeUndefined()
  expect(web.store.written).toEqual([])
})

test('a field called __proto__ that a client gets stored stays a field', async () => {
  const web = await start({ autoSave: true })
  const { cookie } = await web.visit('/admin')
  const { handshake, client, socket } = await admitted(web, cookie)
  const kept = new Promise<void>((resolve) =>
    socket.on('keep', (value) => {
      handshake.session.kept = value
      resolve()
    }),
  )
  client.emit('keep', JSON.parse('{"__proto__":{"isAdmin":true}}'))
  await kept
  await vi.waitFor(async () => expect(await web.stored(sessionOf(cookie).id)).toHaveProperty('kept'), SOON)
  expect((handshake.session as { isAdmin?: unknown }).isAdmin).toBeUndefined()
  expect(({} as { isAdmin?: unknown }).isAdmin).toBeUndefined()
})

test.each([
  [[1], /first argument/],
  [[() => {}, { revalidateEveryMs: 5 }], /"revalidateEveryMs"/],
  [[() => {}, { origins: ['*'] }], /"origins"/],
])('refuses wrong arguments at start-up', (args, message) => {
  expect(() => facade.sharedsession(...(args as []))).toThrow(message)
})

/** A line to Redis that can be cut. */
async function proxyTo(port: number) {
  const lines = new Set<NetSocket>()
  const server: NetServer = createServer((line) => {
    const there = connectNet(port, '127.0.0.1')
    for (const each of [line, there]) {
      lines.add(each)
      each.on('error', () => {})
    }
    line.pipe(there).pipe(line)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onCleanup(() => void server.close())
  return {
    port: (server.address() as { port: number }).port,
    cut() {
      server.close()
      for (const each of lines) each.destroy()
    },
  }
}

test('works over Redis, and refuses when Redis cannot be reached', async () => {
  const line = await proxyTo(6379)
  const client = createClient({ url: `redis://127.0.0.1:${line.port}`, disableOfflineQueue: true })
  client.on('error', () => {})
  await client.connect()
  onCleanup(() => client.destroy())
  const store = new RedisStore({ client, prefix: `compat-test:${process.pid}:`, ttl: 60 })
  const web = await start({ autoSave: true, storeTimeoutMs: 2000 }, { session: { store: store as never } })
  const { cookie } = await web.visit('/admin')
  const { handshake } = await admitted(web, cookie)
  handshake.session.count = 1
  const page = async () => JSON.parse((await web.visit('/', cookie)).text) as unknown
  await vi.waitFor(async () => expect(await page()).toMatchObject({ count: 1, user: { role: 'admin' } }), SOON)
  line.cut()
  expect(await outcome(connect(web.url, 4, { cookie }))).toBe('Session unavailable')
})

test('stands as a strategy among those of createAuth', async () => {
  const web = await startWebApp()
  const auth = createAuth({
    origins: [web.url],
    strategies: [facade.strategy(web.session, { revalidateEveryMs: 1000 })],
  })
  auth.protect(web.io.of('/'), { connect: () => permit(), events: {} })
  onCleanup(() => auth.close())
  const { cookie } = await web.visit('/passport')
  web.store.written.length = 0
  const client = connect(web.url, 4, { cookie, origin: web.url })
  expect(await outcome(client)).toBeNull()
  expect(web.socketOf(client).data.identity).toEqual({
    scheme: 'legacy',
    issuer: 'express-socket.io-session',
    subject: 'ann',
    claims: {},
  })
  expect(web.store.written).toEqual([])
  expect(await outcome(connect(web.url, 4))).not.toBeNull()
  const gone = disconnected(client)
  await web.visit('/logout', cookie)
  expect(await gone).toBe('io server disconnect')
})

test('knows an application of express-session that has a cookie of another name and several secrets', async () => {
  const web = await start({}, { session: { name: 'sid', secret: ['the newest secret', 'an older secret'] } })
  const { cookie } = await web.visit('/admin')
  expect(cookie).toMatch(/^sid=/)
  expect((await admitted(web, cookie)).handshake.session.user).toMatchObject({ name: 'ann' })
  expect(expressSession.MemoryStore).toBeDefined()
})
