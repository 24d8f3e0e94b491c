/** Facts: namespaces, those that exist and those that are made for whoever asks. */

import { expect, it } from 'vitest'
import { connected, hear, next, SOON, type Stage, saw } from './stage.ts'

export function namespaces(stage: Stage): void {
  it('several namespaces share one connection, and hear nothing of each other', async () => {
    const facts = await stage.connect(stage.a, '/facts')
    const root = facts.io.socket('/', {})
    await connected(root)
    const heard = { facts: hear(facts), root: hear(root) }
    const ids = [facts.id, root.id as string]
    const shared = await stage.a.run((io, [one, other]: string[], { socket }) => {
      io.of('/facts')
        .to(one as string)
        .emit('one')
      io.emit('two')
      return socket(one as string).conn === socket(other as string).conn
    }, ids)
    expect(shared).toBe(true)
    expect(facts.id).not.toBe(root.id)
    await expect.poll(() => heard, SOON).toEqual({ facts: [['one']], root: [['two']] })
  })

  it('the server’s own methods are those of the namespace "/"', async () => {
    const client = await stage.connect(stage.a, '/')
    const heard = next(client, 'one')
    const same = await stage.a.run((io, id: string) => {
      io.to(id).emit('one')
      return [io.sockets === io.of('/'), io.of('facts') === io.of('/facts'), io.sockets.sockets.has(id)]
    }, client.id)
    expect(same).toEqual([true, true, true])
    await heard
  })

  it('a name that matches nothing is "Invalid namespace"', async () => {
    const client = stage.client(stage.a, '/nowhere')
    const [error] = (await next(client, 'connect_error')) as [Error]
    expect(error.message).toBe('Invalid namespace')
  })

  it('a pattern makes namespaces as they are asked for, each of its own', async () => {
    const [x, y] = await Promise.all([stage.connect(stage.a, '/dynamic-x'), stage.connect(stage.a, '/dynamic-y')])
    const heard = { x: hear(x), y: hear(y) }
    await stage.a.run((io) => {
      io.of('/dynamic-x').emit('one')
      io.of('/dynamic-y').emit('two')
    })
    await expect.poll(() => heard, SOON).toEqual({ x: [['one']], y: [['two']] })
  })

  it('listeners and middlewares of a pattern are those of its namespaces', async () => {
    await stage.a.run((io, _arg, { seen }) => {
      const parent = io._nsps.get('/dynamic-seen')
      if (parent !== undefined) throw new Error('there already')
      const [pattern] = [...io['parentNsps' as '_nsps'].values()]
      const calls: unknown[] = []
      seen.calls = calls
      pattern?.use((socket, pass) => {
        calls.push(['use', socket.nsp.name])
        pass()
      })
      pattern?.on('connection', (socket) => {
        calls.push(['connection', socket.nsp.name])
      })
    })
    const client = await stage.connect(stage.a, '/dynamic-seen')
    await stage.connect(stage.a, '/facts')
    expect(await saw(stage.a, 'calls')).toEqual([
      ['use', '/dynamic-seen'],
      ['connection', '/dynamic-seen'],
    ])
    await stage.a.run((_io, id: string, { socket }) => {
      socket(id).on('ask', (answer) => answer(socket(id).nsp.name))
    }, client.id)
    expect(await client.emitWithAck('ask')).toBe('/dynamic-seen')
  })

  it('emit on a pattern reaches all its namespaces', async () => {
    const clients = await Promise.all([stage.connect(stage.a, '/dynamic-x'), stage.connect(stage.a, '/dynamic-y')])
    const heard = clients.map((client) => next(client, 'three'))
    await stage.a.run((io) => {
      const [pattern] = [...io['parentNsps' as '_nsps'].values()]
      pattern?.emit('three', 'all')
    })
    expect(await Promise.all(heard)).toEqual([['all'], ['all']])
  })

  it('a function decides by name and auth whether there is a namespace', async () => {
    const client = await stage.connect(stage.a, '/for-red', { auth: { team: 'red' } })
    expect(client.connected).toBe(true)
    const stranger = stage.client(stage.a, '/for-red-not', { auth: { team: 'blue' } })
    const [error] = (await next(stranger, 'connect_error')) as [Error]
    expect(error.message).toBe('Invalid namespace')
  })

  it('an empty namespace of a pattern goes with its last socket', async () => {
    const client = await stage.connect(stage.a, '/dynamic-brief')
    expect(await stage.a.run((io) => io._nsps.has('/dynamic-brief'))).toBe(true)
    client.disconnect()
    await expect.poll(() => stage.a.run((io) => io._nsps.has('/dynamic-brief')), SOON).toBe(false)
  })

  it('a dynamic namespace of one server hears what another server says in it', async () => {
    const [here, there] = await Promise.all([
      stage.connect(stage.a, '/dynamic-z'),
      stage.connect(stage.b, '/dynamic-z'),
    ])
    const heard = [here, there].map(hear)
    // A new namespace takes a moment until the servers know of each other's: it is said until it is heard.
    await expect
      .poll(async () => {
        await stage.a.run((io) => void io.of('/dynamic-z').emit('one'))
        return heard.every((events) => events.length > 0)
      }, SOON)
      .toBe(true)
  })
}
