/** Facts: what socket.io-client does by itself, against a bare server and against a guarded one. */

import { io as connectClient } from 'socket.io-client'
import { describe, expect, it } from 'vitest'
import { afterTest } from '../cleanups.ts'
import { ownServer } from './own-server.ts'
import { connected, KINDS, next } from './stage.ts'

describe.each(KINDS)('the client, %s', (kind) => {
  it('sockets of several namespaces share one connection, unless they are told not to', async () => {
    const { io, url } = await ownServer(kind)
    const open = (namespace: string, forceNew = false) => {
      const socket = connectClient(url + namespace, { reconnection: false, transports: ['websocket'], forceNew })
      afterTest(() => void socket.disconnect())
      return socket
    }
    const [facts, other] = [open('/facts'), open('/other')]
    await Promise.all([connected(facts), connected(other)])
    expect([facts.io === other.io, io.engine.clientsCount]).toEqual([true, 1])
    const apart = open('/facts', true)
    await connected(apart)
    expect([apart.io === facts.io, io.engine.clientsCount]).toEqual([false, 2])
    other.disconnect()
    facts.emit('one')
    expect(facts.connected).toBe(true)
  })

  it('a lost connection comes back by itself, and tells of it', async () => {
    const { io, client } = await ownServer(kind)
    const socket = client('/facts', { reconnection: true, reconnectionDelay: 1, transports: ['websocket'] })
    const told: unknown[] = []
    socket.io.on('reconnect_attempt', (attempt) => told.push(['attempt', attempt]))
    socket.io.on('reconnect', (attempt) => told.push(['reconnect', attempt]))
    await connected(socket)
    const first = socket.id
    const gone = next(socket, 'disconnect')
    for (const { conn } of io.of('/facts').sockets.values()) conn.close()
    expect((await gone)[0]).toBe('transport close')
    expect(socket.active).toBe(true)
    await connected(socket)
    expect([socket.id === first, told]).toEqual([
      false,
      [
        ['attempt', 1],
        ['reconnect', 1],
      ],
    ])
  })

  it('a refused connection is not tried again by itself, and may be by hand', async () => {
    let open = false
    const { client } = await ownServer(kind, {
      after: (io) => io.of('/facts').use((_socket, pass) => pass(open ? undefined : new Error('closed'))),
    })
    const socket = client('/facts', { reconnection: true, reconnectionDelay: 1, transports: ['websocket'] })
    expect(((await next(socket, 'connect_error')) as [Error])[0].message).toBe('closed')
    expect(socket.active).toBe(false)
    open = true
    socket.connect()
    await connected(socket)
  })

  it('retries: what was not acknowledged within ackTimeout is sent again, in order', async () => {
    const { io, client } = await ownServer(kind)
    const heard: unknown[] = []
    io.of('/facts').on('connection', (socket) => {
      socket.on('ask', (number, answer) => {
        heard.push(number)
        // The first of each is not acknowledged.
        if (heard.filter((other) => other === number).length > 1) answer(number * 10)
      })
    })
    const socket = client('/facts', { retries: 5, ackTimeout: 50, transports: ['websocket'] })
    await connected(socket)
    const answers = await Promise.all(
      [1, 2].map(
        (number) => new Promise((resolve) => socket.emit('ask', number, (...args: unknown[]) => resolve(args))),
      ),
    )
    expect(answers).toEqual([
      [null, 10],
      [null, 20],
    ])
    // On a busy machine an acknowledgement may come too late as well.
    expect(heard.join('')).toMatch(/^11+22+$/)
  })

  it('ackTimeout is the time-out of every acknowledgement', async () => {
    const { client } = await ownServer(kind)
    const socket = client('/facts', { ackTimeout: 20, transports: ['websocket'] })
    await connected(socket)
    await expect(socket.emitWithAck('ask')).rejects.toThrow('operation has timed out')
  })

  it('what is said before the connection is sent once there is one', async () => {
    const { io, client } = await ownServer(kind)
    const heard = new Promise((resolve) => {
      io.of('/facts').on('connection', (socket) => socket.on('one', (...args) => resolve(args)))
    })
    const socket = client('/facts', { transports: ['websocket'] })
    socket.emit('one', 'early', Buffer.from('x'))
    expect(await heard).toEqual(['early', Buffer.from('x')])
  })

  it('what is said in the connect listener is heard by a listener of the connection', async () => {
    const { io, client } = await ownServer(kind)
    const heard = new Promise((resolve) => {
      io.of('/facts').on('connection', (socket) => socket.on('one', (...args) => resolve(args)))
    })
    const socket = client('/facts', { transports: ['websocket'] })
    socket.on('connect', () => socket.emit('one', 'at once'))
    expect(await heard).toEqual(['at once'])
  })
})
