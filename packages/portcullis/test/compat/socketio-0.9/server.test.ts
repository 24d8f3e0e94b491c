/** The manager of 0.9: settings, namespaces, `listen`, and the middlewares of the years after. */

import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import legacy, * as named from 'portcullis/compat/socketio-0.9'
import { describe, expect, it, vi } from 'vitest'
import { next, onCleanup, start } from '../../harness.ts'
import { around, CLIENTS, type Connect, heard, POLLING, run } from './setup.ts'

const { authorization, legacyServer, listen, strategy } = named
const connect4 = CLIENTS[0]?.[1] as Connect

describe('settings', () => {
  it('are set, got, enabled and disabled', async () => {
    const io = legacyServer((await run()).io)
    expect(io.get('authorization')).toBe(false)
    expect(io.set('log level', 1)).toBe(io)
    expect(io.get('log level')).toBe(1)
    expect(io.enable('browser client gzip').enabled('browser client gzip')).toBe(true)
    expect(io.disable('browser client gzip').disabled('browser client gzip')).toBe(true)
    expect(io.get('__proto__')).toBeUndefined()
  })

  it.each([
    ['origins', '*:*'],
    ['match origin protocol', true],
    ['blacklist', ['admin']],
    ['store', {}],
  ])('%s is refused at start-up, with what to write instead', async (key, value) => {
    const io = legacyServer((await run()).io)
    expect(() => io.set(key, value)).toThrow(new RegExp(`socketio-0.9: "${key}" is not kept: \\w+`))
  })

  it('authorization is a function, or false', async () => {
    const server = await run()
    const io = legacyServer(server.io)
    for (const wrong of [true, 'yes', {}, 1]) expect(() => io.set('authorization', wrong)).toThrow(/"authorization"/)
    io.set('authorization', (_data, callback) => callback(null, false))
    expect((await server.get(POLLING)).status).toBe(403)
    io.set('authorization', false)
    expect((await server.get(POLLING)).status).toBe(200)
  })

  it('that were made before stay when the manager comes', async () => {
    const server = await run()
    authorization(server.io, (_data, callback) => callback(null, false))
    legacyServer(server.io)
    expect((await server.get(POLLING)).status).toBe(403)
  })

  it('configure at once, or in one environment', async () => {
    const io = legacyServer((await run()).io)
    onCleanup(() => {
      vi.unstubAllEnvs()
    })
    const ran: string[] = []
    io.configure(function () {
      ran.push('always')
      expect(this).toBe(io)
    })
    vi.stubEnv('NODE_ENV', 'production')
    io.configure('production', () => ran.push('production')).configure('development', () => ran.push('development'))
    vi.stubEnv('NODE_ENV', undefined)
    io.configure('development', () => ran.push('default'))
    expect(ran).toEqual(['always', 'production', 'default'])
  })

  it('call the global function with the manager as `this`, and a namespace’s with the namespace', async () => {
    const server = await run()
    const io = legacyServer(server.io)
    const selves: unknown[] = []
    io.set('authorization', function (this: unknown, _data, callback) {
      selves.push(this)
      callback(null, true)
    })
    io.of('/x').authorization(function (this: unknown, _data, callback) {
      selves.push(this)
      callback(null, true)
    })
    await heard(server.client(connect4, '/x'))
    expect(selves).toEqual([io, io.of('/x')])
  })
})

describe('namespaces', () => {
  it('emit, send, address rooms and list clients', async () => {
    const server = await run()
    const io = legacyServer(server.io)
    io.sockets.on('connection', (socket) => {
      socket.join('room')
    })
    const clients = [server.client(connect4), server.client(connect4)] as const
    await Promise.all(clients.map((client) => next(client, 'connect')))
    await expect.poll(() => io.sockets.clients('room').length).toBe(2)
    expect(io.sockets.clients()).toHaveLength(2)
    expect(io.sockets.clients('nobody')).toEqual([])
    const heardBy = clients.map((client) => {
      const events: unknown[] = []
      client.onAny((...args) => events.push(args))
      return events
    })
    const [first] = clients
    expect(io.sockets.emit('a', 1).send('hello')).toBe(io.sockets)
    io.sockets.in('room').emit('b')
    io.sockets.except(String(first.id)).emit('c')
    io.sockets.to('room').emit('d')
    await expect.poll(() => heardBy.map((events) => events.length)).toEqual([4, 5])
    expect(heardBy[1]).toEqual([['a', 1], ['message', 'hello'], ['b'], ['c'], ['d']])
    expect(io.of('')).toBe(io.sockets)
  })

  it('take middlewares that throw, reject, are silent, or call next twice', async () => {
    const server = await run()
    const io = legacyServer(server.io, { timeoutMs: 100, onError() {} })
    io.of('/throws').use(() => JSON.parse('{'))
    io.of('/rejects').use(async () => Promise.reject(new Error('secret')))
    io.of('/silent').use(() => {})
    io.of('/twice').use((_socket, proceed) => {
      proceed(new Error('no'))
      proceed()
    })
    for (const path of ['/throws', '/rejects', '/silent']) {
      expect(await heard(server.client(connect4, path))).toBe('unauthorized')
    }
    expect(await heard(server.client(connect4, '/twice'))).toBe('no')
  })
})

describe('listen', () => {
  it('takes a port, an HTTP server or a server of Socket.IO', async () => {
    const http = createServer()
    const running = (await run()).io
    for (const target of [0, http, running] as const) {
      const io = listen(target)
      onCleanup(() => io.io.close())
      io.set('authorization', (_data, callback) => callback(null, false))
      if (!io.server.listening) await new Promise<void>((resolve) => io.server.listen(0, resolve))
      const server = around(io.io, (io.server.address() as AddressInfo).port)
      expect((await server.get(POLLING)).status).toBe(403)
    }
    expect(listen(running).io).toBe(running)
  })

  it('is what `require` and `import` give', () => {
    expect(legacy).toEqual({ listen, legacyServer, authorization, strategy })
    expect((named as Record<string, unknown>)['module.exports']).toBe(legacy)
    const required = createRequire(import.meta.url)('portcullis/compat/socketio-0.9')
    expect(Object.keys(required).sort()).toEqual(Object.keys(legacy).sort())
  })
})

describe.each(CLIENTS)('strategy among those of createAuth, with socket.io-client %i', (_version, connect) => {
  const old = (options: Partial<named.AuthorizationStrategyOptions> = {}) =>
    strategy({
      authorization(handshakeData, callback) {
        handshakeData.user = handshakeData.query.user
        callback(handshakeData.query.fail, Boolean(handshakeData.query.user))
      },
      identify: ({ user }) => ({ subject: String(user), claims: { org: 'acme' } }),
      onError() {},
      ...options,
    })
  const protect = async (options: Partial<named.AuthorizationStrategyOptions> = {}) => {
    const server = await start({ strategies: [old(options)] as never }, { allowEIO3: true })
    server.auth.protect(server.io.of('/'), { events: {} })
    return { ...server, ...around(server.io, Number(new URL(server.url).port)) }
  }

  it('admits, and names who it was', async () => {
    const server = await protect()
    const connected = new Promise<import('socket.io').Socket>((resolve) => server.io.once('connection', resolve))
    expect(await heard(server.client(connect, '/', { query: { user: 'alice' } }))).toBe('connect')
    expect((await connected).data.identity).toEqual({
      scheme: 'legacy',
      issuer: 'socketio-0.9',
      subject: 'alice',
      claims: { org: 'acme' },
    })
    const socket = await connected
    const disconnected = new Promise((resolve) => socket.once('disconnect', resolve))
    await server.auth.revoke({ issuer: 'socketio-0.9', subject: 'alice' })
    await disconnected
  })

  it('refuses with 403 AUTH_FORBIDDEN, or 500 AUTH_ERROR, before a connection exists', async () => {
    const server = await protect()
    const code = ({ body }: { body: string }) => (JSON.parse(body) as { code: string }).code
    const [refused, failed] = [await server.get(POLLING), await server.get(`${POLLING}&user=alice&fail=yes`)]
    expect([refused.status, code(refused)]).toEqual([403, 'AUTH_FORBIDDEN'])
    expect([failed.status, code(failed)]).toEqual([500, 'AUTH_ERROR'])
    expect(await heard(server.client(connect))).toBe('xhr poll error')
    expect(server.io.engine.clientsCount).toBe(0)
  })

  it('takes no cookies from pages that origins does not list', async () => {
    const server = await protect()
    const headers = { Cookie: 'sid=1', Origin: 'https://evil.example' }
    expect((await server.get(`${POLLING}&user=alice`, headers)).status).toBe(403)
    const listed = { Cookie: 'sid=1', Origin: 'https://app.example' }
    expect((await server.get(`${POLLING}&user=alice`, listed)).status).toBe(200)
  })

  it('throws at once without a function', () => {
    expect(() => strategy({} as never)).toThrow(/"authorization" must be a function/)
  })
})
