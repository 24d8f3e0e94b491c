/** Facts: the events and middlewares of the engine under Socket.IO, and middlewares around the guard. */

import { describe, expect, it } from 'vitest'
import { ownServer } from './own-server.ts'
import { connected, KINDS, next } from './stage.ts'

describe.each(KINDS)('the engine, %s', (kind) => {
  it('connection, initial_headers and headers tell of each client and its answers', async () => {
    const told: string[] = []
    const { io, url, client } = await ownServer(kind)
    io.engine.on('initial_headers', (headers: Record<string, string>) => {
      headers['x-initial'] = 'yes'
    })
    io.engine.on('headers', (headers: Record<string, string>) => {
      headers['x-every'] = 'yes'
    })
    io.engine.on('connection', ({ id }: { id: string }) => told.push(id))
    const answer = await fetch(`${url}/socket.io/?EIO=4&transport=polling`)
    const { sid } = JSON.parse((await answer.text()).slice(1))
    expect([answer.headers.get('x-initial'), answer.headers.get('x-every')]).toEqual(['yes', 'yes'])
    expect(told).toEqual([sid])
    expect(io.engine.clientsCount).toBe(1)
    const next = await fetch(`${url}/socket.io/?EIO=4&transport=polling&sid=${sid}`, { method: 'POST', body: '1' })
    expect([next.headers.get('x-initial'), next.headers.get('x-every')]).toEqual([null, 'yes'])
    await connected(client())
  })

  it('connection_error tells of requests that are none', async () => {
    const { io, url } = await ownServer(kind)
    const told: unknown[] = []
    io.engine.on('connection_error', ({ code, message }) => told.push([code, message]))
    const unknownSession = await fetch(`${url}/socket.io/?EIO=4&transport=polling&sid=none`)
    expect([unknownSession.status, await unknownSession.json()]).toEqual([
      400,
      { code: 1, message: 'Session ID unknown' },
    ])
    expect((await fetch(`${url}/socket.io/?EIO=4&transport=none`)).status).toBe(400)
    expect((await fetch(`${url}/socket.io/?EIO=3&transport=polling`)).status).toBe(400)
    expect(told).toEqual([
      [1, 'Session ID unknown'],
      [0, 'Transport unknown'],
      [5, 'Unsupported protocol version'],
    ])
  })

  it('generateId names the connection', async () => {
    const { io, client } = await ownServer(kind)
    Object.assign(io.engine, { generateId: () => 'an-id-of-ones-own' })
    const socket = client()
    await connected(socket)
    expect(socket.io.engine.id).toBe('an-id-of-ones-own')
  })

  it('middlewares of the engine run for every request, put there before the guard or after it', async () => {
    const calls: string[] = []
    const { client } = await ownServer(kind, {
      before: (io) =>
        io.engine?.use((request: { _query: Record<string, string> }, _response: unknown, pass: () => void) => {
          calls.push(`before ${request._query.transport}`)
          pass()
        }),
      after: (io) =>
        io.engine?.use((request: { _query: Record<string, string> }, _response: unknown, pass: () => void) => {
          calls.push(`after ${request._query.transport}`)
          setImmediate(pass)
        }),
    })
    await connected(client('/facts', { transports: ['websocket'] }))
    expect(calls).toEqual(['before websocket', 'after websocket'])
  })

  it('the packets of a connection can be watched', async () => {
    const { io, client } = await ownServer(kind)
    const packets: string[] = []
    io.engine.on('connection', (connection) => {
      connection.on('packet', ({ type, data }: { type: string; data?: string }) => packets.push(`in ${type} ${data}`))
      connection.on('packetCreate', ({ type, data }: { type: string; data?: string }) => {
        if (type === 'message') packets.push(`out ${type} ${String(data).slice(0, 4)}`)
      })
    })
    const socket = client('/', { transports: ['websocket'] })
    await connected(socket)
    io.emit('one')
    await next(socket, 'one')
    expect(packets).toEqual(['in message 0', 'out message 0{"s', 'out message 2["o'])
  })

  it('a middleware of a namespace runs in its place, before the guard or after it', async () => {
    const calls: unknown[] = []
    const { client } = await ownServer(kind, {
      before: (io) =>
        io.of('/facts').use((socket, pass) => {
          calls.push(['before', socket.data.identity === undefined])
          pass()
        }),
      after: (io) =>
        io.of('/facts').use((socket, pass) => {
          calls.push(['after', socket.data.identity === undefined])
          pass()
        }),
    })
    await connected(client())
    // What a guard adds is known to those after it: the one thing here that a bare server has not.
    expect(calls).toEqual([
      ['before', true],
      ['after', kind === 'bare'],
    ])
  })

  it('a middleware before the guard refuses with its own error', async () => {
    const { client } = await ownServer(kind, {
      before: (io) => io.of('/facts').use((_socket, pass) => pass(new Error('closed on Sundays'))),
    })
    const [error] = (await next(client(), 'connect_error')) as [Error]
    expect(error.message).toBe('closed on Sundays')
  })
})
