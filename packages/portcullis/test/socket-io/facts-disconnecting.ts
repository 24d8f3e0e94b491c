/** Facts: how a socket ends, and what each side is told. */

import { expect, it } from 'vitest'
import { connected, next, SOON, type Stage, saw } from './stage.ts'

export function disconnecting(stage: Stage): void {
  const watch = (id: string) =>
    stage.a.run((_io, id: string, { socket, watch }) => watch('reason', socket(id), 'disconnect'), id)
  const reason = async () => ((await saw(stage.a, 'reason')) as unknown[])[0]

  it('by the client: "client namespace disconnect" and "io client disconnect"', async () => {
    const client = await stage.connect(stage.a)
    await watch(client.id)
    const told = next(client, 'disconnect')
    client.disconnect()
    expect([await reason(), (await told)[0]]).toEqual(['client namespace disconnect', 'io client disconnect'])
    expect([client.active, client.connected, client.id]).toEqual([false, false, undefined])
  })

  it('by the server: "server namespace disconnect" and "io server disconnect", and no reconnection', async () => {
    const client = await stage.connect(stage.a, '/facts', { reconnection: true, reconnectionDelay: 1 })
    await watch(client.id)
    const told = next(client, 'disconnect')
    await stage.a.run((_io, id: string, { socket }) => void socket(id).disconnect(), client.id)
    expect([await reason(), (await told)[0]]).toEqual(['server namespace disconnect', 'io server disconnect'])
    expect(client.active).toBe(false)
    client.connect()
    await connected(client)
  })

  it('disconnect() leaves the other namespaces of the connection, disconnect(true) does not', async () => {
    const facts = await stage.connect(stage.a)
    const other = facts.io.socket('/other', {})
    await connected(other)
    const first = next(facts, 'disconnect')
    await stage.a.run((_io, id: string, { socket }) => void socket(id).disconnect(), facts.id)
    await first
    expect(other.connected).toBe(true)
    facts.connect()
    await connected(facts)
    const all = [facts, other].map((client) => next(client, 'disconnect'))
    await stage.a.run((_io, id: string, { socket }) => void socket(id).disconnect(true), facts.id as string)
    expect((await Promise.all(all)).map(([told]) => told)).toEqual(Array(2).fill('io server disconnect'))
    await expect.poll(() => facts.io.engine.readyState, SOON).toBe('closed')
  })

  it('by the connection: "transport close" on both sides, and the client comes back as another socket', async () => {
    const client = await stage.connect(stage.a, '/facts', { reconnection: true, reconnectionDelay: 1 })
    const { id } = client
    await watch(id)
    const told = next(client, 'disconnect')
    await stage.a.run((_io, id: string, { socket }) => void socket(id).conn.close(), id)
    const again = connected(client)
    expect((await told)[0]).toBe('transport close')
    expect(await reason()).toBe('forced close')
    await again
    expect(client.id).not.toBe(id)
  })

  it('events said while disconnected are sent when the client is back', async () => {
    const client = await stage.connect(stage.a)
    client.disconnect()
    client.emit('one', 'kept')
    await stage.a.run((io, _arg, { seen, watch }) => {
      seen.back = new Promise((resolve) => {
        io.of('/facts').once('connection', (socket) => {
          watch('kept', socket, 'one')
          resolve(seen.kept)
        })
      })
    })
    client.connect()
    expect(await saw(stage.a, 'back')).toEqual(['kept'])
  })

  it('what is sent to a socket that has gone is nobody’s, and no error', async () => {
    const client = await stage.connect(stage.a)
    expect(
      await stage.a.run(async (io, id: string, { socket }) => {
        const found = socket(id)
        found.join('room:gone')
        found.disconnect()
        found.emit('one')
        found.to('room:gone').emit('one')
        io.of('/facts').to('room:gone').emit('one')
        return [found.connected, found.disconnected, (await io.of('/facts').in(id).fetchSockets()).length]
      }, client.id),
    ).toEqual([false, true, 0])
  })
}
