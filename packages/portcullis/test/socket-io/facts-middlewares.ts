/** Facts: the application's own middlewares, of a namespace and of a socket. */

import { expect, it } from 'vitest'
import { next, type Stage, saw } from './stage.ts'

export function middlewares(stage: Stage): void {
  it('those of a namespace run in their order, also those that take their time, before the connection listener', async () => {
    await stage.a.run((io, _arg, { seen }) => {
      const order: unknown[] = []
      seen.order = order
      const nsp = io.of('/middlewares')
      nsp.use((socket, pass) => {
        order.push(['first', socket.handshake.query.n, socket.connected])
        setImmediate(pass)
      })
      nsp.use((socket, pass) => {
        order.push(['second', socket.handshake.query.n])
        socket.data.passed = true
        pass()
      })
      nsp.once('connection', (socket) => order.push(['connection', socket.data.passed]))
    })
    await stage.connect(stage.a, '/middlewares', { query: { n: '1' } })
    expect(await saw(stage.a, 'order')).toEqual([
      ['first', '1', false],
      ['second', '1'],
      ['connection', true],
    ])
  })

  it('one that refuses is a connect_error with its message and data, and no connection', async () => {
    await stage.a.run((io, _arg, { seen }) => {
      seen.connections = 0
      io.of('/refusing').on('connection', () => {
        seen.connections = (seen.connections as number) + 1
      })
      io.of('/refusing').use((_socket, pass) => {
        pass(Object.assign(new Error('not today'), { data: { content: 'come back on Monday' } }))
      })
    })
    const client = stage.client(stage.a, '/refusing')
    const [error] = (await next(client, 'connect_error')) as [Error & { data: unknown }]
    expect([error.message, error.data]).toEqual(['not today', { content: 'come back on Monday' }])
    expect([client.active, client.connected, await saw(stage.a, 'connections')]).toEqual([false, false, 0])
  })

  it('those of another namespace are not asked', async () => {
    await stage.connect(stage.a, '/facts')
    expect(await stage.a.run((io) => io.of('/refusing').sockets.size)).toBe(0)
  })

  it('those of a socket see every event in order, and may change it', async () => {
    const client = await stage.connect(stage.a)
    await stage.a.run((_io, id: string, { socket, seen }) => {
      const packets: unknown[] = []
      seen.packets = packets
      const found = socket(id)
      found.use((event, pass) => {
        packets.push(event.filter((part) => typeof part !== 'function'))
        if (event[0] === 'ask') event[1] = 'changed'
        setImmediate(pass)
      })
      found.on('ask', (value, answer) => answer(value))
    }, client.id)
    client.emit('one', 1)
    expect(await client.emitWithAck('ask', 'said')).toBe('changed')
    expect(await saw(stage.a, 'packets')).toEqual([
      ['one', 1],
      ['ask', 'said'],
    ])
  })

  it('one of a socket that refuses is the event "error" there, and no listener hears the event', async () => {
    const client = await stage.connect(stage.a)
    await stage.a.run((_io, id: string, { socket, seen }) => {
      const calls: unknown[] = []
      seen.refused = calls
      const found = socket(id)
      found.use(([event], pass) => pass(event === 'one' ? new Error('no such thing') : undefined))
      found.on('error', (error) => calls.push(error.message))
      found.on('one', () => calls.push('one'))
      found.on('ask', (answer) => answer())
    }, client.id)
    client.emit('one')
    await client.emitWithAck('ask')
    expect(await saw(stage.a, 'refused')).toEqual(['no such thing'])
  })
}
