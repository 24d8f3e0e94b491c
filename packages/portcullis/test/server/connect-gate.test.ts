import { AuthError, permit, permitIf, type Strategy } from 'portcullis'
import { memory } from 'portcullis/revocations/memory'
import { describe, expect, it } from 'vitest'
import { connecting, fakeTime, gate, keys, next, outcome, start, type User } from '../harness.ts'

describe('connect gate', () => {
  it.each(['websocket', 'polling'])(
    'admits a good credential by %s and puts identity and lease on socket.data',
    async (transport) => {
      const { io, auth, client } = await start()
      const chat = auth.protect(io.of('/chat'), { events: {} })
      const connected = next(chat, 'connection')
      expect(await outcome(client('/chat', { auth: { token: 'alice-key' }, transports: [transport] }))).toBe(null)
      const [socket] = (await connected) as [{ data: unknown }]
      expect(socket.data).toEqual({
        identity: {
          scheme: 'key',
          issuer: 'https://issuer.example',
          subject: 'alice',
          claims: { org: 'acme', scope: 'chat:read' },
        },
        lease: { id: 'alice', issuedAt: 0, expiresAt: null },
      })
    },
  )

  it('refuses a bad credential with AUTH_CREDENTIAL_INVALID, code, message and retry, and not the credential', async () => {
    const { io, auth, client, audit } = await start()
    auth.protect(io.of('/chat'), { events: {} })
    expect(await outcome(client('/chat', { auth: { token: 'stolen-secret' } }))).toEqual({
      code: 'AUTH_CREDENTIAL_INVALID',
      message: 'The credential was not accepted.',
      retry: 'refresh',
    })
    expect(JSON.stringify(audit)).not.toContain('stolen-secret')
    expect(audit.find(({ stage }) => stage === 'connect')).toMatchObject({ effect: 'deny', reason: 'unknown_key' })
  })

  it('refuses a connect without a credential with AUTH_CREDENTIAL_MISSING', async () => {
    const { io, auth, client } = await start()
    auth.protect(io.of('/chat'), { events: {} })
    expect(await outcome(client('/chat'))).toMatchObject({ code: 'AUTH_CREDENTIAL_MISSING', retry: 'refresh' })
  })

  it('never lets a bad credential fall through to the next strategy', async () => {
    const permissive: Strategy<User> = {
      ...keys(new Map()),
      from: [],
      authenticate: async () => ({
        identity: { scheme: 'key', issuer: 'x', subject: 'anyone', claims: { org: 'x', scope: '' } },
        lease: { id: 'x', issuedAt: 0, expiresAt: null },
      }),
    }
    const { io, auth, client } = await start({ strategies: [keys(new Map()), permissive] })
    auth.protect(io.of('/chat'), { events: {} })
    expect(await outcome(client('/chat', { auth: { token: 'wrong' } }))).toMatchObject({
      code: 'AUTH_CREDENTIAL_INVALID',
    })
    expect(await outcome(client('/chat'))).toBe(null)
  })

  it('uses the credential given for the namespace rather than the one that opened the connection', async () => {
    const { io, auth, client } = await start()
    const chat = auth.protect(io.of('/chat'), { events: {} })
    const connected = next(chat, 'connection')
    const extraHeaders = { authorization: 'Bearer alice-key' }
    expect(await outcome(client('/chat', { auth: { token: 'bob-key' }, extraHeaders }))).toBe(null)
    const [socket] = (await connected) as [{ data: { identity: User } }]
    expect(socket.data.identity.subject).toBe('bob')
  })

  it('A18: keeps one identity per namespace of a connection, with no bleed', async () => {
    const { io, auth, client } = await start()
    auth.protect(io.of('/'), { events: {} })
    auth.protect(io.of('/admin'), { connect: ({ identity }) => permitIf(identity.subject === 'bob'), events: {} })
    const root = client('/', { auth: { token: 'bob-key' } })
    expect(await outcome(root)).toBe(null)
    const admin = root.io.socket('/admin', { auth: { token: 'alice-key' } })
    expect(await outcome(admin)).toMatchObject({ code: 'AUTH_FORBIDDEN' })
  })

  it('Q07: takes the credential out of socket.handshake.auth, and leaves the rest of it', async () => {
    const { io, auth, client } = await start()
    const chat = auth.protect(io.of('/chat'), { events: {} })
    const connected = next(chat, 'connection')
    expect(await outcome(client('/chat', { auth: { token: 'alice-key', device: 'phone' } }))).toBe(null)
    const [socket] = (await connected) as [{ handshake: { auth: unknown } }]
    expect(socket.handshake.auth).toEqual({ device: 'phone' })
    const [remote] = await chat.fetchSockets()
    expect(JSON.stringify([remote?.handshake, remote?.data])).not.toContain('alice-key')
  })

  it('shortens the lease to what the connect rule permits', async () => {
    const end = Math.floor(Date.now() / 1000) + 60
    const { io, auth, client } = await start()
    const chat = auth.protect(io.of('/chat'), { connect: () => permit({ expiresAt: end }), events: {} })
    const connected = next(chat, 'connection')
    await outcome(client('/chat', { auth: { token: 'alice-key' } }))
    const [socket] = (await connected) as [{ data: { lease: { expiresAt: number } } }]
    expect(socket.data.lease.expiresAt).toBe(end)
  })

  it('joins memberships before the connection listener runs', async () => {
    const { io, auth, client } = await start()
    const chat = auth.protect(io.of('/chat'), { events: {}, memberships: ({ claims }) => [`org.${claims.org}`] })
    const rooms = new Promise<string[]>((resolve) => chat.on('connection', (socket) => resolve([...socket.rooms])))
    await outcome(client('/chat', { auth: { token: 'alice-key' } }))
    expect(await rooms).toContain('org.acme')
  })

  it('fact 9, D04, F14: decides one connect at a time per namespace and closes a connection after five failures', async () => {
    const held = gate()
    const { io, auth, client, records, audit } = await start()
    records.set('slow-key', { subject: 'slow', wait: held.promise })
    const chat = auth.protect(io.of('/chat'), { events: {} })
    const connections: unknown[] = []
    chat.on('connection', (socket) => connections.push(socket))
    const socket = client('/chat', { autoConnect: false, auth: { token: 'slow-key' } })
    const { engine } = await openRaw(socket)
    const closed = next(engine, 'close')
    for (let i = 0; i < 1000; i += 1) engine.write(`0/chat,{"token":"slow-key"}`)
    await closed
    held.open()
    await new Promise((resolve) => setImmediate(resolve))
    expect(connections).toEqual([])
    expect(audit.filter(({ code }) => code === 'AUTH_RATE_LIMITED').length).toBeGreaterThanOrEqual(5)
    expect(connecting(chat)).toBe(0)
  })

  it('Z04: forgets a client that vanished while its strategy was working', async () => {
    const held = gate()
    const asked = gate()
    const { io, auth, client, records } = await start()
    records.set('slow-key', {
      subject: 'slow',
      get wait() {
        asked.open()
        return held.promise
      },
    })
    const chat = auth.protect(io.of('/chat'), { events: {} })
    const socket = client('/chat', { auth: { token: 'slow-key' } })
    await asked.promise
    const [engineSocket] = Object.values(
      (io.engine as unknown as { clients: Record<string, { once(e: string, f: () => void): void }> }).clients,
    )
    const gone = new Promise<void>((resolve) => engineSocket?.once('close', resolve))
    socket.disconnect()
    await gone
    held.open()
    await expect.poll(() => connecting(chat)).toBe(0)
    expect((await auth.revoke({ issuer: 'https://issuer.example', subject: 'slow' })).closed).toBe(0)
  })

  it('D01: closes a connection that sends packet after packet before any namespace admits it', async () => {
    const { io, auth, client } = await start({ limits: { maxPacketsBeforeConnect: 10 } })
    auth.protect(io.of('/chat'), { events: {} })
    const socket = client('/chat', { autoConnect: false, auth: { token: 'alice-key' } })
    const { engine } = await openRaw(socket)
    const answers: unknown[] = []
    engine.on('data', (data) => answers.push(data))
    const closed = next(engine, 'close')
    // Socket.IO itself answers these, before any middleware.
    for (let i = 0; i < 1000; i += 1) engine.write(`0/nowhere-${i},`)
    await closed
    expect(answers.length).toBeLessThanOrEqual(10)
  })

  it('Z04: leaves no timer behind when a connection has come and gone', async () => {
    const time = fakeTime()
    const { io, auth, client, records } = await start({ clock: time.clock })
    records.set('short', { subject: 'short', expiresAt: time.seconds() + 60 })
    auth.protect(io.of('/chat'), { events: {} })
    const socket = client('/chat', { auth: { token: 'short' } })
    expect(await outcome(socket)).toBe(null)
    expect(time.pending()).toBe(1)
    socket.io.engine.close()
    await expect.poll(() => io.engine.clientsCount).toBe(0)
    await new Promise((resolve) => setImmediate(resolve))
    expect(time.pending()).toBe(0)
  })

  it('forgets a client that vanished while a middleware of the application held it', async () => {
    const { io, auth, client } = await start()
    const held = gate()
    const chat = auth.protect(io.of('/chat'), { events: {} }).use(() => held.open())
    const socket = client('/chat', { auth: { token: 'alice-key' } })
    await held.promise
    socket.disconnect()
    await expect.poll(() => io.engine.clientsCount).toBe(0)
    expect((await auth.revoke({ issuer: 'https://issuer.example', subject: 'alice' })).closed).toBe(0)
    expect(chat.sockets.size).toBe(0)
  })

  it('forgets a connect that the application refused when the next one comes', async () => {
    const { io, auth, client } = await start()
    let refuse = true
    auth
      .protect(io.of('/chat'), { events: {} })
      .use((_socket, done) => done(refuse ? new Error('not today') : undefined))
    auth.protect(io.of('/open'), { events: {} })
    const open = client('/open', { auth: { token: 'bob-key' } })
    expect(await outcome(open)).toBe(null)
    const socket = open.io.socket('/chat', { auth: { token: 'alice-key' } })
    expect(await outcome(socket)).toMatchObject({ code: 'not today' })
    refuse = false
    expect(await outcome(socket.connect())).toBe(null)
    expect((await auth.revoke({ issuer: 'https://issuer.example', subject: 'alice' })).closed).toBe(1)
  })

  it('asks the strategy again for a connect long after the handshake', async () => {
    const time = fakeTime()
    const { io, auth, client, records } = await start({ clock: time.clock })
    auth.protect(io.of('/a'), { events: {} })
    const left = gate()
    const bNamespace = auth.protect(io.of('/b'), { events: {} })
    bNamespace.on('connection', (socket) => socket.on('disconnect', left.open))
    const a = client('/a', { extraHeaders: { authorization: 'Bearer alice-key' } })
    expect(await outcome(a)).toBe(null)
    records.delete('alice-key')
    time.advance(9_000)
    const b = a.io.socket('/b')
    expect(await outcome(b)).toBe(null)
    b.disconnect()
    await left.promise
    time.advance(2_000)
    expect(await outcome(b.connect())).toMatchObject({ code: 'AUTH_CREDENTIAL_INVALID' })
  })

  it('D05: bounds the namespaces of a connection with AUTH_RATE_LIMITED', async () => {
    const { io, auth, client } = await start({ limits: { maxNamespaces: 2 } })
    for (const name of ['/a', '/b', '/c']) auth.protect(io.of(name), { events: {} })
    const a = client('/a', { auth: { token: 'alice-key' } })
    expect(await outcome(a)).toBe(null)
    expect(await outcome(a.io.socket('/b', { auth: { token: 'alice-key' } }))).toBe(null)
    expect(await outcome(a.io.socket('/c', { auth: { token: 'alice-key' } }))).toMatchObject({
      code: 'AUTH_RATE_LIMITED',
    })
  })

  it('counts failures in a row: an admitted connect begins anew', async () => {
    const { io, auth, client } = await start()
    auth.protect(io.of('/a'), { events: {} })
    auth.protect(io.of('/b'), { events: {} })
    io.of('/closed')
    const socket = client('/a', { auth: { token: 'alice-key' } })
    expect(await outcome(socket)).toBe(null)
    // Socket.IO's client connects such a socket at once, and sends a second CONNECT when it is told to do so again.
    const closed = socket.io.socket('/closed')
    expect(await outcome(closed)).toMatchObject({ code: 'AUTH_FORBIDDEN' })
    for (let i = 0; i < 3; i += 1) expect(await outcome(closed.connect())).toMatchObject({ code: 'AUTH_FORBIDDEN' })
    expect(await outcome(socket.io.socket('/b', { auth: { token: 'alice-key' } }))).toBe(null)
    for (let i = 0; i < 4; i += 1) expect(await outcome(closed.connect())).toMatchObject({ code: 'AUTH_FORBIDDEN' })
    expect(await socket.emitWithAck('auth:whoami')).toMatchObject({ subject: 'alice' })
  })

  it('refuses a connect from an address that has failed too often', async () => {
    const { io, auth, client } = await start({ limits: { failuresPerMinute: 2 } })
    auth.protect(io.of('/chat'), { events: {} })
    auth.protect(io.of('/open'), { events: {} })
    const open = client('/open', { auth: { token: 'alice-key' } })
    expect(await outcome(open)).toBe(null)
    const socket = open.io.socket('/chat', { auth: { token: 'wrong' } })
    expect(await outcome(socket)).toMatchObject({ code: 'AUTH_CREDENTIAL_INVALID' })
    for (let i = 0; i < 1; i += 1)
      expect(await outcome(socket.connect())).toMatchObject({ code: 'AUTH_CREDENTIAL_INVALID' })
    socket.auth = { token: 'alice-key' }
    expect(await outcome(socket.connect())).toMatchObject({ code: 'AUTH_RATE_LIMITED' })
  })

  it('refuses a connect after close(), on a connection that was opened before', async () => {
    const { io, auth, client } = await start()
    auth.protect(io.of('/chat'), { events: {} })
    const socket = client('/chat', { autoConnect: false, auth: { token: 'alice-key' } })
    await openRaw(socket)
    await auth.close()
    expect(await outcome(socket.connect())).toMatchObject({ code: 'AUTH_UNAVAILABLE' })
  })

  it('closes a connection that no namespace admits within connectTimeoutMs', async () => {
    const { io, auth, client } = await start({ limits: { connectTimeoutMs: 50 } })
    auth.protect(io.of('/chat'), { events: {} })
    const socket = client('/chat', { autoConnect: false })
    const { engine } = await openRaw(socket)
    await next(engine, 'close')
  })

  it('answers AUTH_UNAVAILABLE when a strategy does not answer in time', async () => {
    const { io, auth, client, records } = await start({ limits: { authenticateTimeoutMs: 20 } })
    records.set('slow-key', { subject: 'slow', wait: new Promise(() => {}) })
    auth.protect(io.of('/chat'), { events: {} })
    expect(await outcome(client('/chat', { auth: { token: 'slow-key' } }))).toMatchObject({
      code: 'AUTH_UNAVAILABLE',
      retry: 'backoff',
    })
  })

  it('admits nobody after close(), with AUTH_UNAVAILABLE', async () => {
    const { io, auth, get } = await start()
    auth.protect(io.of('/chat'), { events: {} })
    await auth.close()
    const answer = await get('/socket.io/?EIO=4&transport=polling', { authorization: 'Bearer alice-key' })
    expect(JSON.parse(answer.body)).toMatchObject({ code: 'AUTH_UNAVAILABLE' })
  })

  it('admits nobody while the revocation log cannot be followed', async () => {
    const broken = { ...memory(), sync: async () => Promise.reject(new Error('log is down')) }
    const { io, auth, get, errors } = await start({ revocations: broken })
    auth.protect(io.of('/chat'), { events: {} })
    expect((await get('/socket.io/?EIO=4&transport=polling')).status).toBe(503)
    expect(errors[0]).toMatchObject({ where: 'revocations' })
  })
})

describe('fact 5, Z01: what the application throws', () => {
  const boom = () => {
    throw new Error('dsn=postgres://user:secret@db')
  }
  const unsettled = () => new Promise<never>(() => {})
  const rejects = async () => boom()
  it.each([
    ['a strategy that throws', { strategies: [{ ...keys(new Map()), authenticate: boom as never }] }, {}, 'AUTH_ERROR'],
    ['a strategy that rejects', { strategies: [{ ...keys(new Map()), authenticate: rejects }] }, {}, 'AUTH_ERROR'],
    [
      'a strategy that answers nonsense',
      { strategies: [{ ...keys(new Map()), authenticate: async () => ({}) as never }] },
      {},
      'AUTH_ERROR',
    ],
    [
      'a strategy that answers under another scheme',
      {
        strategies: [
          {
            ...keys(new Map()),
            authenticate: async () => ({
              identity: { scheme: 'other' as 'key', issuer: 'x', subject: 'x', claims: { org: 'x', scope: '' } },
              lease: { id: 'x', issuedAt: 0, expiresAt: null },
            }),
          },
        ],
      },
      {},
      'AUTH_ERROR',
    ],
    ['a connect rule that throws', {}, { connect: boom }, 'AUTH_ERROR'],
    ['a connect rule that rejects', {}, { connect: rejects }, 'AUTH_ERROR'],
    ['a connect rule that returns true', {}, { connect: () => true as never }, 'AUTH_ERROR'],
    [
      'a connect rule that never answers',
      { limits: { ruleTimeoutMs: 20 } },
      { connect: unsettled },
      'AUTH_UNAVAILABLE',
    ],
    [
      'a connect rule that throws an AuthError',
      {},
      {
        connect: () => {
          throw new AuthError('AUTH_UNAVAILABLE')
        },
      },
      'AUTH_UNAVAILABLE',
    ],
    ['memberships that throw', {}, { memberships: boom }, 'AUTH_ERROR'],
    ['memberships that return nonsense', {}, { memberships: () => [1] as never }, 'AUTH_ERROR'],
  ] as const)(
    '%s is answered, and neither kills the process nor tells the client why',
    async (_name, options, policy, code) => {
      const { io, auth, get, client } = await start({ ...options, audit: boom, onError: boom })
      auth.protect(io.of('/chat'), { events: {}, ...policy })
      const answer = await get('/socket.io/?EIO=4&transport=polling', { authorization: 'Bearer alice-key' })
      if (answer.status !== 200) {
        expect(JSON.parse(answer.body)).toMatchObject({ code })
        expect(answer.body).not.toContain('secret')
        return
      }
      const refusal = await outcome(client('/chat', { auth: { token: 'alice-key' } }))
      expect(refusal).toMatchObject({ code })
      expect(JSON.stringify(refusal)).not.toContain('secret')
    },
  )
})

/** The client's Engine.IO socket, opened without the namespace's CONNECT. */
async function openRaw(socket: ReturnType<Awaited<ReturnType<typeof start>>['client']>) {
  const manager = socket.io
  await new Promise<void>((resolve, reject) => manager.open((error) => (error ? reject(error) : resolve())))
  return { engine: manager.engine }
}
