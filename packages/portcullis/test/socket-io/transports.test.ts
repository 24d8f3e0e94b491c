/** Facts: transports, the upgrade and what can be set of them. The adapter plays no part in these. */

import type { Socket as NetSocket } from 'node:net'
import { Manager } from 'socket.io-client'
import { describe, expect, it } from 'vitest'
import { afterTest } from '../cleanups.ts'
import { io2 } from '../compat/clients.ts'
import { ownServer, pollingClient, post } from './own-server.ts'
import { connected, KINDS, next, SOON } from './stage.ts'

describe.each(KINDS)('transports, %s', (kind) => {
  it('polling first, then the upgrade to WebSocket, on the same socket', async () => {
    const { io, client } = await ownServer(kind)
    const upgraded = new Promise<string>((resolve) => {
      io.of('/facts').once('connection', (socket) => {
        expect(socket.conn.transport.name).toBe('polling')
        socket.conn.once('upgrade', (transport) => resolve(transport.name))
        socket.on('ask', (answer) => answer(socket.conn.transport.name))
      })
    })
    const socket = client()
    await connected(socket)
    const { id } = socket
    expect(await upgraded).toBe('websocket')
    expect(await socket.emitWithAck('ask')).toBe('websocket')
    expect([socket.io.engine.transport.name, socket.id]).toEqual(['websocket', id])
  })

  it.each(['polling', 'websocket'])('%s only, from beginning to end', async (transport) => {
    const { io, client } = await ownServer(kind)
    io.of('/facts').on('connection', (socket) => {
      socket.on('ask', (said, answer) => answer([said, socket.conn.transport.name]))
    })
    const socket = client('/facts', { transports: [transport] })
    await connected(socket)
    expect(await socket.emitWithAck('ask', Buffer.from('x'))).toEqual([Buffer.from('x'), transport])
    const gone = next(socket, 'disconnect')
    io.of('/facts').disconnectSockets(true)
    expect((await gone)[0]).toBe('io server disconnect')
  })

  it('a transport that the server does not have is refused', async () => {
    const { client } = await ownServer(kind, { options: { transports: ['websocket'] } })
    const [error] = (await next(client('/facts', { transports: ['polling'] }), 'connect_error')) as [Error]
    expect(error.message).toBe('xhr poll error')
    await connected(client('/facts', { transports: ['websocket'] }))
  })

  it('allowUpgrades: false leaves a client on polling', async () => {
    const { io, client } = await ownServer(kind, { options: { allowUpgrades: false } })
    const socket = client()
    await connected(socket)
    expect([...io.of('/facts').sockets.values()].map(({ conn }) => conn.transport.name)).toEqual(['polling'])
    expect(socket.io.engine.transport.name).toBe('polling')
  })

  it.each([
    ['perMessageDeflate compresses what goes over WebSocket', true, 0, 1_000],
    ['without it, nothing is compressed', false, 50_000, 51_000],
  ])('%s', async (_name, perMessageDeflate, least, most) => {
    const { io, client } = await ownServer(kind, { options: { perMessageDeflate } })
    const socket = client('/facts', { transports: ['websocket'] })
    await connected(socket)
    const [found] = [...io.of('/facts').sockets.values()]
    if (found === undefined) throw new Error('not connected')
    const wire = (found.conn.transport as unknown as { socket: { _socket: NetSocket } }).socket._socket
    const before = wire.bytesWritten
    const heard = next(socket, 'one')
    const text = 'a'.repeat(50_000)
    found.emit('one', text)
    expect(await heard).toEqual([text])
    const sent = wire.bytesWritten - before
    expect([sent > least, sent < most]).toEqual([true, true])
  })

  it('maxHttpBufferSize: who sends more than that is cut off', async () => {
    const { io, client } = await ownServer(kind, { options: { maxHttpBufferSize: 1_000 } })
    const reason = new Promise((resolve) => {
      io.of('/facts').once('connection', (socket) => socket.once('disconnect', resolve))
    })
    const socket = client('/facts', { transports: ['websocket'] })
    await connected(socket)
    const told = next(socket, 'disconnect')
    socket.emit('one', 'x'.repeat(2_000))
    expect([await reason, (await told)[0]]).toEqual(['transport error', 'transport close'])
  })

  it('pingTimeout: who does not answer is gone', async () => {
    const { io, client } = await ownServer(kind, { options: { pingInterval: 50, pingTimeout: 400 } })
    const reason = new Promise((resolve) => {
      io.of('/facts').once('connection', (socket) => socket.once('disconnect', resolve))
    })
    const socket = client('/facts', { transports: ['websocket'] })
    await connected(socket)
    // It reads nothing any more, and so answers no ping.
    const { ws } = socket.io.engine.transport as unknown as { ws: { pause(): void; resume(): void } }
    ws.pause()
    expect(await reason).toBe('ping timeout')
    ws.resume()
  })

  it('connectTimeout: who joins no namespace is cut off', async () => {
    const { url } = await ownServer(kind, { options: { connectTimeout: 20 } })
    const idle = new Manager(url, { reconnection: false, transports: ['websocket'] })
    const closed = new Promise((resolve) => idle.on('close', resolve))
    idle.open()
    expect(await closed).toBe('transport close')
  })

  it('what is no packet of Socket.IO ends the connection', async () => {
    const { io, url } = await ownServer(kind)
    const reason = new Promise((resolve) => {
      io.of('/facts').once('connection', (socket) => socket.once('disconnect', resolve))
    })
    const { sid, poll } = await pollingClient(url)
    await post(url, sid, '40/facts,')
    await (await poll()).text()
    // The next answer is how a polling client is told.
    const told = poll()
    await post(url, sid, '42/facts,["one"')
    expect(await reason).toBe('forced close')
    await told
  })

  it('allowEIO3: clients of Socket.IO 2 connect to "/" and are answered', async () => {
    const { io, url } = await ownServer(kind, { options: { allowEIO3: true } })
    io.on('connection', (socket) => {
      socket.on('ask', (said, answer) => answer([said, socket.conn.protocol]))
    })
    const old = io2(url, { forceNew: true, reconnection: false, transports: ['websocket'] })
    afterTest(() => old.close())
    expect(await new Promise((resolve) => old.emit('ask', 'x', resolve))).toEqual(['x', 3])
  })

  it('io.close() ends every connection and the HTTP server', async () => {
    const { io, http, client } = await ownServer(kind)
    const reason = new Promise((resolve) => {
      io.of('/facts').once('connection', (socket) => socket.once('disconnect', resolve))
    })
    const socket = client('/facts', { transports: ['websocket'] })
    await connected(socket)
    const told = next(socket, 'disconnect')
    await io.close()
    expect([await reason, http.listening]).toEqual(['server shutting down', false])
    expect((await told)[0]).toMatch(/^(transport close|io server disconnect)$/)
    await expect.poll(() => io.of('/facts').sockets.size, SOON).toBe(0)
  })
})
