import { randomBytes } from 'node:crypto'
import { memoryTicketStore, type TicketStore, ticketStoreOfRedis, tickets } from 'portcullis/strategies/ticket'
import { fakeClock, handshakeOf } from 'portcullis/testing'
import { createClient } from 'redis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { connectWith, present, refusal } from './ticket-fixtures.ts'

const PREFIX = `ticket-test-${randomBytes(6).toString('hex')}:`

/** Three clients of one Redis, as three nodes have. */
const clients = Array.from({ length: 3 }, () =>
  createClient({ url: process.env.REDIS_URL ?? '', disableOfflineQueue: true }).on('error', () => undefined),
)
const [client] = clients
if (client === undefined) throw new Error('no client')

beforeAll(async () => {
  await Promise.all(clients.map((each) => each.connect()))
})
afterAll(async () => {
  const left = await client.keys(`${PREFIX}*`)
  if (left.length > 0) await client.del(left)
  for (const each of clients) each.destroy()
})

/** A client as ioredis has it: `call`, and a `sendCommand` that takes no array. */
const likeIoredis = {
  call: (command: string, ...args: string[]) => client.sendCommand([command, ...args]),
  sendCommand: () => Promise.reject(new Error('not this one')),
}

const key = () => randomBytes(32).toString('base64url')

const stores: Readonly<Record<string, () => TicketStore>> = {
  memoryTicketStore: () => memoryTicketStore(),
  'ticketStoreOfRedis(node-redis)': () => ticketStoreOfRedis(client, PREFIX),
  'ticketStoreOfRedis(ioredis)': () => ticketStoreOfRedis(likeIoredis, PREFIX),
}
for (const [name, make] of Object.entries(stores)) {
  describe(name, () => {
    test('gives a value once', async () => {
      const [store, mine] = [make(), key()]
      await store.set(mine, '{"a":"é"}', 5000)
      expect([await store.take(mine), await store.take(mine), await store.take(key())]).toEqual([
        '{"a":"é"}',
        null,
        null,
      ])
    })

    test('gives it to one of a hundred who ask at once', async () => {
      const [store, mine] = [make(), key()]
      await store.set(mine, 'x', 5000)
      const answers = await Promise.all(Array.from({ length: 100 }, () => store.take(mine)))
      expect(answers.filter((answer) => answer !== null)).toEqual(['x'])
    })

    test('does not replace a value that waits', async () => {
      const [store, mine] = [make(), key()]
      await store.set(mine, 'first', 5000)
      await expect(store.set(mine, 'second', 5000)).rejects.toThrow()
      expect(await store.take(mine)).toBe('first')
    })

    test('forgets it after its time', async () => {
      const [store, mine] = [make(), key()]
      await store.set(mine, 'x', 20)
      if (name === 'memoryTicketStore') {
        const clock = fakeClock()
        const aged = memoryTicketStore(clock)
        await aged.set(mine, 'x', 20)
        await clock.advance(20)
        expect(await aged.take(mine)).toBeNull()
      } else {
        await expect.poll(() => client.exists(PREFIX + mine), { interval: 5 }).toBe(0)
        expect(await store.take(mine)).toBeNull()
      }
    })
  })
}

test('T06: in Redis stands the digest, with a time to live, and never the ticket', async () => {
  const { issue } = tickets({ store: ticketStoreOfRedis(client, PREFIX), ttlSeconds: 20 })
  const { ticket } = await issue({ subject: 'u1' })
  const kept = await client.keys(`${PREFIX}*`)
  expect(kept).toHaveLength(1)
  const [name = ''] = kept
  expect(name.slice(PREFIX.length)).toMatch(/^[A-Za-z0-9_-]{43}$/)
  expect(`${name}${await client.get(name)}`).not.toContain(ticket)
  const ttlMs = await client.pTTL(name)
  expect(ttlMs > 15_000 && ttlMs <= 20_000).toBe(true)
  await client.del(name)
})

test('T02, F12: of 2,000 tickets, each presented on three nodes at once, none is admitted twice and none is lost', async () => {
  const nodes = clients.map((each) => tickets({ store: ticketStoreOfRedis(each, PREFIX), storeTimeoutMs: 10_000 }))
  const [first] = nodes
  if (first === undefined) throw new Error('no node')
  const issued = await Promise.all(
    Array.from({ length: 2000 }, async (_, i) => ({ subject: `u${i}`, ...(await first.issue({ subject: `u${i}` })) })),
  )
  const counts = await Promise.all(
    issued.map(async ({ ticket, subject }) => {
      const outcomes = await Promise.allSettled(nodes.map(({ strategy }) => present(strategy, ticket)))
      const admitted = outcomes.filter((each) => each.status === 'fulfilled')
      expect(admitted.every((each) => each.value?.identity.subject === subject)).toBe(true)
      const codes = outcomes.flatMap((each) => (each.status === 'rejected' ? [each.reason.code] : []))
      expect(new Set(codes)).toEqual(new Set(['AUTH_CREDENTIAL_INVALID']))
      return admitted.length
    }),
  )
  expect([counts.filter((n) => n > 1).length, counts.filter((n) => n === 0).length]).toEqual([0, 0])
  expect(await client.keys(`${PREFIX}*`)).toEqual([])
})

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
