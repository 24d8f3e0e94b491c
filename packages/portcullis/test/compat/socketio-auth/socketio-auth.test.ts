import { createRequire } from 'node:module'
import { type AuditEvent, createAuth, permit } from 'portcullis'
import required, * as facade from 'portcullis/compat/socketio-auth'
import { Server, type Socket } from 'socket.io'
import { describe, expect, test, vi } from 'vitest'
import { gate, onCleanup } from '../../harness.ts'
import { connect, disconnected, outcome, VERSIONS } from '../passport-socketio/web-app.ts'
import { authenticated, byPassword, checks, connected, first, JOHN, NOTHING, start as startWith } from './checks.ts'

type Options = Parameters<typeof facade.socketIOAuth>[1]
type Authenticate = Options['authenticate']
const start = (options: Partial<Options> = {}) => startWith(facade.socketIOAuth, options)
const failure = (message = 'Authentication failure') => ['unauthorized', { message }]

for (const [name, check] of Object.entries(checks)) test(name, () => check(facade.socketIOAuth))

test('is called as the old package was', () => {
  expect(typeof createRequire(import.meta.url)('socketio-auth')).toBe('function')
  expect([required, facade['module.exports']]).toEqual([facade.socketIOAuth, facade.socketIOAuth])
})

describe('with the code of the README', () => {
  test.each(VERSIONS)('serves client %i', async (version) => {
    const seen: string[] = []
    const { url } = await start({
      postAuthenticate: (socket, data) => seen.push(`${socket.id} is ${data.username}`),
      disconnect: (socket) => seen.push(`${socket.id} disconnected`),
    })
    const client = await connected(url, version)
    const { id } = client
    expect(await authenticated(client)).toEqual(['authenticated', true])
    client.disconnect()
    await vi.waitFor(() => expect(seen).toEqual([`${id} is John`, `${id} disconnected`]))

    for (const [data, message] of [
      [{ username: 'Jane', password: 'secret' }, 'User not found'],
      [{ username: 'John', password: 'no' }, 'Authentication failure'],
    ] as const) {
      const refused = await connected(url, version)
      const gone = disconnected(refused)
      expect(await authenticated(refused, data)).toEqual(failure(message))
      expect(await gone).toBe('io server disconnect')
    }
  })

  test('socket.auth says whether it is authenticated, and the client hears what success is', async () => {
    const user = { id: 7, name: 'John' }
    const events: AuditEvent[] = []
    const { url, io } = await start({
      authenticate: (_s, _d, done) => done(null, user),
      audit: (event) => events.push(event),
    })
    let socket: (Socket & { auth?: boolean }) | undefined
    io.on('connection', (each) => {
      socket = each
    })
    const client = await connected(url)
    expect(socket?.auth).toBe(false)
    expect(await authenticated(client)).toEqual(['authenticated', user])
    expect(socket?.auth).toBe(true)
    expect(socket?.data.identity).toEqual({ scheme: 'legacy', issuer: 'socketio-auth', subject: '7', claims: {} })
    expect(events).toMatchObject([{ stage: 'connect', effect: 'permit', rule: 'compat/socketio-auth' }])
    const refusing = await start({ audit: (event) => events.push(event) })
    await authenticated(await connected(refusing.url), { username: 'John', password: 'hunter2' })
    expect(events[1]).toMatchObject({ stage: 'connect', effect: 'deny', code: 'AUTH_CREDENTIAL_INVALID' })
    expect(JSON.stringify(events)).not.toContain('hunter2')
  })

  test('what the server emits to the socket itself is sent', async () => {
    const { url, io } = await start()
    io.on('connection', (socket) => {
      socket.emit('welcome', 'back')
    })
    const client = connect(url, 4)
    expect(await first(client, 'welcome')).toEqual(['welcome', 'back'])
  })
})

describe('closes what was open in the old package', () => {
  test('a client that never acknowledges the refusal is disconnected', async () => {
    const { url, io } = await start({ timeout: 'none' })
    const client = await connected(url)
    client.on('unauthorized', () => {})
    const gone = disconnected(client)
    client.emit('authentication', { username: 'John' })
    expect(await gone).toBe('io server disconnect')
    expect(io.sockets.sockets.size).toBe(0)
  })

  test("timeout: 'none' leaves one attempt, however many are sent", async () => {
    const passwords: unknown[] = []
    const { url } = await start({
      timeout: 'none',
      authenticate(socket, data, done) {
        passwords.push(data.password)
        return byPassword(socket, data, done)
      },
    })
    const client = await connected(url)
    const gone = disconnected(client)
    for (const password of ['1', '2', '3', 'secret']) client.emit('authentication', { username: 'John', password })
    expect(await gone).toBe('io server disconnect')
    expect(passwords).toEqual(['1'])
  })

  test('one connection has five failures, over whatever namespaces', async () => {
    const { url, io } = await start()
    io.of(/^\/room-\d+$/)
    const manager = connect(url, 4) as unknown as {
      io: {
        socket(name: string): ReturnType<typeof connect>
        on: (event: string, listener: (reason: string) => void) => void
      }
    }
    const closed = new Promise((resolve) => manager.io.on('close', resolve))
    for (const each of [1, 2, 3, 4, 5]) {
      const room = manager.io.socket(`/room-${each}`)
      expect(await outcome(room)).toBeNull()
      room.emit('authentication', { username: 'John' })
    }
    await closed
    await vi.waitFor(() => expect(io.engine.clientsCount).toBe(0))
  })

  test('namespaces that are created later, and by a pattern, are guarded', async () => {
    const { url, io, heard } = await start({ timeout: 300 })
    const late = io.of('/late')
    io.of(/^\/dynamic-\w+$/)
    for (const namespace of ['/late', '/dynamic-x']) {
      const client = await connected(url, 4, namespace)
      const received: unknown[] = []
      client.on('news', (each: unknown) => received.push(each))
      io.of(namespace).emit('news', 1)
      client.emit('anything')
      expect(await io.of(namespace).fetchSockets()).toEqual([])
      expect(await disconnected(client)).toBe('io server disconnect')
      expect(received).toEqual([])
    }
    const client = await connected(url, 4, '/late')
    expect(await authenticated(client)).toEqual(['authenticated', true])
    expect(await late.fetchSockets()).toHaveLength(1)
    expect(heard).toEqual([])
  })

  test('a handler that greets everybody from connection reaches no new client', async () => {
    const io = new Server()
    // Before the facade, so that its listener comes first.
    io.on('connection', () => io.emit('joined', 'somebody'))
    facade.socketIOAuth(io, { authenticate: byPassword, timeout: 5000 })
    io.listen(0)
    onCleanup(() => io.close())
    const client = connect(`http://127.0.0.1:${(io.httpServer.address() as { port: number }).port}`, 4)
    const received: unknown[] = []
    client.on('joined', (each: unknown) => received.push(each))
    expect(await authenticated(client)).toEqual(['authenticated', true])
    expect(received).toEqual([])
  })

  test('rooms that it joins meanwhile count afterwards, and not before', async () => {
    const { url, io } = await start()
    io.on('connection', (socket) => socket.join('news'))
    const client = await connected(url)
    const received: unknown[] = []
    client.on('news', (each: unknown) => received.push(each))
    io.to('news').emit('news', 'before')
    await authenticated(client)
    io.to('news').emit('news', 'after')
    await first(client, 'news')
    expect(received).toEqual(['after'])
  })

  test('a success counts in the other namespaces of the connection', async () => {
    const { url, io } = await start()
    const client = (await connected(url)) as ReturnType<typeof connect> & {
      io: { socket(name: string): ReturnType<typeof connect> }
    }
    const admin = client.io.socket('/admin')
    expect(await outcome(admin)).toBeNull()
    expect(await io.of('/admin').fetchSockets()).toEqual([])
    await authenticated(client)
    expect(await io.of('/admin').fetchSockets()).toHaveLength(1)
    expect(await authenticated(admin)).toEqual(['authenticated', true])
  })

  test.each([
    ['an Error of the application', new Error('User not found'), 'User not found'],
    ['a text', 'nobody', 'nobody'],
    ['an error of Node.js', Object.assign(new Error('connect ECONNREFUSED db'), { code: 'ECONNREFUSED' }), undefined],
    ['an error of a database', Object.assign(new Error('relation users'), { severity: 'ERROR' }), undefined],
    ['a TypeError', new TypeError('Cannot read properties of null'), undefined],
    ['nonsense', { message: { a: 1 } }, undefined],
  ])('tells the client of %s what is meant for it', async (_name, error, message) => {
    const { url } = await start({ authenticate: (_socket, _data, done) => done(error) })
    expect(await authenticated(await connected(url))).toEqual(failure(message))
  })

  test.each<[string, Authenticate]>([
    ['throws', () => JSON.parse('{')],
    ['rejects', () => Promise.reject(new Error('hunter2'))],
    ['says nothing', (_socket, _data, done) => done()],
    ['gives an error together with success', (_socket, _data, done) => done(new Error('Authentication failure'), true)],
    ['says no, then yes', (_socket, _data, done) => [done(null, false), done(null, true)]],
    ['gives a promise of no', (_socket, _data, done) => done(null, Promise.resolve(false))],
    ['gives a promise that rejects', (_socket, _data, done) => done(null, Promise.reject(new Error('hunter2')))],
  ])('refuses when authenticate %s', async (_name, authenticate) => {
    const { url, io } = await start({ authenticate })
    expect(await authenticated(await connected(url))).toEqual(failure())
    await vi.waitFor(() => expect(io.sockets.sockets.size).toBe(0))
  })

  test('admits once when authenticate says yes twice', async () => {
    const posts: unknown[] = []
    const { url } = await start({
      authenticate: (_socket, _data, done) => [done(null, true), done(null, true), done(new Error('late'))],
      postAuthenticate: (_socket, data) => posts.push(data),
    })
    const client = await connected(url)
    expect(await authenticated(client)).toEqual(['authenticated', true])
    client.emit('authentication', JOHN)
    expect(await new Promise((resolve) => setImmediate(resolve, posts))).toEqual([JOHN])
  })

  test('an answer after the time-out lets nobody in', async () => {
    const { promise, open } = gate()
    const { url, io } = await start({
      timeout: 100,
      authenticate: (_socket, _data, done) => void promise.then(() => done(null, true)),
    })
    const client = await connected(url)
    client.emit('authentication', JOHN)
    expect(await disconnected(client)).toBe('io server disconnect')
    open()
    await promise
    expect(io.sockets.sockets.size).toBe(0)
  })

  test.each([() => JSON.parse('{'), () => Promise.reject(new Error('hunter2'))])(
    'a postAuthenticate that fails disconnects',
    async (postAuthenticate) => {
      const { url } = await start({ postAuthenticate })
      const client = await connected(url)
      client.emit('authentication', JOHN)
      expect(await disconnected(client)).toBe('io server disconnect')
    },
  )

  test('a disconnect callback that throws ends no process', async () => {
    const { url } = await start({ disconnect: () => JSON.parse('{') })
    const client = await connected(url)
    client.disconnect()
    expect(await authenticated(await connected(url))).toEqual(['authenticated', true])
  })
})

test.each([
  NOTHING,
  null,
  1,
  'x',
  [],
  [[]],
  true,
  { __proto__: { username: 'John', password: 'secret' } },
  'x'.repeat(200_000),
])('withstands the data %.40j', async (data) => {
  const { url } = await start()
  expect((await authenticated(await connected(url), data))[0]).toBe('unauthorized')
  expect(await authenticated(await connected(url))).toEqual(['authenticated', true])
})

test.each([
  ['authenticate', {}],
  ['timeout', { authenticate: byPassword, timeout: Number.POSITIVE_INFINITY }],
  ['timeout', { authenticate: byPassword, timeout: 'never' }],
  ['postAuthenticate', { authenticate: byPassword, postAuthenticate: 1 }],
])('refuses a wrong "%s" at start-up', (option, options) => {
  expect(() => facade.socketIOAuth(new Server(), options as never)).toThrow(`"${option}"`)
})

test('refuses something that is no server of Socket.IO 4', () => {
  expect(() => facade.socketIOAuth({} as never, { authenticate: byPassword })).toThrow(TypeError)
})

test('refuses connectionStateRecovery, with which restored sockets are not asked', async () => {
  const io = new Server({ connectionStateRecovery: {} })
  facade.socketIOAuth(io, { authenticate: byPassword })
  io.listen(0)
  onCleanup(() => io.close())
  const url = `http://127.0.0.1:${(io.httpServer.address() as { port: number }).port}`
  expect(await outcome(connect(url, 4))).toMatch(/connectionStateRecovery/)
})

test('stands as a strategy among those of createAuth', async () => {
  const io = new Server()
  const auth = createAuth({
    origins: [],
    strategies: [
      facade.strategy({ authenticate: byPassword, identify: (_success, data) => ({ subject: data.username }) }),
    ],
  })
  io.listen(0)
  auth.protect(io.of('/'), { connect: () => permit(), events: {} })
  onCleanup(async () => {
    await auth.close()
    await io.close()
  })
  const url = `http://127.0.0.1:${(io.httpServer.address() as { port: number }).port}`
  expect(await outcome(connect(url, 4, { auth: JOHN }))).toBeNull()
  const [socket] = await io.fetchSockets()
  expect(socket?.data.identity).toMatchObject({ scheme: 'legacy', issuer: 'socketio-auth', subject: 'John' })
  expect(await outcome(connect(url, 4, { auth: { username: 'John' } }))).not.toBeNull()
  expect(await outcome(connect(url, 4))).not.toBeNull()
})
