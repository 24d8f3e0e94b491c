/** Facts: acknowledgements both ways, with a time-out, and of a broadcast. */

import { expect, it } from 'vitest'
import { SOON, type Stage } from './stage.ts'

export function acknowledgements(stage: Stage): void {
  it('a server acknowledges an event, by callback and by promise', async () => {
    const client = await stage.connect(stage.a)
    await stage.a.run((_io, id: string, { socket }) => {
      socket(id).on('ask', (question, answer) => answer(`${question}!`, [1, { two: 2 }]))
    }, client.id)
    const called = await new Promise((resolve) => client.emit('ask', 'why', (...args: unknown[]) => resolve(args)))
    expect(called).toEqual(['why!', [1, { two: 2 }]])
    expect(await client.emitWithAck('ask', 'how')).toBe('how!')
  })

  it('a client acknowledges an event, by callback and by promise', async () => {
    const client = await stage.connect(stage.a)
    client.on('ask', (question, answer) => answer(`${question}?`))
    expect(
      await stage.a.run(
        (_io, id: string, { socket }) =>
          new Promise((resolve) => socket(id).emit('ask', 'why', (...args: unknown[]) => resolve(args))),
        client.id,
      ),
    ).toEqual(['why?'])
    expect(await stage.a.run((_io, id: string, { socket }) => socket(id).emitWithAck('ask', 'how'), client.id)).toBe(
      'how?',
    )
  })

  it('acknowledgements may come in another order than the questions', async () => {
    const client = await stage.connect(stage.a)
    await stage.a.run((_io, id: string, { socket }) => {
      const answers: ((value: number) => void)[] = []
      socket(id).on('ask', (number, answer) => {
        answers.push(() => answer(number))
        if (answers.length === 3) for (const late of answers.reverse()) late(number)
      })
    }, client.id)
    const order: number[] = []
    const ask = async (number: number) => order.push(await client.emitWithAck('ask', number))
    await Promise.all([ask(1), ask(2), ask(3)])
    expect(order).toEqual([3, 2, 1])
  })

  it('timeout() ends the wait for an acknowledgement, both ways, and what comes too late is dropped', async () => {
    const client = await stage.connect(stage.a)
    await stage.a.run((_io, id: string, { socket, seen }) => {
      seen.late = new Promise((resolve) => socket(id).once('ask', resolve))
      socket(id).on('one', (answer) => answer('in time'))
    }, client.id)
    await expect(client.timeout(20).emitWithAck('ask')).rejects.toThrow('operation has timed out')
    await stage.a.run(async (_io, _arg, { seen }) => ((await seen.late) as (value: string) => void)('too late'))
    const called = await new Promise((resolve) =>
      client.timeout(10_000).emit('one', (...args: unknown[]) => resolve(args)),
    )
    expect(called).toEqual([null, 'in time'])
    const back = await stage.a.run(
      (_io, id: string, { socket }) =>
        socket(id)
          .timeout(20)
          .emitWithAck('two')
          .catch((error: Error) => error.message),
      client.id,
    )
    expect(back).toBe('operation has timed out')
  })

  it('a wait with a time-out ends with the connection', async () => {
    const client = await stage.connect(stage.a)
    const waiting = client.timeout(60_000).emitWithAck('ask')
    await stage.a.run((_io, id: string, { socket }) => {
      socket(id).on('ask', () => socket(id).disconnect())
    }, client.id)
    client.emit('ask')
    await expect(waiting).rejects.toThrow('socket has been disconnected')
  })

  it('a broadcast gathers the acknowledgements of all its clients', async () => {
    const clients = await Promise.all([stage.connect(stage.a), stage.connect(stage.a), stage.connect(stage.b)])
    for (const [index, client] of clients.entries()) client.on('ask', (question, answer) => answer(question + index))
    const ids = clients.map(({ id }) => id)
    const answers = await stage.a.run(
      (io, to: string[]) => io.of('/facts').to(to).timeout(10_000).emitWithAck('ask', 10),
      ids,
    )
    expect((answers as number[]).sort()).toEqual([10, 11, 12])
    const called = await stage.a.run(
      (io, to: string[]) =>
        new Promise<unknown[]>((resolve) => {
          io.of('/facts')
            .to(to)
            .timeout(10_000)
            .emit('ask', 20, (...args: unknown[]) => resolve(args))
        }),
      ids,
    )
    expect([called[0], (called[1] as number[]).sort()]).toEqual([null, [20, 21, 22]])
  })

  it('a broadcast whose clients do not all answer in time gives those that came', async () => {
    const [speaking, silent] = await Promise.all([stage.connect(stage.a), stage.connect(stage.b)])
    speaking.on('ask', (answer) => answer('here'))
    const ask = () =>
      stage.a.run(
        async (io, to: string[]) => {
          const waiting = io.of('/facts').to(to).timeout(200).emitWithAck('ask')
          const error = await waiting.catch((reason) => reason)
          return [error.message, error.responses]
        },
        [speaking.id, silent.id],
      )
    // Asked again where even the first was too slow to answer.
    await expect.poll(ask, SOON).toEqual(['operation has timed out', ['here']])
  })

  it('a broadcast to nobody is acknowledged by nobody', async () => {
    expect(await stage.a.run((io) => io.of('/facts').to('room:nobody').timeout(500).emitWithAck('ask'))).toEqual([])
  })
}
