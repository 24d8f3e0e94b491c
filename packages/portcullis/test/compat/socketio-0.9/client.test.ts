/** The helper for pages of 0.9: its events, names and options over socket.io-client 4 and 3. */

import { readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { authorization, legacyServer } from 'portcullis/compat/socketio-0.9'
import { type LegacyClientSocket, legacyClient, legacySocket } from 'portcullis/compat/socketio-0.9-client'
import { Server } from 'socket.io'
import { describe, expect, it } from 'vitest'
import { next, onCleanup, start as startProtected } from '../../harness.ts'
import { CLIENTS, type Connect, listenOn, type Running, run } from './setup.ts'

const OWN = [
  'connecting',
  'connect',
  'connect_failed',
  'error',
  'reconnecting',
  'reconnect',
  'reconnect_failed',
  'disconnect',
]

function open(server: { url: string }, connect: Connect, path = '', options: object = {}): LegacyClientSocket {
  const socket = legacyClient(connect).connect(server.url + path, { 'force new connection': true, ...options })
  onCleanup(() => {
    socket.current.io.reconnection(false)
    socket.socket.disconnect()
  })
  return socket
}

function record(emitter: { on(event: string, listener: (...args: never[]) => void): unknown }): unknown[][] {
  const events: unknown[][] = []
  for (const event of OWN) emitter.on(event, (...args: unknown[]) => events.push([event, ...args]))
  return events
}

const heard = (socket: object, event: string) => next(socket as never, event)
const byKey = (server: Running) =>
  authorization(server.io, ({ query }, callback) => callback(query.key === 'broken' && 'x', query.key === 'good'), {
    onError() {},
  })

describe.each(CLIENTS.filter(([version]) => version > 2))('over socket.io-client %i', (version, connect) => {
  it('a handshake is told as connecting, then connect, on the connection and the socket', async () => {
    const server = await run()
    byKey(server)
    const socket = open(server, connect, '', { query: 'key=good' })
    const [own, connection] = [record(socket), record(socket.socket)]
    await heard(socket, 'connect')
    expect(own).toEqual([['connecting', 'polling'], ['connect']])
    expect(connection).toEqual([['connecting', 'polling'], ['connect']])
    expect(socket.socket.connected).toBe(true)
  })

  it.each([
    ['unknown', 'handshake unauthorized'],
    ['broken', 'handshake error'],
  ])('a refused handshake (%s) is told once as error, everywhere, and not tried again', async (key, reason) => {
    const server = await run()
    let asked = 0
    server.io.engine.use((_request: unknown, _response: unknown, proceed: () => void) => {
      asked += 1
      proceed()
    })
    byKey(server)
    const socket = open(server, connect, '', { query: { key }, 'reconnection delay': 1, 'reconnection limit': 1 })
    const other = socket.of('/other')
    const events = [record(socket), record(socket.socket), record(other)]
    await heard(other, 'error')
    const told = version === 4 ? reason : key === 'broken' ? 'handshake error' : 'handshake unauthorized'
    for (const each of events)
      expect(each).toEqual([
        ['connecting', 'polling'],
        ['error', told],
      ])
    expect(socket.current.active).toBe(false)
    expect(asked).toBe(1)
    // The page may try again, with another credential.
    socket.current.io.opts.query = { key: 'good' }
    socket.socket.connect()
    await heard(socket, 'connect')
  })

  it('a refused namespace is told as connect_failed, with "unauthorized"; the others stay', async () => {
    const server = await run()
    const io = legacyServer(server.io, { onError() {} })
    io.of('/example').authorization((_data, callback) => callback(null, false))
    io.of('/failing').authorization((_data, callback) => callback('Error: db', false))
    const socket = open(server, connect)
    const [example, failing] = [socket.of('/example'), socket.socket.of('/failing')]
    const events = { main: record(socket), example: record(example), failing: record(failing) }
    await Promise.all([heard(example, 'connect_failed'), heard(failing, 'error'), heard(socket, 'connect')])
    expect(events.example.at(-1)).toEqual(['connect_failed', 'unauthorized'])
    expect(events.failing.at(-1)).toEqual(['error', 'authorization error'])
    expect(events.main.map(([event]) => event)).toEqual(['connecting', 'connect'])
  })

  it('a refusal that waited for the namespace is told as that of a handshake', async () => {
    const server = await run()
    authorization(server.io, (_data, callback) => callback(null, false), { refuseAt: 'namespace' })
    const socket = open(server, connect)
    expect(await heard(socket.socket, 'error')).toEqual(['handshake unauthorized'])
  })

  it('a connection that is lost is told as disconnect, reconnecting and reconnect', async () => {
    const server = await run()
    const socket = open(server, connect, '', { 'reconnection delay': 1, 'reconnection limit': 1 })
    await heard(socket, 'connect')
    const events = record(socket)
    const back = heard(socket, 'reconnect')
    for (const [, client] of Object.entries((server.io.engine as unknown as { clients: object }).clients)) {
      ;(client as { close(discard: boolean): void }).close(true)
    }
    await back
    await expect.poll(() => events.map(([event]) => event)).toContain('connect')
    expect(events.map(([event]) => event).slice(0, 2)).toEqual(['disconnect', 'reconnecting'])
    expect(events.find(([event]) => event === 'reconnecting')).toEqual(['reconnecting', 1, 1])
    expect(events.find(([event]) => event === 'reconnect')).toEqual(['reconnect', expect.any(String), 1])
  })

  it('attempts that run out are told as reconnect_failed', async () => {
    const server = await run()
    const socket = open(server, connect, '', {
      'reconnection delay': 1,
      'reconnection limit': 1,
      'max reconnection attempts': 2,
    })
    await heard(socket, 'connect')
    const events = record(socket)
    const over = heard(socket, 'reconnect_failed')
    await server.io.close()
    await over
    expect(events.filter(([event]) => event === 'reconnecting')).toHaveLength(2)
  })

  it('the server’s disconnection is told as "booted"', async () => {
    const server = await run()
    server.io.on('connection', (socket) => socket.disconnect())
    const socket = open(server, connect)
    expect(await heard(socket, 'disconnect')).toEqual(['booted'])
  })

  it('events of the application pass both ways, with acknowledgements', async () => {
    const server = await run()
    server.io.on('connection', (socket) => {
      socket.on('message', (text: string) => socket.send(`${text}!`))
      socket.on('ask', (answer: (text: string) => void) => answer('yes'))
      socket.emit('error', 'one of ours')
    })
    const socket = open(server, connect)
    const error = heard(socket, 'error')
    await heard(socket, 'connect')
    expect(await error).toEqual(['one of ours'])
    const message = heard(socket, 'message')
    socket.send('hello')
    expect(await message).toEqual(['hello!'])
    expect(await new Promise((resolve) => socket.emit('ask', resolve))).toBe('yes')
  })

  it('listeners come off', async () => {
    const server = await run()
    const socket = open(server, connect)
    let count = 0
    const listener = () => {
      count += 1
    }
    for (const emitter of [socket, socket.socket]) {
      emitter.on('connect', listener)
      emitter.removeListener('connect', listener)
      emitter.addListener('connect', listener)
      emitter.removeAllListeners('connect')
    }
    socket.on('message', listener)
    socket.removeListener('message', listener)
    await heard(socket, 'connect')
    expect(count).toBe(0)
    expect(() => socket.removeAllListeners()).toThrow(TypeError)
  })
})

describe('the helper', () => {
  const connect4 = CLIENTS[0]?.[1] as Connect

  it('gives one facade for one socket, and one connection for all its namespaces', async () => {
    const server = await run()
    const socket = open(server, connect4)
    expect(legacySocket(socket.current)).toBe(socket)
    expect(socket.of('/a')).toBe(socket.socket.of('/a'))
    expect(socket.of('/a').socket).toBe(socket.socket)
    expect(socket.of('')).toBe(socket)
    expect(socket.of('/a').name).toBe('/a')
  })

  it('takes the names that options had', async () => {
    const server = await run({ path: '/old' })
    const socket = open(server, connect4, '', {
      resource: 'old',
      transports: ['websocket', 'flashsocket', 'htmlfile', 'xhr-polling', 'jsonp-polling'],
      'connect timeout': 5_000,
      reconnect: false,
    })
    await heard(socket, 'connect')
    expect(socket.current.io.opts).toMatchObject({ path: '/old', timeout: 5_000, reconnection: false, forceNew: true })
    expect((socket.current.io.opts as { transports: unknown }).transports).toEqual(['polling', 'websocket'])
  })

  it('tells a server that is away as error, once, and goes on trying', async () => {
    const http = createServer()
    const port = await listenOn(http)
    await new Promise((resolve) => http.close(resolve))
    const socket = open({ url: `http://127.0.0.1:${port}` }, connect4, '', {
      'reconnection delay': 1,
      'reconnection limit': 1,
    })
    const events = record(socket)
    await expect.poll(() => events.filter(([event]) => event === 'reconnecting').length).toBeGreaterThan(2)
    expect(events.filter(([event]) => event === 'error')).toEqual([['error', 'xhr poll error']])
    const again = createServer()
    const io = new Server(again)
    onCleanup(() => io.close())
    const connected = heard(socket, 'connect')
    await new Promise<void>((resolve) => again.listen(port, '127.0.0.1', resolve))
    expect((again.address() as AddressInfo).port).toBe(port)
    await connected
  })

  it('hears refusals of a server that createAuth protects: connect_failed, and error where it could not decide', async () => {
    const server = await startProtected()
    server.auth.protect(server.io.of('/chat'), { events: {} })
    const socket = open(server, connect4, '/chat')
    expect(await heard(socket, 'connect_failed')).toEqual(['unauthorized'])
  })

  it('imports nothing at run time but its own files, so that it runs in browsers', () => {
    const folder = new URL('../../../src/compat/', import.meta.url)
    const files = readdirSync(folder).filter((name) => name.startsWith('socketio-0.9-client'))
    expect(files.length).toBeGreaterThan(1)
    for (const file of files) {
      const source = readFileSync(new URL(file, folder), 'utf8')
      for (const [statement, types, from] of source.matchAll(/^(?:im|ex)port (type )?[^;]*? from '([^']+)'/gm)) {
        expect(statement).toMatch(types ? /from/ : /\.\/socketio-0\.9-client-/)
        expect(from).toMatch(/^(socket\.io-client|\.\/socketio-0\.9-client-\w+\.ts)$/)
      }
      expect(source).not.toMatch(/node:|process\.|Buffer/)
    }
  })
})
