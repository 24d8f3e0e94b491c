/** Facts: what a server can do with sockets wherever they are, and how servers speak to each other. */

import { expect, it } from 'vitest'
import { type Client, next, SOON, type Stage, saw } from './stage.ts'

export function remote(stage: Stage): void {
  const roomsOf = (client: Client, node = stage.b) =>
    node.run((_io, id: string, { socket }) => [...socket(id).rooms].filter((room) => room !== id).sort(), client.id)

  it('socketsJoin and socketsLeave move the sockets of every server', async () => {
    const [here, there] = await Promise.all([stage.connect(stage.a), stage.connect(stage.b)])
    const both = [here.id, there.id]
    await stage.a.run((io, ids: string[]) => io.of('/facts').in(ids).socketsJoin(['room:x', 'room:y']), both)
    await expect.poll(() => roomsOf(there), SOON).toEqual(['room:x', 'room:y'])
    await expect.poll(() => roomsOf(here, stage.a), SOON).toEqual(['room:x', 'room:y'])
    await stage.a.run((io) => io.of('/facts').in('room:x').socketsLeave('room:y'))
    await expect.poll(() => roomsOf(there), SOON).toEqual(['room:x'])
    await expect.poll(() => roomsOf(here, stage.a), SOON).toEqual(['room:x'])
    await stage.a.run((io, id: string) => io.of('/facts').in('room:x').except(id).socketsLeave('room:x'), here.id)
    await expect.poll(() => roomsOf(there), SOON).toEqual([])
    expect(await roomsOf(here, stage.a)).toEqual(['room:x'])
  })

  it('disconnectSockets ends the sockets of every server, with their connections when asked to', async () => {
    const [here, there, spared] = await Promise.all([
      stage.connect(stage.a),
      stage.connect(stage.b),
      stage.connect(stage.b),
    ])
    const gone = [here, there].map((client) => next(client, 'disconnect'))
    await stage.a.run((io, ids: string[]) => io.of('/facts').in(ids).disconnectSockets(), [here.id, there.id])
    expect((await Promise.all(gone)).map(([reason]) => reason)).toEqual(Array(2).fill('io server disconnect'))
    expect(spared.connected).toBe(true)
    const closed = new Promise((resolve) => spared.io.engine.once('close', resolve))
    await stage.a.run((io, id: string) => io.of('/facts').to(id).disconnectSockets(true), spared.id)
    await closed
  })

  it('fetchSockets finds the sockets of every server, with rooms, data and query', async () => {
    const [here, there] = await Promise.all([
      stage.connect(stage.a, '/facts', { query: { from: 'here' } }),
      stage.connect(stage.b, '/facts', { query: { from: 'there' } }),
    ])
    for (const [node, client] of [
      [stage.a, here],
      [stage.b, there],
    ] as const) {
      await node.run((_io, id: string, { socket }) => {
        socket(id).data.nick = { name: 'nick', list: [1] }
        return socket(id).join('room:found')
      }, client.id)
    }
    const find = () =>
      stage.a.run(async (io) => {
        const sockets = await io.of('/facts').in('room:found').fetchSockets()
        return sockets
          .map(({ id, rooms, data, handshake }) => ({
            id,
            rooms: [...rooms].sort(),
            nick: data.nick,
            from: handshake.query.from,
          }))
          .sort((one, other) => (one.from as string).localeCompare(other.from as string))
      })
    const nick = { name: 'nick', list: [1] }
    expect(await find()).toEqual([
      { id: here.id, rooms: [here.id, 'room:found'].sort(), nick, from: 'here' },
      { id: there.id, rooms: [there.id, 'room:found'].sort(), nick, from: 'there' },
    ])
    const counts = await stage.a.run(
      async (io, id: string) => [
        (await io.of('/facts').local.in('room:found').fetchSockets()).length,
        (await io.of('/facts').in('room:found').except(id).fetchSockets()).length,
        (await io.of('/facts').in('room:none').fetchSockets()).length,
      ],
      here.id,
    )
    expect(counts).toEqual([stage.clustered ? 1 : 2, 1, 0])
  })

  it('a remote socket can be told, moved, asked and disconnected', async () => {
    const client = await stage.connect(stage.b)
    client.on('ask', (answer) => answer('me'))
    const heard = next(client, 'one')
    const gone = next(client, 'disconnect')
    const answers = await stage.a.run(async (io, id: string) => {
      const [found] = await io.of('/facts').in(id).fetchSockets()
      if (found === undefined) return 'nobody'
      found.emit('one', 1)
      found.join('room:moved')
      return found.timeout(5_000).emitWithAck('ask')
    }, client.id)
    expect(answers).toBe('me')
    expect(await heard).toEqual([1])
    await expect.poll(() => roomsOf(client), SOON).toEqual(['room:moved'])
    await stage.a.run(async (io, id: string) => {
      const [found] = await io.of('/facts').in(id).fetchSockets()
      found?.leave('room:moved')
      found?.disconnect(true)
    }, client.id)
    expect((await gone)[0]).toBe('io server disconnect')
  })

  it('serverSideEmit reaches the other servers, and the acknowledgement has all their answers', async (test) => {
    // The in-memory adapter has no other servers, and says that it does not support this.
    if (!stage.clustered) return void expect(await stage.a.run((io) => io.of('/facts').adapter.serverCount())).toBe(1)
    test.onTestFinished(async () => {
      for (const node of [stage.a, stage.b]) {
        await node.run((io) => {
          io.of('/facts').removeAllListeners('between')
          io.of('/facts').removeAllListeners('question')
        })
      }
    })
    for (const node of [stage.a, stage.b]) {
      await node.run((io, _arg, { seen, watch }) => {
        watch('between', io.of('/facts') as never, 'between')
        seen.self = false
        io.of('/facts').on('question' as 'connection', (...args: unknown[]) => {
          seen.self = true
          const answer = args.pop() as (value: unknown) => void
          answer({ asked: args })
        })
      })
    }
    await stage.a.run((io) => void io.of('/facts').serverSideEmit('between', 'hello', { deep: [1] }))
    expect(await saw(stage.b, 'between')).toEqual(['hello', { deep: [1] }])
    expect(await stage.a.run((io) => io.of('/facts').serverSideEmitWithAck('question', 7))).toEqual([{ asked: [7] }])
    expect([await saw(stage.a, 'self'), await saw(stage.b, 'self')]).toEqual([false, true])
  })
}
