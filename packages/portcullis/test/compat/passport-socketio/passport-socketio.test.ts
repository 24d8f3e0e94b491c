import { createRequire } from 'node:module'
import cookieParser from 'cookie-parser'
import { type AuditEvent, createAuth, permit } from 'portcullis'
import passportSocketIo, * as facade from 'portcullis/compat/passport-socketio'
import { authorization } from 'portcullis/compat/socketio-0.9'
import type { Socket } from 'socket.io'
import { describe, expect, test, vi } from 'vitest'
import { checks } from './checks.ts'
import {
  connect,
  disconnected,
  KEY,
  outcome,
  SECRET,
  sessionOf,
  startWebApp,
  type User,
  VERSIONS,
  type WebApp,
} from './web-app.ts'

type Options = Parameters<typeof facade.authorize>[0]
interface Request {
  readonly user: User & { logged_in: boolean; [added: string]: unknown }
  readonly sessionID: string
  readonly cookie: Record<string, string>
  readonly socketio_version_1: boolean
}
const requestOf = (socket: Socket) => socket.request as unknown as Request

async function start(options: Partial<Options> = {}, app: Parameters<typeof startWebApp>[0] = {}) {
  const web = await startWebApp(app)
  const { store, passport } = web
  web.io.use(facade.authorize({ cookieParser, key: KEY, secret: SECRET, store, passport, ...options }))
  return web
}

/** A store that answers this to everything. */
const storeOf = (answer: (id: string, done: (error: unknown, session?: unknown) => void) => void) => ({ get: answer })
const holding = (session: unknown) => storeOf((_id, done) => done(null, session))
const LOGGED_IN = { cookie: {}, passport: { user: 'alice' } }

for (const [name, check] of Object.entries(checks)) test(name, () => check(facade))

test('is required and imported as the old package was', () => {
  const required = createRequire(import.meta.url)('passport.socketio')
  expect(Object.keys(passportSocketIo)).toEqual(expect.arrayContaining(Object.keys(required)))
  expect(facade['module.exports']).toBe(passportSocketIo)
})

describe('with the code of the README', () => {
  const seen: string[] = []
  function onAuthorizeSuccess(_data: unknown, accept: facade.Accept) {
    seen.push('successful connection to socket.io')
    // As in the README, which shows both conventions one after the other.
    accept(null, true)
    accept()
  }
  function onAuthorizeFail(_data: unknown, message: string, error: boolean, accept: facade.Accept) {
    if (error) throw new Error(message)
    seen.push(`failed connection to socket.io: ${message}`)
    accept(null, false)
    accept(new Error(message))
  }

  test.each(VERSIONS)('serves client %i', async (version) => {
    seen.length = 0
    const web = await start({ success: onAuthorizeSuccess, fail: onAuthorizeFail })
    const cookie = await web.login('alice')
    const client = connect(web.url, version, { cookie })
    expect(await outcome(client)).toBeNull()
    expect(requestOf(web.socketOf(client))).toMatchObject({
      socketio_version_1: true,
      sessionID: sessionOf(cookie).id,
      cookie: { [KEY]: sessionOf(cookie).id },
      user: { id: 'alice', logged_in: true },
    })
    expect(await outcome(connect(web.url, version))).toBe('No session found')
    expect(seen).toEqual(['successful connection to socket.io', 'failed connection to socket.io: No session found'])
  })

  test('sends the female users a message', async () => {
    const web = await start()
    const cookies = [await web.login('alice'), await web.login('bob')] as const
    const alice = connect(web.url, 4, { cookie: cookies[0] })
    const bob = connect(web.url, 2, { cookie: cookies[1] })
    expect(await Promise.all([outcome(alice), outcome(bob)])).toEqual([null, null])
    const told = new Promise((resolve) => alice.once('messsage', resolve))
    const found = facade.filterSocketsByUser(web.io, (user) => user.gender === 'female')
    for (const socket of found) socket.emit('messsage', 'hello, woman!')
    expect(await told).toBe('hello, woman!')
    expect(found).toHaveLength(1)
  })

  test('takes the session from the query that its client for other sites sends', async () => {
    const web = await start()
    const { escaped, value } = sessionOf(await web.login('alice'))
    for (const session_id of [escaped, value]) {
      const client = connect(web.url, 4, { query: { session_id }, origin: 'https://elsewhere.example' })
      expect(await outcome(client)).toBeNull()
    }
  })
})

describe('says what the old package said', () => {
  const cases: [string, unknown, string, boolean][] = [
    ['a session that is not there', null, 'No session found', false],
    ['a session without Passport', { cookie: {} }, 'Passport was not initialized', true],
    [
      'a session on which nobody is logged in',
      { cookie: {}, passport: {} },
      'User not authorized through passport. (User Property not found)',
      false,
    ],
    ['a user who is gone', { cookie: {}, passport: { user: 'nobody' } }, 'User not found', false],
  ]
  test.each(cases)('for %s', async (_name, session, message, critical) => {
    const told: unknown[] = []
    const web = await start({
      store: holding(session),
      fail(_data, text, isCritical, accept) {
        told.push(text, isCritical)
        accept(new Error(text))
      },
    })
    expect(await outcome(connect(web.url, 4, { cookie: await web.login('alice') }))).toBe(message)
    expect(told).toEqual([message, critical])
  })

  test('admits the user 0', async () => {
    const web = await start({ store: holding({ cookie: {}, passport: { user: 0 } }) })
    web.users.set(0 as never, { id: '0', name: 'Zero', gender: 'none' })
    expect(await outcome(connect(web.url, 4, { cookie: await web.login('alice') }))).toBeNull()
  })

  test('a guest that fail admits is not logged in', async () => {
    const web = await start({ fail: (_data, _message, error, accept) => accept(null, !error) })
    const client = connect(web.url, 4)
    expect(await outcome(client)).toBeNull()
    expect(requestOf(web.socketOf(client)).user).toEqual({ logged_in: false })
    expect(web.socketOf(client).data.identity).toBeUndefined()
    expect(facade.filterSocketsByUser(web.io, (user) => user.logged_in)).toEqual([])
  })

  test('waits until success accepts', async () => {
    let accept: facade.Accept = () => {}
    const asked = new Promise<void>((resolve) => {
      void start({
        success(_data, callback) {
          accept = callback
          resolve()
        },
      }).then(async (web) => {
        client = connect(web.url, 4, { cookie: await web.login('alice') })
      })
    })
    let client = undefined as ReturnType<typeof connect> | undefined
    await asked
    expect(client?.connected).toBe(false)
    accept()
    await vi.waitFor(() => expect(client?.connected).toBe(true))
  })

  test.each([
    ['accept(null, false)', (accept: facade.Accept) => accept(null, false), 'unauthorized'],
    ['accept(new Error)', (accept: facade.Accept) => accept(new Error('not you')), 'not you'],
    ['a throw', () => JSON.parse('{'), 'Authorization failed'],
    ['a rejection', () => Promise.reject(new Error('db: hunter2')), 'Authorization failed'],
  ])('refuses when success answers with %s', async (_name, success, message) => {
    const events: AuditEvent[] = []
    const web = await start({ success: (_data, accept) => success(accept), audit: (event) => events.push(event) })
    expect(await outcome(connect(web.url, 4, { cookie: await web.login('alice') }))).toBe(message)
    expect(web.io.sockets.sockets.size).toBe(0)
    expect(events.map(({ code }) => code)).toEqual([null, 'AUTH_FORBIDDEN'])
  })

  test('puts the user where userProperty says', async () => {
    const web = await start({ userProperty: 'member' })
    const client = connect(web.url, 4, { cookie: await web.login('alice') })
    expect(await outcome(client)).toBeNull()
    expect(web.socketOf(client).request).toMatchObject({ member: { name: 'Alice', logged_in: true } })
    expect(facade.filterSocketsByUser(web.io.of('/'), (user) => user.name === 'Alice')).toHaveLength(1)
  })
})

describe('closes what was open in the old package', () => {
  test('a session id without a signature in the query', async () => {
    const web = await start()
    const { id } = sessionOf(await web.login('alice'))
    expect(await outcome(connect(web.url, 4, { query: { session_id: id } }))).toBe('No session found')
  })

  test('is accepted only where allowUnsignedSessionId says so', async () => {
    const web = await start({ allowUnsignedSessionId: true })
    const { id } = sessionOf(await web.login('alice'))
    expect(await outcome(connect(web.url, 4, { query: { session_id: id } }))).toBeNull()
    expect(await outcome(connect(web.url, 4, { query: { session_id: 's:forged.signature' } }))).toBe('No session found')
  })

  test('a session of the query never takes the place of the cookie’s', async () => {
    const web = await start()
    const [alice, bob] = [await web.login('alice'), await web.login('bob')]
    const client = connect(web.url, 4, { cookie: alice, query: { session_id: sessionOf(bob).value } })
    expect(await outcome(client)).toBe('No session found')
  })

  const secrets = /hunter2/
  test('the text of a store error reaches fail, and no client', async () => {
    const told: unknown[] = []
    const store = storeOf((_id, done) => done(new Error('ECONNREFUSED mysql://root:hunter2@db')))
    const web = await start({
      store,
      fail(_data, message, critical, accept) {
        told.push(message, critical)
        accept(new Error(message))
      },
    })
    const cookie = await web.login('alice')
    const heard = await outcome(connect(web.url, 4, { cookie }))
    expect(heard).toBe('Error in session store')
    expect(told).toEqual([expect.stringMatching(secrets), true])
    const plain = await start({ store })
    expect(await outcome(connect(plain.url, 4, { cookie }))).toBe('Error in session store')
  })

  test('the text of a deserializer’s error reaches fail, and no client', async () => {
    const error = new Error('SELECT failed for hunter2')
    const told: unknown[] = []
    const passport = {
      deserializeUser: (_id: unknown, _request: unknown, done: (error: unknown) => void) => done(error),
    }
    const web = await start({
      passport: passport as never,
      store: holding(LOGGED_IN),
      fail: (_data, message, critical, accept) => {
        told.push(message, critical)
        accept(message)
      },
    })
    expect(await outcome(connect(web.url, 4, { cookie: await web.login('alice') }))).toBe('Error in deserializeUser')
    expect(told).toEqual([error, true])
  })

  test('a failing store admits nobody, even where fail accepts', async () => {
    const web = await start({
      store: storeOf((_id, done) => done(new Error('down'))),
      fail: (_data, _message, _critical, accept) => accept(),
    })
    expect(await outcome(connect(web.url, 4, { cookie: await web.login('alice') }))).toBe('Error in session store')
  })

  test('a throw in fail refuses, and ends no process', async () => {
    const web = await start({
      fail(_data, message) {
        throw new Error(message)
      },
    })
    expect(await outcome(connect(web.url, 4))).toBe('Authorization failed')
  })

  test('accept(null, false) in fail refuses', async () => {
    const web = await start({ fail: (_data, _message, _error, accept) => accept(null, false) })
    expect(await outcome(connect(web.url, 4))).toBe('No session found')
  })

  test('the user object of the application is not changed', async () => {
    class Member {
      readonly id: string
      constructor(id: string) {
        this.id = id
      }
      get upper() {
        return this.id.toUpperCase()
      }
    }
    const web = await start()
    const member = Object.freeze(new Member('alice'))
    web.users.set('alice', member as never)
    const client = connect(web.url, 4, { cookie: await web.login('alice') })
    expect(await outcome(client)).toBeNull()
    const { user } = requestOf(web.socketOf(client))
    expect(user).toBeInstanceOf(Member)
    expect([user.upper, user.logged_in, JSON.stringify(user)]).toEqual([
      'ALICE',
      true,
      '{"id":"alice","logged_in":true}',
    ])
    expect(Object.keys(member)).toEqual(['id'])
    user.seat = 7
    expect(member).not.toHaveProperty('seat')
  })

  test('a user who is gone is disconnected, and one who has changed is seen so', async () => {
    const events: AuditEvent[] = []
    const web = await start({ revalidateEveryMs: 1000, audit: (event) => events.push(event) })
    const client = connect(web.url, 4, { cookie: await web.login('alice') })
    expect(await outcome(client)).toBeNull()
    const closed = new Promise((resolve) => client.once('auth:closed', resolve))
    const gone = disconnected(client)
    const { user } = requestOf(web.socketOf(client))
    user.seat = 7
    web.users.set('alice', { id: 'alice', name: 'Alicia', gender: 'female' })
    await vi.waitFor(() => expect(user).toMatchObject({ name: 'Alicia', logged_in: true, seat: 7 }), 5000)
    web.users.delete('alice')
    expect(await closed).toMatchObject({ code: 'AUTH_CREDENTIAL_INVALID' })
    expect(await gone).toBe('io server disconnect')
    expect(events.map(({ stage, effect }) => `${stage} ${effect}`)).toEqual(['connect permit', 'expire deny'])
    expect(events[0]).toMatchObject({
      rule: 'compat/passport-socketio',
      identity: { scheme: 'legacy', issuer: 'passport.socketio', subject: 'alice' },
    })
  })

  test('a session that fell to somebody else disconnects', async () => {
    let held: unknown = LOGGED_IN
    const web = await start({ store: storeOf((_id, done) => done(null, held)), revalidateEveryMs: 1000 })
    const client = connect(web.url, 4, { cookie: await web.login('alice') })
    expect(await outcome(client)).toBeNull()
    const gone = disconnected(client)
    held = { cookie: {}, passport: { user: 'bob' } }
    expect(await gone).toBe('io server disconnect')
  })

  test('a store that fails is borne for the grace, and no longer', async () => {
    let isDown = false
    const store = storeOf((_id, done) => (isDown ? done(new Error('down')) : done(null, LOGGED_IN)))
    const web = await start({ store, revalidateEveryMs: 1000, revalidateGraceMs: 1500 })
    const client = connect(web.url, 4, { cookie: await web.login('alice') })
    expect(await outcome(client)).toBeNull()
    isDown = true
    const since = performance.now()
    const closed = new Promise((resolve) => client.once('auth:closed', resolve))
    expect(await closed).toMatchObject({ code: 'AUTH_UNAVAILABLE' })
    expect(performance.now() - since).toBeGreaterThan(1500)
  })

  test('a session that expires ends its socket, although it is not due', async () => {
    const expires = new Date(Date.now() + 600)
    const web = await start({ store: holding({ ...LOGGED_IN, cookie: { expires, originalMaxAge: 600 } }) })
    const client = connect(web.url, 4, { cookie: await web.login('alice') })
    expect(await outcome(client)).toBeNull()
    expect(await disconnected(client)).toBe('io server disconnect')
  })

  test('a session that HTTP extends keeps its socket past the end that was known', async () => {
    const until = (ms: number) => ({ ...LOGGED_IN, cookie: { expires: new Date(Date.now() + ms), originalMaxAge: ms } })
    let held = until(700)
    const web = await start({ store: storeOf((_id, done) => done(null, held)) })
    const client = connect(web.url, 4, { cookie: await web.login('alice') })
    expect(await outcome(client)).toBeNull()
    const socket = web.socketOf(client)
    const end = socket.data.lease.expiresAt
    held = until(60_000)
    await vi.waitFor(() => expect(socket.data.lease.expiresAt).toBeGreaterThan(end), 5000)
    expect(socket.connected).toBe(true)
  })

  test('a session that ended before success accepted', async () => {
    const accepts: facade.Accept[] = []
    const events: AuditEvent[] = []
    const web: WebApp = await start({
      revalidateEveryMs: 1000,
      success: (_data, accept) => accepts.push(accept),
      audit: (event) => events.push(event),
    })
    const cookie = await web.login('alice')
    const refused = outcome(connect(web.url, 4, { cookie }))
    await vi.waitFor(() => expect(accepts).toHaveLength(1), 5000)
    await web.visit('/logout', cookie)
    await vi.waitFor(() => expect(events.map(({ stage }) => stage)).toContain('expire'), 5000)
    accepts[0]?.()
    expect(await refused).toBe('No session found')
  })

  test('a page of another site does not get in with the cookie', async () => {
    const web = await start()
    const cookie = await web.login('alice')
    const foreign = connect(web.url, 4, { cookie, origin: 'https://evil.example' })
    expect(await outcome(foreign)).toBe('Connections from this origin are not permitted')
    expect(await outcome(connect(web.url, 4, { cookie, origin: web.url }))).toBeNull()
    const listed = await start({ origins: ['https://app.example'], store: web.store, passport: web.passport })
    expect(await outcome(connect(listed.url, 4, { cookie, origin: 'https://app.example' }))).toBeNull()
  })

  test('a guest from another site knows nothing of the cookie', async () => {
    const web = await start({ fail: (_data, _message, _critical, accept) => accept() })
    const cookie = await web.login('alice')
    const client = connect(web.url, 4, { cookie, origin: 'https://evil.example' })
    expect(await outcome(client)).toBeNull()
    expect(requestOf(web.socketOf(client))).toMatchObject({ sessionID: '', cookie: {}, user: { logged_in: false } })
  })

  test.each([true, ['alice'], null, '', Number.NaN])('a session whose user is %j', async (user) => {
    const web = await start({ store: holding({ cookie: {}, passport: { user } }) })
    expect(await outcome(connect(web.url, 4, { cookie: await web.login('alice') }))).toMatch(/User Property not found/)
  })

  test('a polluted prototype logs nobody in', async () => {
    const web = await start({ store: holding({ cookie: {} }) })
    const cookie = await web.login('alice')
    const polluted = Object.prototype as unknown as { passport?: unknown }
    polluted.passport = { user: 'alice' }
    try {
      expect(await outcome(connect(web.url, 4, { cookie }))).toBe('Passport was not initialized')
    } finally {
      delete polluted.passport
    }
  })
})

describe('withstands', () => {
  test.each([
    `${KEY}=%E0%A4%A; ${KEY}=x`,
    `${KEY}=s:${'x'.repeat(9000)}`,
    `${KEY}=j:{"__proto__":{"user":"alice"}}`,
    '__proto__=s:a.b; constructor=1',
    `${KEY}=s:.`,
    ';;;=',
  ])('the cookie header %.40s', async (cookie) => {
    const web = await start()
    expect(await outcome(connect(web.url, 4, { cookie }))).toBe('No session found')
    expect(await outcome(connect(web.url, 4, { cookie: await web.login('alice') }))).toBeNull()
  })

  test('session_id given twice, or as nonsense', async () => {
    const web = await start()
    const { value } = sessionOf(await web.login('alice'))
    const twice = connect(`${web.url}/?session_id=${encodeURIComponent(value)}&session_id=x`, 4)
    expect(await outcome(twice)).not.toBeNull()
    for (const session_id of ['', 's%3A%', '__proto__', 'x'.repeat(20_000)]) {
      expect(await outcome(connect(web.url, 4, { query: { session_id } }))).not.toBeNull()
    }
  })

  test('a store that throws, rejects, answers twice, or gives nonsense', async () => {
    const stores = [
      storeOf(() => {
        throw new Error('hunter2')
      }),
      { get: () => Promise.reject(new Error('hunter2')) },
      holding('a text'),
      holding([]),
      storeOf((_id, done) => {
        done(null, null)
        done(null, LOGGED_IN)
      }),
    ]
    for (const store of stores) {
      const web = await start({ store })
      const heard = await outcome(connect(web.url, 4, { cookie: await web.login('alice') }))
      expect(['Error in session store', 'No session found']).toContain(heard)
    }
  })

  test('a store and a deserializer that never answer', async () => {
    const silent = await start({ store: storeOf(() => {}), storeTimeoutMs: 50 })
    expect(await outcome(connect(silent.url, 4, { cookie: await silent.login('alice') }))).toBe(
      'Error in session store',
    )
    const passport = { deserializeUser: () => {} }
    const slow = await start({ store: holding(LOGGED_IN), passport: passport as never, storeTimeoutMs: 50 })
    expect(await outcome(connect(slow.url, 4, { cookie: await slow.login('alice') }))).toBe('Error in deserializeUser')
  })
})

describe('refuses at start-up', () => {
  const store = holding(null)
  const passport = { deserializeUser: () => {} } as never
  test.each([
    ['secret', { store, passport }],
    ['secret', { store, passport, secret: [] }],
    ['store', { secret: SECRET, passport }],
    ['cookieParser', { secret: SECRET, store, passport, cookieParser: cookieParser() }],
    ['userProperty', { secret: SECRET, store, passport, userProperty: 'headers' }],
    ['success', { secret: SECRET, store, passport, success: 'yes' }],
    ['origins', { secret: SECRET, store, passport, origins: ['*'] }],
    ['passport', { secret: SECRET, store, passport: {} }],
    ['revalidateEveryMs', { secret: SECRET, store, passport, revalidateEveryMs: 5 }],
  ])('a wrong "%s"', (option, options) => {
    expect(() => facade.authorize(options as never)).toThrow(TypeError)
    expect(() => facade.authorize(options as never)).toThrow(`"${option}"`)
  })

  test('connectionStateRecovery, with which restored sockets are not asked about', async () => {
    const web = await start({}, { server: { connectionStateRecovery: {} } })
    expect(await outcome(connect(web.url, 4, { cookie: await web.login('alice') }))).toMatch(/connectionStateRecovery/)
  })
})

describe('in the convention of Socket.IO 0.9', () => {
  async function ask(options: Partial<Options>, cookie: (web: WebApp) => Promise<string>) {
    const web = await startWebApp()
    const { store, passport } = web
    const data: Record<string, unknown> = {
      headers: { cookie: await cookie(web) },
      query: {},
      url: '/',
      xdomain: false,
    }
    const decide = facade.authorize({ secret: SECRET, key: KEY, store, passport, ...options })
    const answer = await new Promise<unknown[]>((resolve) => decide(data, (...args) => resolve(args)))
    return { data, answer }
  }

  test('accepts with (null, true), and puts user and session id on the handshake data', async () => {
    const { data, answer } = await ask({}, (web) => web.login('alice'))
    expect(answer).toEqual([null, true])
    expect(data).toMatchObject({ user: { name: 'Alice', logged_in: true }, sessionID: expect.stringMatching(/.{20}/) })
    expect(data).not.toHaveProperty('socketio_version_1')
  })

  test('refuses with (null, false)', async () => {
    const { data, answer } = await ask({}, async () => '')
    expect(answer).toEqual([null, false])
    expect(data.user).toEqual({ logged_in: false })
  })

  test('accept() admits nobody, and an error is handed on', async () => {
    const silent = await ask({ success: (_data, accept) => accept() }, (web) => web.login('alice'))
    expect(silent.answer).toEqual([null, false])
    const error = new Error('not you')
    const wordy = await ask({ success: (_data, accept) => accept(error) }, (web) => web.login('alice'))
    expect(wordy.answer).toEqual([error])
  })

  test('with io, ends the sockets of a session that has ended', async () => {
    const web = await startWebApp()
    const { store, passport, io } = web
    authorization(io, facade.authorize({ secret: SECRET, key: KEY, store, passport, io, revalidateEveryMs: 1000 }))
    const cookie = await web.login('alice')
    const client = connect(web.url, 4, { cookie })
    expect(await outcome(client)).toBeNull()
    expect(facade.filterSocketsByUser(io, (user) => user.name === 'Alice')).toHaveLength(1)
    const gone = disconnected(client)
    await web.visit('/logout', cookie)
    expect(await gone).toBe('io server disconnect')
  })

  test('says why a page of another site has no cookie', async () => {
    const web = await startWebApp()
    const told: unknown[] = []
    const { store, passport } = web
    const fail: Options['fail'] = (_data, message, critical, accept) => {
      told.push(message, critical)
      accept(null, false)
    }
    const decide = facade.authorize({ secret: SECRET, key: KEY, store, passport, fail })
    await new Promise<void>((resolve) => decide({ headers: {}, query: {}, xdomain: true }, () => resolve()))
    expect(told).toEqual(['Can not read cookies from CORS-Requests. See CORS-Workaround in the readme.', false])
  })
})

test('stands as a strategy among those of createAuth', async () => {
  const web = await startWebApp()
  const { store, passport } = web
  const auth = createAuth({
    origins: [web.url],
    strategies: [facade.strategy({ key: KEY, secret: SECRET, store, passport, revalidateEveryMs: 1000 })],
  })
  auth.protect(web.io.of('/'), { connect: () => permit(), events: {} })
  const cookie = await web.login('alice')
  const client = connect(web.url, 4, { cookie, origin: web.url })
  expect(await outcome(client)).toBeNull()
  expect(web.socketOf(client).data.identity).toEqual({
    scheme: 'legacy',
    issuer: 'passport.socketio',
    subject: 'alice',
    claims: {},
  })
  expect(await outcome(connect(web.url, 4))).not.toBeNull()
  const gone = disconnected(client)
  await web.visit('/logout', cookie)
  expect(await gone).toBe('io server disconnect')
  await auth.close()
})
