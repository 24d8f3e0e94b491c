/** Facts: rooms, and whom a broadcast reaches on every server. */

import { expect, it } from 'vitest'
import { type Client, hear, type Node, SOON, type Stage, saw } from './stage.ts'

export function rooms(stage: Stage): void {
  /** Clients on both servers, each with what it hears. */
  async function audience() {
    const clients = await Promise.all([stage.connect(stage.a), stage.connect(stage.a), stage.connect(stage.b)])
    const [first, second, remote] = clients as [Client, Client, Client]
    return { first, second, remote, heard: { first: hear(first), second: hear(second), remote: hear(remote) } }
  }
  const join = (node: Node, { id }: Client, ...names: string[]) =>
    node.run((_io, { id, names }: { id: string; names: string[] }, { socket }) => socket(id).join(names), { id, names })
  /** The names of what was heard, once a last word of each server has reached everybody: nothing else can come any more. */
  async function told({ first, second, remote, heard }: Awaited<ReturnType<typeof audience>>) {
    const everybody = [first.id, second.id, remote.id]
    for (const node of [stage.a, stage.b]) {
      await node.run((io, ids: string[]) => void io.of('/facts').to(ids).emit('last'), everybody)
    }
    const names = () => Object.values(heard).map((events) => events.map(([event]) => event))
    const lastWords = () => names().map((events) => events.filter((event) => event === 'last').length)
    await expect.poll(lastWords, SOON).toEqual([2, 2, 2])
    return names().map((events) => events.filter((event) => event !== 'last'))
  }

  it('emit on a namespace reaches all of it, and nobody of another', async () => {
    const seats = await audience()
    const other = hear(await stage.connect(stage.a, '/other'))
    await stage.a.run((io) => void io.of('/facts').emit('one'))
    expect(await told(seats)).toEqual([['one'], ['one'], ['one']])
    expect(other).toEqual([])
  })

  it('broadcast reaches everybody but its sender', async () => {
    const seats = await audience()
    await stage.a.run((_io, id: string, { socket }) => void socket(id).broadcast.emit('one'), seats.first.id)
    expect(await told(seats)).toEqual([[], ['one'], ['one']])
  })

  it('local reaches the clients of this server', async () => {
    const seats = await audience()
    await stage.a.run((io) => void io.of('/facts').local.emit('one'))
    expect(await told(seats)).toEqual([['one'], ['one'], stage.clustered ? [] : ['one']])
  })

  it('volatile and compress() change nothing about whom a broadcast reaches', async () => {
    const seats = await audience()
    await stage.a.run(async (io, id: string, { writable }) => {
      await writable(id)
      io.of('/facts').to(id).volatile.emit('one')
      io.of('/facts').compress(false).emit('two')
      io.of('/facts').compress(true).to(id).emit('three')
    }, seats.first.id)
    expect(await told(seats)).toEqual([['one', 'two', 'three'], ['two'], ['two']])
  })

  it('to, in and several rooms reach the union, each socket once', async () => {
    const seats = await audience()
    await join(stage.a, seats.first, 'room:x', 'room:y')
    await join(stage.b, seats.remote, 'room:y')
    await stage.a.run((io) => {
      const facts = io.of('/facts')
      facts.to('room:x').emit('one')
      facts.in('room:y').emit('two')
      facts.to('room:x').to('room:y').emit('three')
      facts.to(['room:x', 'room:y', 'room:z']).emit('four')
      facts.to('room:z').emit('five')
    })
    expect(await told(seats)).toEqual([['one', 'two', 'three', 'four'], [], ['two', 'three', 'four']])
  })

  it('except leaves rooms and sockets out', async () => {
    const seats = await audience()
    await join(stage.a, seats.first, 'room:out')
    await join(stage.b, seats.remote, 'room:in')
    await stage.b.run((io, second: string) => {
      const facts = io.of('/facts')
      facts.except('room:out').emit('one')
      facts.except(second).emit('two')
      facts.to('room:in').to('room:out').except('room:out').emit('three')
    }, seats.second.id)
    expect(await told(seats)).toEqual([['two'], ['one'], ['one', 'two', 'three']])
  })

  it('to and except of a socket leave out the socket itself', async () => {
    const seats = await audience()
    for (const [node, client] of [
      [stage.a, seats.first],
      [stage.a, seats.second],
      [stage.b, seats.remote],
    ] as const)
      await join(node, client, 'room:all')
    await stage.a.run(
      (_io, { first, second }: Record<string, string>, { socket }) => {
        const sender = socket(first as string)
        sender.to('room:all').emit('one')
        sender
          .to('room:all')
          .except(second as string)
          .emit('two')
        sender.except(second as string).emit('three')
      },
      { first: seats.first.id, second: seats.second.id },
    )
    expect(await told(seats)).toEqual([[], ['one'], ['one', 'two', 'three']])
  })

  it('a socket is in a room of its own id, through which another server reaches it', async () => {
    const seats = await audience()
    expect(await stage.a.run((_io, id: string, { socket }) => [...socket(id).rooms], seats.first.id)).toEqual([
      seats.first.id,
    ])
    await stage.b.run((io, id: string) => void io.of('/facts').to(id).emit('one'), seats.first.id)
    expect(await told(seats)).toEqual([['one'], [], []])
  })

  it('leave ends what join began, and a disconnection ends all of it', async () => {
    const seats = await audience()
    await join(stage.a, seats.first, 'room:x', 'room:y')
    await stage.a.run((_io, id: string, { socket }) => void socket(id).leave('room:x'), seats.first.id)
    await stage.a.run((io) => void io.of('/facts').to('room:x').emit('one'))
    expect(await told(seats)).toEqual([[], [], []])
    await stage.a.run((_io, id: string, { socket, seen }) => {
      const found = socket(id)
      seen.left = new Promise((resolve) => {
        found.once('disconnecting', (reason) => {
          const before = [...found.rooms]
          found.once('disconnect', () => resolve([reason, before, [...found.rooms]]))
        })
      })
    }, seats.first.id)
    const { id } = seats.first
    seats.first.disconnect()
    expect(await saw(stage.a, 'left')).toEqual(['client namespace disconnect', [id, 'room:y'], []])
    expect(await stage.a.run((io) => io.of('/facts').adapter.rooms.has('room:y'))).toBe(false)
  })

  it('an adapter tells of rooms as they come and go', async () => {
    const client = await stage.connect(stage.a, '/other')
    const told = await stage.a.run((io, id: string, { socket }) => {
      const { adapter } = io.of('/other')
      const events: unknown[][] = []
      for (const event of ['create-room', 'join-room', 'leave-room', 'delete-room'] as const) {
        const listen = (...args: unknown[]) => events.push([event, ...args])
        adapter.on(event, listen)
        socket(id).once('disconnect', () => adapter.off(event, listen))
      }
      socket(id).join('room:told')
      socket(id).leave('room:told')
      return events
    }, client.id)
    expect(told).toEqual([
      ['create-room', 'room:told'],
      ['join-room', 'room:told', client.id],
      ['leave-room', 'room:told', client.id],
      ['delete-room', 'room:told'],
    ])
  })
}
