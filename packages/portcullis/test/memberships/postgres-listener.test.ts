/** The order of events that a real network gives only by chance: clients of Postgres that say what a test lets them say. */

import { EventEmitter } from 'node:events'
import { describe, expect, it } from 'vitest'
import { createListener } from '../../src/memberships/postgres-listener.ts'
import { fakeTime } from '../harness.ts'

/** A client whose queries are answered at once, unless the test holds them. */
class Client extends EventEmitter {
  readonly queries: string[] = []
  answer: () => Promise<unknown> = async () => {}
  released = 0
  query(text: string): Promise<unknown> {
    this.queries.push(text)
    return this.answer()
  }
  release(): void {
    this.released += 1
    // As pg does when a connection is thrown away.
    this.emit('end')
  }
}

function listener() {
  const time = fakeTime()
  const said: string[] = []
  const clients: Client[] = []
  let connected = 0
  const state = { connect: async (): Promise<Client> => newClient() }
  function newClient(): Client {
    const client = new Client()
    clients.push(client)
    return client
  }
  const created = () =>
    createListener({
      connect() {
        connected += 1
        return state.connect()
      },
      channel: 'members',
      timeoutMs: 1_000,
      checkEveryMs: 5_000,
      clock: time.clock,
      heard: (payload) => said.push(`heard ${payload}`),
      listening: () => said.push('listening'),
      deaf: (error) => said.push(`deaf: ${(error as Error).message}`),
    })
  /** The answers that are due have come. */
  const turn = () => new Promise((resolve) => setImmediate(resolve))
  return { time, said, clients, state, newClient, created, turn, connected: () => connected }
}

describe('createListener()', () => {
  it('waits twice as long after each vain attempt, up to 5 s, and begins anew after one that succeeded', async () => {
    const { time, clients, state, newClient, created, turn, connected } = listener()
    const stop = await created()
    /** Milliseconds until the next attempt. */
    async function waited(): Promise<number> {
      const before = connected()
      for (let ms = 1; ms <= 6_000; ms += 1) {
        time.advance(1)
        if (connected() > before) {
          await turn()
          return ms
        }
      }
      return Number.POSITIVE_INFINITY
    }
    async function row(): Promise<readonly number[]> {
      state.connect = () => Promise.reject(new Error('away'))
      clients.at(-1)?.emit('error', new Error('gone'))
      const waits: number[] = []
      for (let i = 0; i < 9; i += 1) waits.push(await waited())
      state.connect = async () => newClient()
      await waited()
      return waits
    }
    for (const waits of [await row(), await row()]) {
      for (const [i, ms] of waits.entries()) {
        const most = Math.min(5_000, 50 * 2 ** i)
        expect([i, ms > most / 2 - 1, ms <= most + 1]).toEqual([i, true, true])
      }
    }
    await stop()
    expect(time.pending()).toBe(0)
  })

  it('asks every 5 s whether it is heard, and replaces a client that does not answer within the time', async () => {
    const { time, said, clients, created, turn } = listener()
    const stop = await created()
    for (let i = 0; i < 3; i += 1) {
      time.advance(5_000)
      await turn()
    }
    expect(clients[0]?.queries).toEqual(['listen "members"', 'select 1', 'select 1', 'select 1'])
    const [client] = clients as [Client]
    client.answer = () => new Promise(() => {})
    time.advance(5_999)
    await turn()
    expect(said).toEqual(['listening'])
    client.emit('notification', { channel: 'others', payload: 'alice' })
    client.emit('notification', { channel: 'members' })
    expect(said.splice(1)).toEqual(['heard '])
    time.advance(1)
    await turn()
    expect(said).toEqual(['listening', 'deaf: Postgres did not answer within 1000 ms'])
    expect(client.released).toBe(1)
    time.advance(50)
    await turn()
    expect(said.at(-1)).toBe('listening')
    // What the old one says late is no news.
    client.emit('notification', { channel: 'members', payload: 'alice' })
    client.emit('error', new Error('late'))
    expect(said).toHaveLength(3)
    await stop()
    expect(clients.map(({ released }) => released)).toEqual([1, 1])
    expect(time.pending()).toBe(0)
  })

  it('a connection that ends in several ways at once is lost once', async () => {
    const { time, said, clients, created, turn, connected } = listener()
    await created()
    clients[0]?.emit('error', new Error('gone'))
    clients[0]?.emit('end')
    expect(said).toEqual(['listening', 'deaf: gone'])
    time.advance(50)
    await turn()
    clients[1]?.emit('end')
    expect(said.slice(2)).toEqual(['listening', 'deaf: the connection that listens was closed'])
    expect(connected()).toBe(2)
  })

  it('a connection that is lost while it begins to listen does not', async () => {
    const { said, clients, state, newClient, created, time } = listener()
    state.connect = async () => {
      const client = newClient()
      client.answer = async () => {
        client.emit('error', new Error('gone'))
      }
      return client
    }
    await expect(created()).rejects.toThrow('the connection was lost')
    expect(said).toEqual([])
    expect(clients[0]?.released).toBe(1)
    expect(time.pending()).toBe(0)
  })

  it.each([
    ['succeeds', async (client: Client) => client],
    ['fails', async () => Promise.reject(new Error('away'))],
  ])('stopped while an attempt is under way that then %s, it is quiet', async (_name, end) => {
    const { time, said, clients, state, newClient, created, turn, connected } = listener()
    const stop = await created()
    let proceed = () => {}
    const waiting = new Promise<void>((resolve) => {
      proceed = resolve
    })
    state.connect = () => waiting.then(() => end(newClient()))
    clients[0]?.emit('end')
    time.advance(50)
    expect(connected()).toBe(2)
    await stop()
    proceed()
    await turn()
    expect(said).toEqual(['listening', 'deaf: the connection that listens was closed'])
    expect(clients[1]?.released).toBe(_name === 'succeeds' ? 1 : 0)
    expect(time.pending()).toBe(0)
  })

  it('stopped while it waits for the next attempt, it makes none', async () => {
    const { time, clients, created, connected } = listener()
    const stop = await created()
    clients[0]?.emit('end')
    await stop()
    time.advance(60_000)
    expect(connected()).toBe(1)
  })
})
