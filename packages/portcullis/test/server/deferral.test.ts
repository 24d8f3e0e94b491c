import { type AuthOptions, permitIf, type Strategy } from 'portcullis'
import { fromAuthorization, readOne } from 'portcullis/strategies/from'
import type { Socket as ClientSocket } from 'socket.io-client'
import { describe, expect, it } from 'vitest'
import { connecting, fakeTime, gate, keys, next, outcome, start, type User } from '../harness.ts'

type Options = Partial<AuthOptions<Strategy<User>>>

/** A server that lets sockets connect with nothing; what the application's listeners saw of each is in `seen`. */
async function opened(options: Options = {}, namespace = '/chat') {
  const harness = await start({ deferMs: 60_000, ...options })
  const seen: string[] = []
  const chat = harness.auth.protect(harness.io.of(namespace), {
    events: { say: () => permitIf(true) },
    rooms: { 'org:{org}': ({ identity, params }) => permitIf(identity.claims.org === params.org) },
    memberships: ({ claims }) => [`org:${claims.org}`],
  })
  chat.on('connection', (socket) => {
    seen.push(socket.data.identity.subject)
    socket.onAny((event) => seen.push(event))
    socket.on('say', (ack?: (answer: string) => void) => ack?.('heard'))
  })
  return { ...harness, chat, seen }
}

async function connected(client: ClientSocket): Promise<ClientSocket> {
  expect(await outcome(client)).toBeNull()
  return client
}

const refresh = (client: ClientSocket, auth: unknown) => client.emitWithAck('auth:refresh', auth)
const refused = (code: string) => ({ error: { code, message: expect.any(String), retry: expect.any(String) } })

describe('S9: a socket that connects with nothing, where deferMs is set', () => {
  it('presents its credential afterwards, as the seed sends its key, and is then as any other', async () => {
    const { client, chat, seen, audit } = await opened()
    const socket = await connected(client('/chat'))
    expect(seen).toEqual([])
    expect(await refresh(socket, { token: 'alice-key' })).toEqual({ expiresAt: null, joined: ['org:acme'], left: [] })
    expect(seen).toEqual(['alice'])
    expect(await refresh(socket, { token: 'bob-key' })).toEqual(refused('AUTH_SUBJECT_CHANGED'))
    expect(await socket.emitWithAck('say')).toBe('heard')
    expect(await socket.emitWithAck('auth:whoami')).toMatchObject({ subject: 'alice', rooms: ['org:acme'] })
    const hello = next(socket, 'hello')
    chat.to('org:acme').emit('hello')
    await hello
    const direct = next(socket, 'direct')
    chat.to(socket.id as string).emit('direct')
    await direct
    expect(audit.map(({ stage, rule, effect }) => `${stage} ${rule} ${effect}`).slice(0, 3)).toEqual([
      'handshake handshake permit',
      'connect defer permit',
      'refresh refresh permit',
    ])
    expect(audit.map(({ identity }) => identity?.subject ?? null).slice(0, 3)).toEqual([null, null, 'alice'])
  })

  it('can do nothing before: no event, no join, no question, and no listener sees it', async () => {
    const { client, chat, seen } = await opened()
    const socket = await connected(client('/chat'))
    for (const event of ['say', 'auth:join', 'auth:leave', 'auth:whoami', 'auth:other', 'unknown', 'connection']) {
      expect(await socket.emitWithAck(event, 'org:acme')).toEqual(refused('AUTH_CREDENTIAL_MISSING'))
    }
    const denied = next(socket, 'auth:denied')
    socket.emit('say')
    expect((await denied)[0]).toMatchObject({ code: 'AUTH_CREDENTIAL_MISSING', event: 'say' })
    expect(await socket.emitWithAck('say', Buffer.from('binary'))).toEqual(refused('AUTH_CREDENTIAL_MISSING'))
    expect(await refresh(socket, { token: Buffer.from('alice-key') })).toEqual(refused('AUTH_CREDENTIAL_INVALID'))
    expect(seen).toEqual([])
    expect([chat.sockets.size, chat.adapter.sids.size]).toEqual([0, 0])
    expect(await chat.fetchSockets()).toEqual([])
  })

  it('receives nothing before, neither of its namespace nor of a room', async () => {
    const { client, chat } = await opened()
    const socket = await connected(client('/chat'))
    const heard: string[] = []
    socket.onAny((event) => heard.push(event))
    chat.emit('news', 1)
    chat.to(socket.id as string).emit('news', 2)
    chat.socketsJoin('org:acme')
    chat.to('org:acme').emit('news', 3)
    await refresh(socket, { token: 'bob-key' })
    const last = next(socket, 'last')
    chat.emit('last')
    await last
    expect(heard).toEqual(['last'])
  })

  it.each([
    ['a bad credential', { token: 'wrong' }, 'AUTH_CREDENTIAL_INVALID'],
    ['nothing again', {}, 'AUTH_CREDENTIAL_MISSING'],
    ['a string', 'alice-key', 'AUTH_ARGUMENTS_INVALID'],
    ['an array', ['alice-key'], 'AUTH_ARGUMENTS_INVALID'],
    ['null', null, 'AUTH_ARGUMENTS_INVALID'],
    ['a prototype', JSON.parse('{"__proto__":{"token":"alice-key"}}'), 'AUTH_CREDENTIAL_MISSING'],
  ])('may present %s and try again', async (_name, auth, code) => {
    const { client, seen, audit } = await opened()
    const socket = await connected(client('/chat'))
    expect(await refresh(socket, auth)).toEqual(refused(code))
    expect(seen).toEqual([])
    expect(audit.at(-1)).toMatchObject({ stage: 'refresh', effect: 'deny', code, identity: null, socketId: socket.id })
    expect(audit.at(-1)?.reason).toBe(code === 'AUTH_CREDENTIAL_INVALID' ? 'unknown_key' : undefined)
    expect(await refresh(socket, { token: 'alice-key' })).toMatchObject({ joined: ['org:acme'] })
  })

  it('is closed after too many bad credentials', async () => {
    const { client } = await opened({ limits: { maxConnectFailures: 3 } })
    const socket = await connected(client('/chat'))
    const gone = next(socket, 'disconnect')
    for (let i = 0; i < 3; i += 1)
      expect(await refresh(socket, { token: 'no' })).toEqual(refused('AUTH_CREDENTIAL_INVALID'))
    expect((await gone)[0]).toBe('transport close')
  })

  it('is closed at the deadline with AUTH_CREDENTIAL_MISSING, and its connection with it', async () => {
    const { clock, advance } = fakeTime()
    const { client, io, seen } = await opened({ clock, deferMs: 2_000 })
    const socket = await connected(client('/chat'))
    advance(1_999)
    expect(await socket.emitWithAck('say')).toEqual(refused('AUTH_CREDENTIAL_MISSING'))
    const [closed, gone] = [next(socket, 'auth:closed'), next(socket, 'disconnect')]
    advance(1)
    expect((await closed)[0]).toMatchObject({ code: 'AUTH_CREDENTIAL_MISSING', retry: 'refresh' })
    expect((await gone)[0]).toBe('io server disconnect')
    await expect.poll(() => io.engine.clientsCount).toBe(0)
    expect(seen).toEqual([])
  })

  it('may wait longer than connectTimeoutMs, when deferMs says so, and has no deadline once it is admitted', async () => {
    const { clock, advance, pending } = fakeTime()
    const { client } = await opened({ clock, deferMs: 60_000, limits: { connectTimeoutMs: 1_000 } })
    const socket = await connected(client('/chat'))
    advance(59_000)
    expect(await refresh(socket, { token: 'alice-key' })).toMatchObject({ joined: ['org:acme'] })
    expect(pending()).toBe(0)
    advance(600_000)
    expect(await socket.emitWithAck('say')).toBe('heard')
  })

  it('gets no new time by leaving and coming again', async () => {
    const { clock, advance } = fakeTime()
    const { client, io, auth } = await opened({ clock, deferMs: 2_000 })
    auth.protect(io.of('/second'), { events: {} })
    const first = await connected(client('/second', { auth: { token: 'alice-key' } }))
    const waiting = await connected(first.io.socket('/chat', {}))
    advance(1_500)
    waiting.disconnect()
    // Socket.IO closes a connection on which a connect follows a disconnect before it has done with that.
    await first.emitWithAck('auth:whoami')
    await connected(waiting.connect())
    const closed = next(waiting, 'auth:closed')
    advance(500)
    expect((await closed)[0]).toMatchObject({ code: 'AUTH_CREDENTIAL_MISSING' })
    expect(await outcome(waiting.connect())).toMatchObject({ code: 'AUTH_CREDENTIAL_MISSING' })
  })

  it('takes one namespace of its connection, and cannot connect to it a second time meanwhile', async () => {
    const { client, io } = await opened()
    const socket = await connected(client('/chat'))
    const gone = next(socket, 'disconnect')
    socket.io.engine.write('0/chat,')
    expect((await gone)[0]).toBe('transport close')
    expect(connecting(io.of('/chat'))).toBe(0)
  })

  it('refuses a second refresh while the first is being decided', async () => {
    const held = gate()
    const { client, records } = await opened()
    records.set('slow', { subject: 'slow', wait: held.promise })
    const socket = await connected(client('/chat'))
    const first = refresh(socket, { token: 'slow' })
    expect(await refresh(socket, { token: 'alice-key' })).toEqual(refused('AUTH_RATE_LIMITED'))
    held.open()
    expect(await first).toMatchObject({ joined: ['org:acme'] })
    expect(await socket.emitWithAck('auth:whoami')).toMatchObject({ subject: 'slow' })
  })

  it('R11: is never admitted by a credential that was revoked while it was checked', async () => {
    const held = gate()
    const asked = gate()
    const { client, records, auth, seen } = await opened()
    records.set('slow', {
      subject: 'slow',
      get wait() {
        asked.open()
        return held.promise
      },
    })
    const socket = await connected(client('/chat'))
    const answer = refresh(socket, { token: 'slow' })
    await asked.promise
    await auth.revoke({ issuer: 'https://issuer.example', subject: 'slow' })
    held.open()
    expect(await answer).toEqual(refused('AUTH_REVOKED'))
    expect(seen).toEqual([])
  })

  it('R11: is never admitted when it is revoked while a middleware of the application holds it', async () => {
    const held = gate()
    const asked = gate()
    const { client, chat, auth, seen } = await opened()
    chat.use((_socket, done) => {
      asked.open()
      held.promise.then(() => done())
    })
    const socket = await connected(client('/chat'))
    const closed = next(socket, 'auth:closed')
    const answer = refresh(socket, { token: 'alice-key' })
    await asked.promise
    expect(await auth.revoke({ issuer: 'https://issuer.example', subject: 'alice' })).toMatchObject({ closed: 1 })
    held.open()
    expect(await answer).toEqual(refused('AUTH_REVOKED'))
    expect((await closed)[0]).toMatchObject({ code: 'AUTH_REVOKED' })
    expect(seen).toEqual([])
  })

  it('is let go when its client leaves while a credential is checked', async () => {
    const held = gate()
    const asked = gate()
    const { client, io, records, seen, errors } = await opened()
    records.set('slow', {
      subject: 'slow',
      get wait() {
        asked.open()
        return held.promise
      },
    })
    const socket = await connected(client('/chat'))
    socket.emit('auth:refresh', { token: 'slow' })
    await asked.promise
    socket.disconnect()
    await expect.poll(() => io.engine.clientsCount).toBe(0)
    held.open()
    await connected(client('/chat', { auth: { token: 'alice-key' } }))
    expect(seen).toEqual(['alice'])
    expect(io.of('/chat').sockets.size).toBe(1)
    expect(errors).toEqual([])
  })

  it('ends at the deadline although a credential is being checked, and is not admitted by it afterwards', async () => {
    const held = gate()
    const asked = gate()
    const { clock, advance } = fakeTime()
    const { client, records, seen, chat } = await opened({ clock, deferMs: 1_000 })
    records.set('slow', {
      subject: 'slow',
      get wait() {
        asked.open()
        return held.promise
      },
    })
    const socket = await connected(client('/chat'))
    socket.emit('auth:refresh', { token: 'slow' })
    await asked.promise
    const closed = next(socket, 'auth:closed')
    advance(1_000)
    expect((await closed)[0]).toMatchObject({ code: 'AUTH_CREDENTIAL_MISSING' })
    held.open()
    await connected(client('/chat', { auth: { token: 'alice-key' } }))
    expect(seen).toEqual(['alice'])
    expect(chat.sockets.size).toBe(1)
  })
})

describe("the application's middlewares and a deferred socket", () => {
  it('run once, after it has presented its credential, and find its identity', async () => {
    const { client, chat } = await opened()
    const subjects: unknown[] = []
    chat.use((socket, done) => {
      subjects.push(socket.data.identity?.subject)
      done()
    })
    const socket = await connected(client('/chat'))
    expect(subjects).toEqual([])
    await refresh(socket, { token: 'alice-key' })
    expect(subjects).toEqual(['alice'])
  })

  it('may still refuse it: AUTH_FORBIDDEN, and it is closed', async () => {
    const { client, chat, seen, auth } = await opened()
    chat.use((_socket, done) => done(new Error('not on Sundays')))
    const socket = await connected(client('/chat'))
    const closed = next(socket, 'auth:closed')
    expect(await refresh(socket, { token: 'alice-key' })).toEqual(refused('AUTH_FORBIDDEN'))
    expect((await closed)[0]).toMatchObject({ code: 'AUTH_FORBIDDEN' })
    expect(seen).toEqual([])
    // Nothing is kept of it that a revocation could still find.
    expect(await auth.revoke({ issuer: 'https://issuer.example', subject: 'alice' })).toMatchObject({ closed: 0 })
  })
})

describe('deferral', () => {
  it('does not change what happens to a credential that comes with the connect', async () => {
    const { client, seen } = await opened()
    await connected(client('/chat', { auth: { token: 'alice-key' } }))
    expect(seen).toEqual(['alice'])
    expect(await outcome(client('/chat', { auth: { token: 'wrong' } }))).toMatchObject({
      code: 'AUTH_CREDENTIAL_INVALID',
    })
  })

  it('is not for a namespace without a policy', async () => {
    const { client } = await opened()
    expect(await outcome(client('/other'))).toMatchObject({ code: 'Invalid namespace' })
    const { io, client: another } = await opened()
    io.of('/closed')
    expect(await outcome(another('/closed'))).toMatchObject({ code: 'AUTH_FORBIDDEN' })
  })

  it('counts for the limit of namespaces per connection', async () => {
    const { client, io, auth } = await opened({ limits: { maxNamespaces: 1 } })
    auth.protect(io.of('/second'), { events: {} })
    const first = await connected(client('/chat'))
    expect(await outcome(first.io.socket('/second', {}))).toMatchObject({ code: 'AUTH_RATE_LIMITED' })
  })

  it('leaves the other namespaces of the connection alone when it ends', async () => {
    const { clock, advance } = fakeTime()
    const { client, io, auth } = await opened({ clock, deferMs: 1_000 })
    auth.protect(io.of('/second'), { events: {} })
    const first = await connected(client('/second', { auth: { token: 'alice-key' } }))
    const waiting = await connected(first.io.socket('/chat', {}))
    const gone = next(waiting, 'disconnect')
    advance(1_000)
    await gone
    expect(await first.emitWithAck('auth:whoami')).toMatchObject({ subject: 'alice' })
  })

  it('leaves the other namespaces of the connection alone when its client takes it back', async () => {
    const { clock, advance } = fakeTime()
    const { client, io, auth } = await opened({ clock, deferMs: 60_000 })
    auth.protect(io.of('/second'), { events: {} })
    const first = await connected(client('/second', { auth: { token: 'alice-key' } }))
    const waiting = await connected(first.io.socket('/chat', {}))
    waiting.disconnect()
    await first.emitWithAck('auth:whoami')
    advance(120_000)
    expect(await first.emitWithAck('auth:whoami')).toMatchObject({ subject: 'alice' })
  })

  it('works in children of a dynamic namespace, and keeps its namespace when the last one in sight goes', async () => {
    const harness = await start({ deferMs: 60_000 }, { cleanupEmptyChildNamespaces: true })
    const seen: string[] = []
    harness.auth
      .protect(harness.io.of(/^\/team-\d+$/), { events: {} })
      .on('connection', (socket) => seen.push(`${socket.nsp.name} ${socket.data.identity.subject}`))
    const first = await connected(harness.client('/team-1'))
    expect(await refresh(first, { token: 'alice-key' })).toMatchObject({ expiresAt: null })
    expect(seen).toEqual(['/team-1 alice'])
    const waiting = await connected(harness.client('/team-1'))
    const other = await connected(harness.client('/team-1'))
    const namespace = harness.io.of('/team-1')
    first.disconnect()
    await expect.poll(() => namespace.sockets.size).toBe(0)
    expect(harness.io.of('/team-1')).toBe(namespace)
    expect(await refresh(waiting, { token: 'bob-key' })).toMatchObject({ expiresAt: null })
    // Who never said who it is takes no namespace from those who did.
    other.disconnect()
    await waiting.emitWithAck('auth:whoami')
    expect(harness.io.of('/team-1')).toBe(namespace)
    waiting.disconnect()
    await expect.poll(() => harness.io._nsps.has('/team-1')).toBe(false)
  })

  it('says so when its namespace has gone meanwhile', async () => {
    const { client, io } = await opened()
    const waiting = await connected(client('/chat'))
    io._nsps.delete('/chat')
    expect(await refresh(waiting, { token: 'bob-key' })).toEqual(refused('AUTH_UNAVAILABLE'))
  })

  it.each([
    ['0', 0],
    ['more than five minutes', 300_001],
    ['no number', '5000'],
  ])('Z10: deferMs of %s is a TypeError that quotes it', async (_name, deferMs) => {
    await expect(start({ deferMs: deferMs as number })).rejects.toThrow('"deferMs"')
  })

  it('Z10: needs a strategy that could find a credential later', async () => {
    const from = [fromAuthorization()]
    const header = { ...keys(new Map()), from, authenticate: async (h: never) => readOne(from, h, null) as never }
    await expect(start({ deferMs: 1_000, strategies: [header] })).rejects.toThrow('"deferMs" needs a strategy')
  })

  it('reports what a strategy throws, and shows none of it', async () => {
    const strategy = {
      ...keys(new Map()),
      authenticate: async (_handshake: unknown, connect: unknown) => {
        if (connect !== null) throw new Error('secret dsn')
        return null
      },
    }
    const { client, errors } = await opened({ strategies: [strategy as never] })
    const socket = await connected(client('/chat'))
    const answer = await refresh(socket, { token: 'x' })
    expect(answer).toEqual(refused('AUTH_ERROR'))
    expect(JSON.stringify(answer)).not.toContain('dsn')
    expect(errors.some(({ error }) => error instanceof Error && error.message === 'secret dsn')).toBe(true)
  })
})
