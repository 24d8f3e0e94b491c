/** `handshakeData`: eight fields, one object for everything, changed by whoever likes. */

import { authorization, type HandshakeData, legacyServer } from 'portcullis/compat/socketio-0.9'
import type { Socket as ServerSocket } from 'socket.io'
import { describe, expect, it } from 'vitest'
import { next } from '../../harness.ts'
import { CLIENTS, connection, heard, run } from './setup.ts'

const FIELDS = ['headers', 'address', 'time', 'query', 'url', 'xdomain', 'secure', 'issued']
const handshakeOf = (socket: ServerSocket) => socket.handshake as unknown as HandshakeData

describe.each(CLIENTS)('handshakeData, from socket.io-client %i', (_version, connect) => {
  it('has the eight fields in the shape of 0.9', async () => {
    const server = await run()
    const before = Date.now()
    const given = new Promise<HandshakeData>((resolve) =>
      authorization(server.io, (handshakeData, callback) => {
        resolve(structuredClone(handshakeData))
        callback(null, true)
      }),
    )
    const client = server.client(connect, '/', {
      query: { room: 'a b' },
      extraHeaders: { Origin: server.url, 'X-Token': 'x' },
      transportOptions: { polling: { extraHeaders: { Origin: server.url, 'X-Token': 'x' } } },
    })
    await next(client, 'connect')
    const handshakeData = await given
    expect(Object.keys(handshakeData)).toEqual(FIELDS)
    expect(handshakeData).toMatchObject({
      headers: { host: `127.0.0.1:${server.port}`, 'x-token': 'x' },
      address: { address: '127.0.0.1', port: expect.any(Number) },
      query: { room: 'a b', transport: 'polling' },
      xdomain: true,
      secure: false,
    })
    expect(handshakeData.address.port).toBeGreaterThan(0)
    expect(handshakeData.url).toMatch(/^\/socket\.io\/\?.*room=a%20b/)
    expect(handshakeData.time).toBe(String(new Date(handshakeData.issued)))
    expect(handshakeData.issued).toBeGreaterThanOrEqual(before)
    expect(handshakeData.issued).toBeLessThanOrEqual(Date.now())
  })

  it('is one object for the global function, each namespace’s and all sockets of a connection', async () => {
    const server = await run()
    const seen: unknown[] = []
    const remember = (handshakeData: HandshakeData, callback: (error: unknown, authorized: boolean) => void) => {
      handshakeData.count = Number(handshakeData.count ?? 0) + 1
      seen.push(handshakeData)
      callback(null, true)
    }
    authorization(server.io, remember)
    authorization(server.io.of('/a'), remember)
    const parent = authorization(server.io.of(/^\/dynamic/), remember)
    const paths = ['/', '/a', '/dynamic-1', '/unguarded']
    const sockets = []
    const client = server.client(connect)
    for (const path of paths) {
      if (path === '/dynamic-1') {
        sockets.push(new Promise<ServerSocket>((resolve) => parent.once('connection', resolve)))
      } else sockets.push(connection(server.io, path))
      const socket = (client.io as unknown as { socket(name: string): typeof client }).socket(path)
      if (!socket.connected) await next(socket, 'connect')
    }
    for (const socket of await Promise.all(sockets)) {
      expect(socket.handshake).toBe(seen[0])
      expect(handshakeOf(socket).count).toBe(3)
    }
    expect(new Set(seen).size).toBe(1)
    expect(seen.length).toBe(3)
  })

  it('keeps what authorization adds: socket.handshake.foo === true', async () => {
    const server = await run()
    authorization(server.io, (handshakeData, callback) => {
      handshakeData.foo = true
      callback(null, true)
    })
    const connected = connection(server.io)
    server.client(connect)
    expect(handshakeOf(await connected).foo).toBe(true)
    expect(handshakeOf(await connected).address.address).toBe('127.0.0.1')
  })

  it('may lose fields without harm to Engine.IO', async () => {
    const server = await run()
    authorization(server.io, (handshakeData, callback) => {
      for (const field of FIELDS) delete handshakeData[field]
      callback(null, true)
    })
    server.io.on('connection', (socket) => socket.on('ask', (answer) => answer(Object.keys(socket.handshake))))
    const client = server.client(connect)
    await next(client, 'connect')
    expect(await new Promise((resolve) => client.emit('ask', resolve))).toEqual([])
  })
})

describe('beside what Socket.IO 4 has', () => {
  const connect = CLIENTS[0]?.[1] as (typeof CLIENTS)[number][1]

  it('has what the client passed as auth, each namespace its own, and none of it among its fields', async () => {
    const server = await run()
    let global: HandshakeData | undefined
    authorization(server.io, (handshakeData, callback) => {
      global = handshakeData
      callback(null, true)
    })
    const main = connection(server.io)
    const admin = connection(server.io, '/admin')
    const client = server.client(connect, '/', { auth: { token: 'one' } })
    await next(client, 'connect')
    client.io.socket('/admin', { auth: { token: 'two' } })
    const [first, second] = [await main, await admin]
    expect(first.handshake.auth).toEqual({ token: 'one' })
    expect(second.handshake.auth).toEqual({ token: 'two' })
    expect(first.handshake.auth).toEqual({ token: 'one' })
    expect(first.handshake).toBe(global)
    // Otherwise still the same, in both directions.
    handshakeOf(second).added = 1
    expect(handshakeOf(first).added).toBe(1)
    expect(JSON.stringify(first.handshake)).not.toContain('one')
    expect(JSON.stringify(second.handshake)).not.toMatch(/"(one|two)"/)
    expect(Object.keys(second.handshake)).toEqual([...FIELDS, 'added'])
  })

  it('lets no client’s auth stand in for one that a function has set', async () => {
    const server = await run()
    authorization(server.io, (handshakeData, callback) => {
      handshakeData.auth = { role: 'guest' }
      callback(null, true)
    })
    const main = connection(server.io)
    const admin = connection(server.io, '/admin')
    const client = server.client(connect, '/', { auth: { role: 'admin' } })
    client.io.socket('/admin', { auth: { role: 'root' } })
    expect((await main).handshake.auth).toEqual({ role: 'guest' })
    expect((await admin).handshake.auth).toEqual({ role: 'guest' })
  })

  it('may be frozen by a function', async () => {
    const server = await run()
    authorization(server.io, (handshakeData, callback) => {
      Object.freeze(handshakeData)
      callback(null, true)
    })
    const main = connection(server.io)
    server.client(connect, '/', { auth: { token: 'one' } })
    expect((await main).handshake.auth).toEqual({ token: 'one' })
    expect(handshakeOf(await main).address.address).toBe('127.0.0.1')
  })

  it('leaves middlewares the handshake of today', async () => {
    const server = await run()
    authorization(server.io, (_data, callback) => callback(null, true))
    const addresses: unknown[] = []
    server.io.use((socket, proceed) => {
      addresses.push(socket.handshake.address)
      proceed()
    })
    expect(await heard(server.client(connect))).toBe('connect')
    expect(addresses).toEqual(['127.0.0.1'])
  })

  it('is today’s in namespaces of a server that has only others authorized', async () => {
    const server = await run()
    authorization(server.io.of('/private'), (_data, callback) => callback(null, true))
    const main = connection(server.io)
    server.client(connect)
    expect((await main).handshake.address).toBe('127.0.0.1')
  })

  it('is the old one in all namespaces of a legacyServer', async () => {
    const server = await run()
    const io = legacyServer(server.io)
    const main = connection(server.io)
    io.of('/private').authorization((_data, callback) => callback(null, true))
    server.client(connect)
    expect(handshakeOf(await main).address).toEqual({ address: '127.0.0.1', port: expect.any(Number) })
  })

  it('writes an IPv4 address in its own notation, on a server that listens on IPv6 as well', async () => {
    const request = { headers: {}, socket: { remoteAddress: '::ffff:192.0.2.7', remotePort: 1 }, url: '/' }
    const { connectionOf } = await import('../../../src/compat/socketio-0.9-handshake.ts')
    expect(connectionOf(request as never).handshakeData.address).toEqual({ address: '192.0.2.7', port: 1 })
  })
})
