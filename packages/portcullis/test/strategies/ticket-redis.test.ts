import { randomBytes } from 'node:crypto'
import { Redis } from 'ioredis'
import { memoryTicketStore, TAKEN, type TicketStore, ticketStoreOfRedis, tickets } from 'portcullis/strategies/ticket'
import { fakeClock, handshakeOf } from 'portcullis/testing'
import { createClient } from 'redis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { noteFigures } from '../faults/figures.ts'
import { connectWith, present, refusal } from './ticket-fixtures.ts'

const PREFIX = `ticket-test-${randomBytes(6).toString('hex')}:`

/** Three clients of one Redis, as three nodes have. */
const clients = Array.from({ length: 3 }, () =>
  createClient({ url: process.env.REDIS_URL ?? '', disableOfflineQueue: true }).on('error', () => undefined),
)
const [client] = clients
if (client === undefined) throw new Error('no client')

beforeAll(async () => {
  await Promise.all([ioredis, ...clients].map((each) => each.connect()))
})
afterAll(async () => {
  const left = await client.keys(`${PREFIX}*`)
  if (left.length > 0) await client.del(left)
  for (const each of clients) each.destroy()
  ioredis.disconnect()
})

const ioredis = new Redis(process.env.REDIS_URL ?? '', { lazyConnect: true, enableOfflineQueue: false })
ioredis.on('error', () => undefined)

const key = () => randomBytes(32).toString('base64url')

const stores: Readonly<Record<string, () => TicketStore>> = {
  memoryTicketStore: () => memoryTicketStore(),
  'ticketStoreOfRedis(node-redis)': () => ticketStoreOfRedis(client, PREFIX),
  'ticketStoreOfRedis(ioredis)': () => ticketStoreOfRedis(ioredis, PREFIX),
}
for (const [name, make] of Object.entries(stores)) {
  describe(name, () => {
    test('T01: gives a value once, and remembers that it did', async () => {
      const [store, mine] = [make(), key()]
      await store.set(mine, '{"a":"é"}', 5000)
      const answers = [await store.take(mine), await store.take(mine), await store.take(mine), await store.take(key())]
      expect(answers).toEqual(['{"a":"é"}', TAKEN, TAKEN, null])
    })

    test('T01, T06: keeps nothing of a value that it never had, however often it is asked', async () => {
      const [store, unknown] = [make(), key()]
      expect([await store.take(unknown), await store.take(unknown)]).toEqual([null, null])
      await store.set(unknown, 'x', 5000)
      expect(await store.take(unknown)).toBe('x')
    })

    test('T01: does not keep another under a key that was taken', async () => {
      const [store, mine] = [make(), key()]
      await store.set(mine, 'first', 5000)
      await store.take(mine)
      await expect(store.set(mine, 'second', 5000)).rejects.toThrow()
      expect(await store.take(mine)).toBe(TAKEN)
    })

    test('gives it to one of a hundred who ask at once', async () => {
      const [store, mine] = [make(), key()]
      await store.set(mine, 'x', 5000)
      const answers = await Promise.all(Array.from({ length: 100 }, () => store.take(mine)))
      expect(answers.filter((answer) => answer !== TAKEN)).toEqual(['x'])
    })

    test('does not replace a value that waits', async () => {
      const [store, mine] = [make(), key()]
      await store.set(mine, 'first', 5000)
      await expect(store.set(mine, 'second', 5000)).rejects.toThrow()
      expect(await store.take(mine)).toBe('first')
    })

    test('T03: forgets it after its time, taken or not', async () => {
      const clock = fakeClock()
      const store = name === 'memoryTicketStore' ? memoryTicketStore(clock) : make()
      for (const early of [false, true]) {
        const mine = key()
        // On a busy machine the next command may come late; nothing waits for a clock that the test moves.
        await store.set(mine, 'x', early && name !== 'memoryTicketStore' ? 500 : 50)
        if (early) expect(await store.take(mine)).toBe('x')
        if (name === 'memoryTicketStore') {
          await clock.advance(49)
          if (early) expect(await store.take(mine)).toBe(TAKEN)
          await clock.advance(1)
        } else {
          await expect.poll(() => client.exists(PREFIX + mine), { interval: 5 }).toBe(0)
        }
        expect(await store.take(mine)).toBeNull()
      }
    })
  })
}

test('T06: in Redis stands the digest, with a time to live, and never the ticket', async () => {
  const prefix = `${PREFIX}t06:`
  const { issue } = tickets({ store: ticketStoreOfRedis(client, prefix), ttlSeconds: 20 })
  const { ticket } = await issue({ subject: 'u1' })
  const kept = await client.keys(`${prefix}*`)
  expect(kept).toHaveLength(1)
  const [name = ''] = kept
  expect(name.slice(prefix.length)).toMatch(/^[A-Za-z0-9_-]{43}$/)
  expect(`${name}${await client.get(name)}`).not.toContain(ticket)
  const ttlMs = await client.pTTL(name)
  expect(ttlMs > 15_000 && ttlMs <= 20_000).toBe(true)
  await client.del(name)
})

/** `TICKETS=30000` is the row in full: half a minute. */
const TICKETS = Number(process.env.TICKETS ?? 2000)

test(`T02, F12: of ${TICKETS} tickets, each presented on three nodes at once, none is admitted twice and none is lost`, async ({
  task,
}) => {
  const prefix = `${PREFIX}f12:`
  const nodes = clients.map((each) => tickets({ store: ticketStoreOfRedis(each, prefix), storeTimeoutMs: 10_000 }))
  const [first] = nodes
  if (first === undefined) throw new Error('no node')
  const counts: number[] = []
  const redeemed = async (subject: string) => {
    const { ticket } = await first.issue({ subject })
    const outcomes = await Promise.allSettled(nodes.map(({ strategy }) => present(strategy, ticket)))
    const admitted = outcomes.filter((each) => each.status === 'fulfilled')
    expect(admitted.every((each) => each.value?.identity.subject === subject)).toBe(true)
    const reasons = outcomes.flatMap((each) => (each.status === 'rejected' ? [each.reason.reason] : []))
    expect(new Set(reasons)).toEqual(new Set(['ticket_replayed']))
    counts.push(admitted.length)
  }
  for (let from = 0; from < TICKETS; from += 1000) {
    await Promise.all(Array.from({ length: Math.min(1000, TICKETS - from) }, (_, i) => redeemed(`u${from + i}`)))
  }
  const [twice, lost] = [counts.filter((n) => n > 1).length, counts.filter((n) => n === 0).length]
  noteFigures(task, { tickets: counts.length, twice, lost })
  expect([counts.length, twice, lost]).toEqual([TICKETS, 0, 0])
  const kept = await client.keys(`${prefix}*`)
  const remains = await Promise.all(kept.map(async (name) => [await client.get(name), (await client.pTTL(name)) > 0]))
  expect(new Set(remains.map((each) => JSON.stringify(each)))).toEqual(new Set(['["",true]']))
  await client.del(kept)
}, 120_000)

test('T09: a ticket presented while Redis cannot be reached is AUTH_UNAVAILABLE, and not used up', async () => {
  const lost = createClient({ url: process.env.REDIS_URL ?? '', disableOfflineQueue: true }).on(
    'error',
    () => undefined,
  )
  await lost.connect()
  const good = tickets({ store: ticketStoreOfRedis(client, PREFIX) })
  const bad = tickets({ store: ticketStoreOfRedis(lost, PREFIX) })
  const { ticket } = await good.issue({ subject: 'u1' })
  lost.destroy()
  const error = await refusal(bad.strategy, ticket, ['AUTH_UNAVAILABLE', 'store_failed'])
  expect([error.status, error.retry]).toEqual([503, 'backoff'])
  await expect(bad.issue({ subject: 'u1' })).rejects.toMatchObject({ code: 'AUTH_UNAVAILABLE' })
  const answer = await good.strategy.authenticate(handshakeOf(), connectWith(ticket))
  expect(answer?.identity.subject).toBe('u1')
})

test('a client that is none is a TypeError', () => {
  expect(() => ticketStoreOfRedis({} as never)).toThrow(
    new TypeError('"client" must be a client of node-redis or ioredis'),
  )
})
