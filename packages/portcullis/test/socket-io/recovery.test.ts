/** Facts: connection state recovery, on the two adapters of these that have it. */

import { describe, expect, it } from 'vitest'
import { inMemory, redisStreams } from './adapters.ts'
import { connected, hear, KINDS, next, type Open, SOON, type Stage, useStage } from './stage.ts'

const recovered = { connectionStateRecovery: { maxDisconnectionDuration: 60_000 } }
const ADAPTERS: readonly (readonly [string, Open])[] = [
  ['in-memory', inMemory(recovered)],
  ['redis-streams', redisStreams(recovered)],
]

describe.each(ADAPTERS)('recovery, %s adapter', (_name, open) => {
  describe.each(KINDS)('%s', (kind) => {
    const stage = useStage(kind, open)

    it('who comes back is the same socket, with its rooms, its data and what was sent meanwhile, in order', async () => {
      const { a } = stage
      const client = await present(stage)
      const heard = hear(client)
      await a.run(async (_io, id: string, { socket }) => {
        socket(id).data.note = 'mine'
        await socket(id).join('room:x')
      }, client.id)
      const { id } = client
      await lose(stage, client)
      await a.run(async (io, id: string) => {
        const facts = io.of('/facts')
        facts.emit('one', 'to all')
        facts.to('room:x').emit('two', 'to its room')
        facts.to(id).emit('three', 'to itself')
        facts.except('room:x').emit('one', 'to others')
        facts.to('room:y').emit('one', 'to another room')
        // With streams, this waits until everything before it is there.
        await facts.fetchSockets()
      }, id)
      client.connect()
      await connected(client)
      expect([client.id, client.recovered]).toEqual([id, true])
      await a.run((_io, id: string, { socket }) => void socket(id).emit('message', 'last'), id)
      await expect.poll(() => heard.at(-1)?.slice(0, 2), SOON).toEqual(['message', 'last'])
      expect(heard.map((said) => said.slice(0, 2))).toEqual([
        ['one', 'to all'],
        ['two', 'to its room'],
        ['three', 'to itself'],
        ['message', 'last'],
      ])
      const back = await a.run((_io, id: string, { socket }) => {
        const { recovered, rooms, data } = socket(id)
        return [recovered, [...rooms].sort(), data.note]
      }, id)
      expect(back).toEqual([true, [id, 'room:x'].sort(), 'mine'])
    })

    it('who left by itself comes back as another socket', async () => {
      const client = await present(stage)
      const { id } = client
      client.disconnect()
      await gone(stage, id)
      client.connect()
      await connected(client)
      expect([client.id === id, client.recovered ?? false]).toEqual([false, false])
    })

    it('who was disconnected by the server comes back as another socket', async () => {
      const client = await present(stage)
      const { id } = client
      const told = next(client, 'disconnect')
      await stage.a.run((_io, id: string, { socket }) => void socket(id).disconnect(), id)
      await told
      client.connect()
      await connected(client)
      expect([client.id === id, client.recovered ?? false]).toEqual([false, false])
    })
  })
})

/** A client that may come back: somebody, who has heard something. */
async function present(stage: Stage) {
  const client = await stage.connect(stage.a, '/facts', { auth: { user: 'alice' } })
  const heard = next(client, 'message')
  await stage.a.run((_io, id: string, { socket }) => void socket(id).emit('message', 'first'), client.id)
  await heard
  return client
}

async function lose(stage: Stage, client: Awaited<ReturnType<typeof present>>): Promise<void> {
  const { id } = client
  client.io.engine.close()
  await gone(stage, id)
}

async function gone({ a }: Stage, id: string): Promise<void> {
  await expect.poll(() => a.run((io, id: string) => io.of('/facts').sockets.has(id), id), SOON).toBe(false)
}
