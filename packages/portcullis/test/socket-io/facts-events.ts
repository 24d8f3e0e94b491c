/** Facts: events, their order, and those who listen to all of them. */

import { expect, it } from 'vitest'
import { hear, next, SOON, type Stage, saw } from './stage.ts'

export function events(stage: Stage): void {
  it('events carry any number of arguments of any JSON type, both ways', async () => {
    const args = [1, 'text', true, null, [1, [2]], { deep: { er: [{}] } }, '\u{1f600}\u0000']
    const client = await stage.connect(stage.a)
    await stage.a.run((_io, id: string, { socket, watch }) => watch('event', socket(id), 'one'), client.id)
    client.emit('one', ...args)
    expect(await saw(stage.a, 'event')).toEqual(args)
    const heard = next(client, 'two')
    await stage.a.run(
      (_io, { id, args }: { id: string; args: unknown[] }, { socket }) => void socket(id).emit('two', ...args),
      { id: client.id, args },
    )
    expect(await heard).toEqual(args)
  })

  it('events arrive in the order in which they were sent', async () => {
    const client = await stage.connect(stage.a)
    await stage.a.run((_io, id: string, { socket, seen }) => {
      const order: unknown[] = []
      seen.order = order
      for (const event of ['one', 'two']) socket(id).on(event, (number) => order.push(number))
      socket(id).on('ask', (answer) => answer())
    }, client.id)
    for (let number = 0; number < 100; number += 1) client.emit(number % 3 === 0 ? 'one' : 'two', number)
    await client.emitWithAck('ask')
    expect(await saw(stage.a, 'order')).toEqual(Array.from({ length: 100 }, (_, number) => number))
  })

  it('once is once, off is off, and removeAllListeners removes all', async () => {
    const client = await stage.connect(stage.a)
    await stage.a.run((_io, id: string, { socket, seen }) => {
      const calls: string[] = []
      seen.calls = calls
      const found = socket(id)
      const removed = () => calls.push('removed')
      found.once('one', () => calls.push('once'))
      found.on('one', removed)
      found.off('one', removed)
      found.on('two', removed)
      found.removeAllListeners('two')
      found.on('ask', (answer) => answer())
    }, client.id)
    for (const event of ['one', 'one', 'two']) client.emit(event)
    await client.emitWithAck('ask')
    expect(await saw(stage.a, 'calls')).toEqual(['once'])
  })

  it('onAny, prependAny and offAny hear every event of a client, in their order', async () => {
    const client = await stage.connect(stage.a)
    await stage.a.run((_io, id: string, { socket, seen }) => {
      const calls: unknown[][] = []
      seen.any = calls
      const found = socket(id)
      const removed = () => calls.push(['removed'])
      found.onAny((event, ...args) => event === 'one' && calls.push(['any', event, ...args]))
      found.prependAny((event) => event === 'one' && calls.push(['first', event]))
      found.onAny(removed)
      found.offAny(removed)
      found.on('one', () => calls.push(['listener']))
      found.on('ask', (answer) => answer(found.listenersAny().length))
    }, client.id)
    client.emit('one', 1)
    expect(await client.emitWithAck('ask')).toBe(2)
    expect(await saw(stage.a, 'any')).toEqual([['first', 'one'], ['any', 'one', 1], ['listener']])
  })

  it('onAnyOutgoing hears what is sent to a socket, alone and in a broadcast', async () => {
    const client = await stage.connect(stage.a)
    const heard = hear(client)
    const outgoing = await stage.a.run((io, id: string, { socket }) => {
      const calls: unknown[][] = []
      const found = socket(id)
      const removed = () => calls.push(['removed'])
      found.onAnyOutgoing((event, ...args) => calls.push(['any', event, ...args]))
      found.prependAnyOutgoing((event) => calls.push(['first', event]))
      found.onAnyOutgoing(removed)
      found.offAnyOutgoing(removed)
      found.emit('one', 1)
      io.of('/facts').local.to(id).emit('two', 2)
      return calls
    }, client.id)
    const expected = [
      ['first', 'one'],
      ['any', 'one', 1],
      ['first', 'two'],
      ['any', 'two', 2],
    ]
    expect(outgoing).toEqual(expected)
    await expect
      .poll(() => heard, SOON)
      .toEqual([
        ['one', 1],
        ['two', 2],
      ])
  })

  it('a client has the same listeners', async () => {
    const client = await stage.connect(stage.a)
    const calls: unknown[][] = []
    client.onAny((event) => calls.push(['any', event]))
    client.prependAny((event) => calls.push(['first', event]))
    client.onAnyOutgoing((event) => calls.push(['out', event]))
    client.once('two', () => calls.push(['once']))
    await stage.a.run((_io, id: string, { socket }) => {
      socket(id).on('ask', (answer) => {
        socket(id).emit('two')
        socket(id).emit('two')
        answer()
      })
    }, client.id)
    await client.emitWithAck('ask')
    const two = [
      ['first', 'two'],
      ['any', 'two'],
    ]
    expect(calls).toEqual([['out', 'ask'], ...two, ['once'], ...two])
  })

  it('volatile reaches whoever is connected, and waits for nobody who is not', async () => {
    const client = await stage.connect(stage.a)
    await stage.a.run((_io, id: string, { socket, watch }) => watch('volatile', socket(id), 'one'), client.id)
    client.volatile.emit('one', 'sent')
    expect(await saw(stage.a, 'volatile')).toEqual(['sent'])
    const heard = next(client, 'two')
    await stage.a.run(async (_io, id: string, { socket, writable }) => {
      await writable(id)
      socket(id).volatile.emit('two', 'back')
    }, client.id)
    expect(await heard).toEqual(['back'])
    client.disconnect()
    client.volatile.emit('three', 'lost')
    client.emit('three', 'kept')
    await stage.a.run((io, _arg, { watch, seen }) => {
      seen.kept = new Promise((resolve) => {
        io.of('/facts').once('connection', (socket) => {
          watch('event', socket, 'three')
          resolve(seen.event)
        })
      })
    })
    client.connect()
    expect(await saw(stage.a, 'kept')).toEqual(['kept'])
  })

  it('send is the event "message"', async () => {
    const client = await stage.connect(stage.a)
    await stage.a.run((_io, id: string, { socket, watch }) => watch('sent', socket(id), 'message'), client.id)
    client.send('hello')
    expect(await saw(stage.a, 'sent')).toEqual(['hello'])
    const heard = next(client, 'message')
    await stage.a.run((_io, id: string, { socket }) => void socket(id).send('you'), client.id)
    expect(await heard).toEqual(['you'])
  })

  it('reserved names are refused where they are emitted', async () => {
    const client = await stage.connect(stage.a)
    expect(() => client.emit('connect_error')).toThrow('"connect_error" is a reserved event name')
    const refused = await stage.a.run((_io, id: string, { socket }) => {
      try {
        socket(id).emit('disconnecting')
        return 'sent'
      } catch (error) {
        return (error as Error).message
      }
    }, client.id)
    expect(refused).toBe('"disconnecting" is a reserved event name')
  })
}
