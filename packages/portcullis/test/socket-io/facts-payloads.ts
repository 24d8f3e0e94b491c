/** Facts: binary content, in events, acknowledgements and broadcasts. */

import { randomBytes } from 'node:crypto'
import { expect, it } from 'vitest'
import { next, type Stage, saw } from './stage.ts'

/** In Node, all that is binary arrives as a Buffer. */
const bytes = (...values: number[]) => Buffer.from(values)

export function payloads(stage: Stage): void {
  it.each([
    ['a Buffer', Buffer.from('buffer'), Buffer.from('buffer')],
    ['a typed array', new Uint8Array([1, 2, 255]), bytes(1, 2, 255)],
    ['an ArrayBuffer', new Uint8Array([3, 4]).buffer, bytes(3, 4)],
    ['a part of a larger buffer', Buffer.from('0123456789').subarray(3, 6), Buffer.from('345')],
    ['nothing', Buffer.alloc(0), Buffer.alloc(0)],
  ])('%s arrives, both ways', async (_name, sent, expected) => {
    const client = await stage.connect(stage.a)
    await stage.a.run((_io, id: string, { socket, watch }) => watch('binary', socket(id), 'one'), client.id)
    client.emit('one', sent)
    const [received] = (await saw(stage.a, 'binary')) as [Uint8Array]
    expect(Buffer.from(received)).toEqual(expected)
    const heard = next(client, 'two')
    await stage.a.run(
      (_io, { id, sent }: { id: string; sent: unknown }, { socket }) => void socket(id).emit('two', sent),
      { id: client.id, sent },
    )
    expect(Buffer.from((await heard)[0] as Uint8Array)).toEqual(expected)
  })

  it('several attachments stand where they stood, among JSON', async () => {
    const client = await stage.connect(stage.a)
    await stage.a.run((_io, id: string, { socket }) => {
      socket(id).on('ask', (first, second, answer) => answer({ first, second, more: [Buffer.from('more')] }))
    }, client.id)
    const sent = {
      name: 'two files',
      files: [
        { at: 1, content: bytes(1) },
        { at: 2, content: bytes(2) },
      ],
      none: null,
    }
    expect(await client.emitWithAck('ask', sent, bytes(9))).toEqual({
      first: sent,
      second: bytes(9),
      more: [Buffer.from('more')],
    })
  })

  it('a client acknowledges with binary content', async () => {
    const client = await stage.connect(stage.a)
    client.on('ask', (sent, answer) => answer({ got: sent, own: new Uint8Array([7]) }))
    const answer = await stage.a.run(
      (_io, id: string, { socket }) => socket(id).emitWithAck('ask', { deep: Buffer.from('down') }),
      client.id,
    )
    const { got, own } = answer as { got: { deep: Uint8Array }; own: Uint8Array }
    expect([Buffer.from(got.deep).toString(), Buffer.from(own)]).toEqual(['down', bytes(7)])
  })

  it('a broadcast with binary content reaches the clients of every server', async () => {
    const clients = await Promise.all([stage.connect(stage.a), stage.connect(stage.b)])
    const heard = clients.map((client) => next(client, 'two'))
    await stage.a.run(
      (io, ids: string[]) =>
        void io
          .of('/facts')
          .to(ids)
          .emit('two', { files: [Buffer.from('x'), 1] }, Buffer.from('y')),
      clients.map(({ id }) => id),
    )
    for (const args of await Promise.all(heard)) {
      expect(args).toEqual([{ files: [Buffer.from('x'), 1] }, Buffer.from('y')])
    }
  })

  it('200 KB arrive whole, on both transports', async () => {
    const large = randomBytes(200_000)
    for (const transports of [['websocket'], ['polling']]) {
      const client = await stage.connect(stage.a, '/facts', { transports })
      await stage.a.run((_io, id: string, { socket }) => {
        socket(id).on('ask', (sent, answer) => answer(sent))
      }, client.id)
      expect((await client.emitWithAck('ask', large)).equals(large)).toBe(true)
    }
  })
}
