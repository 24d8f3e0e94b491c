/** Global authorization: 200, 403 or 500 before a connection exists, once for each handshake, for every namespace. */

import { createServer } from 'node:http'
import type { AuditEvent } from 'portcullis'
import { authorization, type HandshakeData } from 'portcullis/compat/socketio-0.9'
import { Server } from 'socket.io'
import { describe, expect, it } from 'vitest'
import { next, onCleanup } from '../../harness.ts'
import { around, CLIENTS, heard, listenOn, POLLING, run, WEBSOCKET } from './setup.ts'

type Callback = (error?: unknown, authorized?: unknown) => void
const byKey = ({ query }: HandshakeData, callback: Callback) =>
  callback(query.key === 'broken' ? 'Error: no database' : null, query.key === 'good')

describe('the HTTP answer', () => {
  it.each([
    ['polling', 'unauthorized', 403, 'handshake unauthorized'],
    ['polling', 'broken', 500, 'handshake error'],
    ['websocket', 'unauthorized', 403, 'handshake unauthorized'],
    ['websocket', 'broken', 500, 'handshake error'],
  ])('to %s with %s is %i, as text, without a word of the error', async (transport, key, status, body) => {
    const server = await run()
    authorization(server.io, byKey)
    const path = `/socket.io/?EIO=4&transport=${transport}&key=${key}`
    const answer = transport === 'polling' ? await server.get(path) : await server.upgrade(path)
    expect(answer).toMatchObject({ status, body })
    expect(answer.headers['content-type']).toBe('text/plain')
    expect(server.io.engine.clientsCount).toBe(0)
  })

  it('keeps the headers of cors, for the pages that it lists', async () => {
    const origin = 'https://app.example'
    const server = await run({ cors: { origin: [origin], credentials: true } })
    authorization(server.io, byKey)
    const listed = await server.get(POLLING, { Origin: origin })
    expect(listed.status).toBe(403)
    expect(listed.headers['access-control-allow-origin']).toBe(origin)
    expect(listed.headers['access-control-allow-credentials']).toBe('true')
    const other = await server.get(POLLING, { Origin: 'https://evil.example' })
    expect(other.headers['access-control-allow-origin']).toBeUndefined()
  })

  it('takes an empty session id for a new connection, and an unknown one for none', async () => {
    const server = await run()
    let asked = 0
    authorization(server.io, (_data, callback) => {
      asked += 1
      callback(null, false)
    })
    expect(await server.get(`${POLLING}&sid=`)).toMatchObject({ status: 403, body: 'handshake unauthorized' })
    expect((await server.upgrade(`${WEBSOCKET}&sid=`)).status).toBe(403)
    expect(asked).toBe(2)
    expect((await server.get(`${POLLING}&sid=unknown`)).status).toBe(400)
    expect((await server.get(POLLING, {}, 'POST')).status).toBe(400)
    expect((await server.get('/socket.io/?EIO=4&transport=carrier-pigeon')).status).toBe(400)
    expect(asked).toBe(2)
  })

  it('does not ask for protocol 3 where the server does not speak it', async () => {
    const server = await run({ allowEIO3: false })
    let asked = 0
    authorization(server.io, (_data, callback) => {
      asked += 1
      callback(null, true)
    })
    expect((await server.get('/socket.io/?EIO=3&transport=polling')).status).toBe(400)
    expect(asked).toBe(0)
  })

  it('refuses cookies that come with the page of a stranger, before it asks', async () => {
    const server = await run()
    const asked: unknown[] = []
    authorization(
      server.io,
      ({ headers }, callback) => {
        asked.push(headers.origin)
        callback(null, true)
      },
      { origins: ['https://app.example'] },
    )
    const cookie = { Cookie: 'sid=1' }
    for (const path of [POLLING, '/socket.io/?EIO=3&transport=polling']) {
      const answer = await server.get(path, { ...cookie, Origin: 'https://evil.example' })
      expect(answer).toMatchObject({ status: 403, body: 'handshake bad origin' })
    }
    expect((await server.upgrade(WEBSOCKET, { ...cookie, Origin: 'https://evil.example' })).status).toBe(403)
    expect(asked).toEqual([])
    expect((await server.get(POLLING, { ...cookie, Origin: 'https://app.example' })).status).toBe(200)
    expect((await server.get(POLLING, { ...cookie, Origin: server.url })).status).toBe(200)
    expect((await server.get(POLLING, { Origin: 'https://evil.example' })).status).toBe(200)
    expect(asked).toEqual(['https://app.example', server.url, 'https://evil.example'])
  })
})

describe.each(CLIENTS)('socket.io-client %i', (version, connect) => {
  it.each(['polling', 'websocket'])('is admitted and refused over %s', async (transport) => {
    const server = await run()
    const connected: unknown[] = []
    server.io.on('connection', (socket) => connected.push(socket.id))
    authorization(server.io, byKey)
    const options = { transports: [transport] }
    expect(await heard(server.client(connect, '/', { ...options, query: { key: 'good' } }))).toBe('connect')
    expect(connected.length).toBe(1)
    const reason = await heard(server.client(connect, '/', options))
    expect(reason).toContain(transport === 'polling' ? 'xhr poll error' : 'websocket error')
    expect(connected.length).toBe(1)
  })

  it('is asked about once, however often it polls, upgrades and joins', async () => {
    const server = await run()
    let asked = 0
    authorization(server.io, (_data, callback) => {
      asked += 1
      callback(null, true)
    })
    server.io.of('/chat').on('connection', (socket) => socket.on('ask', (answer) => answer('yes')))
    const client = server.client(connect)
    const upgraded = new Promise((resolve) => {
      server.io.engine.once('connection', (engineSocket: NodeJS.EventEmitter) => engineSocket.once('upgrade', resolve))
    })
    await next(client, 'connect')
    await upgraded
    const chat = (client.io as unknown as { socket(name: string): typeof client }).socket('/chat')
    await next(chat, 'connect')
    expect(await new Promise((resolve) => chat.emit('ask', resolve))).toBe('yes')
    expect(asked).toBe(1)
  })

  it('is refused for every namespace where refusals wait for the namespace', async () => {
    const server = await run()
    authorization(server.io, byKey, { refuseAt: 'namespace' })
    server.io.of('/static')
    server.io.of(/^\/dynamic-\d+$/)
    for (const path of ['/', '/static', '/dynamic-1']) {
      expect(await heard(server.client(connect, path))).toBe('handshake unauthorized')
      expect(await heard(server.client(connect, path, { query: { key: 'broken' } }))).toBe('handshake error')
      expect(await heard(server.client(connect, path, { query: { key: 'good' } }))).toBe('connect')
    }
    server.io.of('/later')
    expect(await heard(server.client(connect, '/later'))).toBe('handshake unauthorized')
    // Earlier ones do not know that it is over, and wait on the open connection.
    if (version > 3) {
      const client = server.client(connect, '/', { reconnection: true, reconnectionDelay: 1 })
      await heard(client)
      expect(client.active).toBe(false)
    }
  })
})

describe('around the gate', () => {
  it('says at once that a server without an HTTP server cannot be guarded', () => {
    const io = new Server()
    expect(() => authorization(io, byKey)).toThrow(/socketio-0.9: the server must be attached first/)
  })

  it('guards a server that was attached later', async () => {
    const http = createServer()
    const io = new Server({ allowEIO3: true })
    io.attach(http)
    authorization(io, byKey)
    const server = around(io, await listenOn(http))
    onCleanup(() => io.close())
    expect((await server.get(POLLING)).status).toBe(403)
  })

  it('admits nobody through a second engine, which has no gate', async () => {
    const server = await run()
    authorization(server.io, (_data, callback) => callback(null, true))
    const second = createServer()
    server.io.attach(second)
    const around2 = around(server.io, await listenOn(second))
    onCleanup(() => {
      second.close()
    })
    for (const [, connect] of CLIENTS) expect(await heard(around2.client(connect))).toBe('handshake error')
  })

  it('refuses connectionStateRecovery at start-up, which restores sockets unasked', () => {
    const io = new Server(createServer(), { connectionStateRecovery: {} })
    expect(() => authorization(io, byKey)).toThrow(/"connectionStateRecovery"/)
    expect(() => authorization(io.of('/x'), byKey)).toThrow(/"connectionStateRecovery"/)
  })

  it('audits refusals and admissions, with no credential in them', async () => {
    const server = await run()
    const audit: AuditEvent[] = []
    authorization(server.io, byKey, { audit: (event) => audit.push(event) })
    await server.get(`${POLLING}&key=secret-1`)
    await server.get(`${POLLING}&key=broken`)
    await heard(server.client(CLIENTS[0]?.[1] as never, '/', { query: { key: 'good' } }))
    expect(audit.map(({ stage, effect, code }) => [stage, effect, code])).toEqual([
      ['handshake', 'deny', 'AUTH_FORBIDDEN'],
      ['handshake', 'deny', 'AUTH_ERROR'],
      ['connect', 'permit', null],
    ])
    expect(JSON.stringify(audit)).not.toContain('secret-1')
    expect(audit[2]?.identity).toMatchObject({ scheme: 'legacy', issuer: 'socketio-0.9' })
  })
})
