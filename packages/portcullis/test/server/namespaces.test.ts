import { createServer } from 'node:http'
import { permit } from 'portcullis'
import { Server } from 'socket.io'
import { io as connectClient } from 'socket.io-client'
import { describe, expect, it } from 'vitest'
import { connecting, next, onCleanup, outcome, start } from '../harness.ts'

const auth = { token: 'alice-key' }

describe('closed by default', () => {
  it('fact 2, A17: refuses the default namespace, one made before, one made later, and dynamic ones of either kind', async () => {
    const server = await start({}, { cleanupEmptyChildNamespaces: true })
    const reached: string[] = []
    const watch = (name: string) => () => reached.push(name)
    server.io.of('/before').on('connection', watch('/before'))
    server.io.of(/^\/early-\d+$/).on('connection', watch('early'))
    server.auth.protect(server.io.of('/chat'), { events: {} })
    server.io.of('/after').on('connection', watch('/after'))
    server.io.of(/^\/late-\d+$/).on('connection', watch('late'))
    server.io.of((_name, _auth, allow) => allow(null, true)).on('connection', watch('function'))
    server.io.on('connection', watch('/'))
    for (const name of ['/', '/before', '/early-1', '/after', '/late-1', '/whatever']) {
      const refusal = await outcome(server.client(name, { auth }))
      expect([name, refusal?.code, refusal?.retry]).toEqual([name, 'AUTH_FORBIDDEN', 'never'])
    }
    expect(reached).toEqual([])
    expect(await outcome(server.client('/chat', { auth }))).toBe(null)
  })

  it('fact 2: protects the children of a dynamic namespace, those that exist already too', async () => {
    const server = await start({}, { cleanupEmptyChildNamespaces: true })
    const tenants = server.io.of(/^\/tenant-\w+$/)
    server.io.of('/tenant-old')
    server.auth.protect(tenants, {
      connect: ({ namespace }) => ({
        effect: 'deny',
        code: namespace === '/tenant-x' ? 'AUTH_FORBIDDEN' : 'AUTH_EXPIRED',
      }),
      events: {},
    })
    expect((await outcome(server.client('/tenant-old', { auth })))?.code).toBe('AUTH_EXPIRED')
    expect((await outcome(server.client('/tenant-x', { auth })))?.code).toBe('AUTH_FORBIDDEN')
  })

  it('fact 12: runs the middlewares of a dynamic namespace after the gate, and the gate once', async () => {
    const server = await start({}, { cleanupEmptyChildNamespaces: true })
    const tenants = server.auth.protect(server.io.of(/^\/tenant-\w+$/), { events: {} })
    const seen: unknown[] = []
    tenants.use((socket, done) => {
      seen.push(socket.data.identity?.subject)
      done()
    })
    expect(await outcome(server.client('/tenant-a', { auth }))).toBe(null)
    expect(seen).toEqual(['alice'])
    expect(server.audit.filter(({ stage }) => stage === 'connect')).toHaveLength(1)
  })

  it('D05: keeps no namespace of a refused connect, and demands the option that sees to it', async () => {
    const lax = await start()
    expect(() => lax.auth.protect(lax.io.of(/^\/t-\w+$/), { events: {} })).toThrow(/"cleanupEmptyChildNamespaces"/)
    const server = await start({}, { cleanupEmptyChildNamespaces: true })
    server.auth.protect(server.io.of(/^\/t-\w+$/), { events: {} })
    for (let i = 0; i < 5; i += 1) await outcome(server.client(`/t-${i}`, { auth: { token: 'wrong' } }))
    expect([...server.io._nsps.keys()]).toEqual(['/'])
  })

  it('disconnects sockets that connected before the server was protected', async () => {
    const server = await start()
    const early = server.client('/chat')
    server.io.of('/chat')
    await outcome(early)
    const gone = next(early, 'disconnect')
    server.auth.protect(server.io.of('/chat'), { events: {} })
    expect(await gone).toContain('io server disconnect')
  })

  it('refuses a socket that was among the middlewares when the server was protected', async () => {
    const server = await start()
    let release = () => {}
    const chat = server.io.of('/chat').use((_socket, done) => {
      release = done
    })
    const early = server.client('/chat')
    await expect.poll(() => connecting(chat)).toBe(1)
    server.auth.protect(chat, { events: {} })
    const gone = next(early, 'disconnect')
    release()
    await gone
    expect(chat.sockets.size).toBe(0)
  })

  it('refuses whoever comes through a second engine that has no door', async () => {
    const server = await start()
    server.auth.protect(server.io.of('/chat'), { events: {} })
    const other = createServer()
    server.io.attach(other)
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
    const { port } = other.address() as { port: number }
    const socket = connectClient(`http://127.0.0.1:${port}/chat`, {
      auth,
      transports: ['websocket'],
      forceNew: true,
      reconnection: false,
    })
    onCleanup(() => {
      socket.disconnect()
      other.close()
    })
    expect((await outcome(socket))?.code).toBe('AUTH_ERROR')
    expect(String(server.errors[0]?.error)).toContain('protect() after attach()')
  })
})

describe('start-up', () => {
  it('demands an attached server', async () => {
    const { auth } = await start()
    expect(() => auth.protect(new Server().of('/chat'), { events: {} })).toThrow(/attached first/)
  })

  it('Z07: refuses a second policy for a namespace and a second guard for a server', async () => {
    const one = await start()
    const two = await start()
    one.auth.protect(one.io.of('/chat'), { events: {} })
    expect(() => one.auth.protect(one.io.of('/chat'), { events: {} })).toThrow(/"\/chat" has a policy already/)
    expect(() => two.auth.protect(one.io.of('/news'), { events: {} })).toThrow(/protected by another createAuth/)
  })

  it('fact 1: with connectionStateRecovery no middleware is skipped, whatever the option says', async () => {
    const { io, auth, client } = await start({}, { connectionStateRecovery: { skipMiddlewares: true } })
    auth.protect(io.of('/chat'), { events: {} })
    const asked: boolean[] = []
    io.of('/chat').use((socket, pass) => {
      asked.push(socket.recovered)
      pass()
    })
    const socket = client('/chat', { auth: { token: 'alice-key' } })
    socket.on('hello', () => socket.io.engine.close())
    await outcome(socket)
    io.of('/chat').emit('hello')
    await next(socket, 'disconnect')
    await expect.poll(() => io.of('/chat').sockets.size).toBe(0)
    socket.connect()
    expect(await outcome(socket)).toBe(null)
    expect([asked, socket.recovered]).toEqual([[false, true], true])
    expect(io).toMatchObject({ opts: { connectionStateRecovery: { skipMiddlewares: false } } })
  })

  it.each([
    ['no events', {}, /"events" must be an object/],
    ['an unknown option', { events: {}, room: {} }, /"room" is not an option/],
    ['an event that is no rule', { events: { chat: true } }, /"events.chat" must be a function or/],
    [
      'an event with a schema that is none',
      { events: { chat: { rule: () => permit(), args: {} } } },
      /"events.chat.args" must be a Standard Schema/,
    ],
    ['a reserved event', { events: { 'auth:x': () => permit() } }, /reserved prefix/],
    ['an event that never comes', { events: { disconnect: () => permit() } }, /never receives/],
    ['a room that is no rule', { events: {}, rooms: { 'org:{id}': 1 } }, /"rooms.org:{id}" must be a function/],
    ['a pattern that matches everything', { events: {}, rooms: { '{id}': () => permit() } }, /literal text/],
    ['a pattern with a wildcard', { events: {}, rooms: { 'org:*': () => permit() } }, /may only contain/],
    ['a connect that is no rule', { events: {}, connect: 'yes' }, /"connect" must be a function/],
  ])('a policy with %s is a TypeError that names namespace and option', async (_name, policy, message) => {
    const { io, auth } = await start()
    const attempt = () => auth.protect(io.of('/chat'), policy as never)
    expect(attempt).toThrow(TypeError)
    expect(attempt).toThrow(message)
  })

  it.each([
    ['origins', { origins: 'x' }],
    ['strategies', { strategies: [] }],
    ['strategies[0]', { strategies: [{}] }],
    ['trustedProxies', { trustedProxies: ['10.0.0.0/64'] }],
    ['limits.maxRooms', { limits: { maxRooms: 0 } }],
    ['limits.rooms', { limits: { rooms: 5 } }],
    ['limits.ruleTimeoutMs', { limits: { ruleTimeoutMs: 2 ** 31 } }],
    ['audit', { audit: true }],
    ['onError', { onError: 'log' }],
    ['origin', { origin: [] }],
  ])('Z10: a wrong %s is a TypeError that quotes it', async (option, options) => {
    await expect(start(options as never)).rejects.toThrow(new RegExp(`"${option.replace(/[[\].]/g, '\\$&')}"`))
  })
})
