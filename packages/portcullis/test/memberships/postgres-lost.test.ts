import { Client } from 'pg'
import type { PostgresPool } from 'portcullis/memberships/postgres'
import { describe, expect, it } from 'vitest'
import { faultProxy } from '../faults/fault-proxy.ts'
import { gate, next, onCleanup } from '../harness.ts'
import { news, roomsOf } from '../server/reconcile-fixtures.ts'
import { newPool, useMembers } from './members-fixtures.ts'
import { membersServer } from './members-server.ts'

const members = useMembers()
const { follow, source } = membersServer(members)
const LEFT = ['auth:left', 'org:1', 'AUTH_FORBIDDEN']
const SOON_MS = 4_000

/** Behind a network that a test can break. */
async function brokenNetwork() {
  const { host, port } = new Client({ connectionString: process.env.DATABASE_URL })
  const proxy = await faultProxy({ host, port })
  const url = new URL(process.env.DATABASE_URL ?? '')
  const pool = newPool({
    connectionString: Object.assign(url, { host: `127.0.0.1:${proxy.port}` }).href,
    connectionTimeoutMillis: 200,
  })
  onCleanup(() => pool.end())
  return { proxy, pool }
}

describe('the connection that listens', () => {
  it('killed: what changed before it is back is reconciled then, and what changes afterwards is heard', async () => {
    await members.insert('alice', '1')
    await members.insert('bob', '1')
    const back = gate()
    let lost = 0
    let connected = 0
    const pool: PostgresPool = {
      query: (statement) => members.counting.query(statement),
      async connect() {
        connected += 1
        if (connected === 2) await back.promise
        return members.pool.connect()
      },
    }
    const onError = () => {
      lost += 1
    }
    const { enter, chat } = await follow({ pool, onError, queryTimeoutMs: 30_000 })
    const [alice, bob] = [await enter('alice'), await enter('bob')]
    // The look at everybody that listening began with, and the one at the loss, are over before the change.
    const looks = () => members.counting.sent.filter(({ values }) => values[0].length === 2).length
    expect(await members.killListener()).toBe(1)
    await expect.poll(() => [lost, connected, looks()], { timeout: SOON_MS }).toEqual([1, 2, 1])
    await members.remove('alice', '1')
    expect(roomsOf(chat, alice.id)).toEqual(['org:1'])
    back.open()
    await expect.poll(() => news(alice.heard), { timeout: SOON_MS }).toEqual([LEFT])
    await members.insert('bob', '2')
    await expect.poll(() => news(bob.heard)).toEqual([['auth:joined', 'org:2']])
    expect([alice, bob].map(({ socket }) => socket.connected)).toEqual([true, true])
  })

  it('killed again and again: is back each time', async () => {
    const { enter } = await follow()
    const { heard } = await enter('alice')
    for (const org of ['1', '2', '3']) {
      await expect.poll(() => members.killListener(), { timeout: SOON_MS }).toBe(1)
      await members.insert('alice', org)
      await expect.poll(() => news(heard).at(-1), { timeout: SOON_MS }).toEqual(['auth:joined', `org:${org}`])
    }
  })

  it('dead without a word: is found by a question, and replaced', async () => {
    await members.insert('alice', '1')
    const { proxy, pool } = await brokenNetwork()
    const listener: PostgresPool = {
      query: (statement) => members.counting.query(statement),
      connect: () => pool.connect(),
    }
    const errors: unknown[] = []
    const { enter } = await follow({
      pool: listener,
      checkEveryMs: 100,
      queryTimeoutMs: 300,
      onError: (error) => errors.push(error),
    })
    const { heard } = await enter('alice')
    proxy.swallow()
    await members.remove('alice', '1')
    await expect.poll(() => news(heard), { timeout: SOON_MS }).toEqual([LEFT])
    expect(errors.map(String)).toEqual(['Error: memberships: Postgres did not answer within 300 ms'])
    await members.insert('alice', '2')
    await expect.poll(() => news(heard).at(-1)).toEqual(['auth:joined', 'org:2'])
  })

  it('not to be had again, while queries are answered: everybody is looked at after each vain attempt', async () => {
    await members.insert('alice', '1')
    let connected = 0
    const pool: PostgresPool = {
      query: (statement) => members.counting.query(statement),
      async connect() {
        connected += 1
        if (connected > 1) throw new Error('no connection for you')
        return members.pool.connect()
      },
    }
    const { enter } = await follow({ pool })
    const { heard } = await enter('alice')
    await members.killListener()
    await expect.poll(() => connected, { timeout: SOON_MS }).toBeGreaterThan(3)
    await members.remove('alice', '1')
    await expect.poll(() => news(heard), { timeout: SOON_MS }).toEqual([LEFT])
  })

  it('that nobody needs any more is asked for no more', async () => {
    let connected = 0
    const pool: PostgresPool = {
      query: (statement) => members.counting.query(statement),
      async connect() {
        connected += 1
        if (connected > 1) throw new Error('no connection for you')
        return members.pool.connect()
      },
    }
    const { stop, enter } = await follow({ pool })
    const { heard } = await enter('alice')
    await members.killListener()
    await expect.poll(() => connected).toBeGreaterThan(1)
    await stop()
    const before = connected
    members.counting.sent.length = 0
    // Longer than the pause between two attempts, and than that between two looks.
    const other = await follow()
    const { heard: bobHeard } = await other.enter('bob')
    for (const org of ['1', '2', '3']) {
      await members.insert('bob', org)
      await expect.poll(() => news(bobHeard).at(-1)).toEqual(['auth:joined', `org:${org}`])
    }
    expect(connected).toBe(before)
    expect(heard).toEqual([])
  })
})

describe('Postgres away altogether', () => {
  it('for less than the grace: nobody is disconnected, and what changed is made good', async () => {
    await members.insert('alice', '1')
    const { proxy, pool } = await brokenNetwork()
    const { enter, chat } = await follow({ pool, checkEveryMs: 100, queryTimeoutMs: 200 })
    const { heard, id, socket } = await enter('alice')
    proxy.hold()
    await members.remove('alice', '1')
    await expect.poll(() => pool.totalCount, { timeout: SOON_MS }).toBe(0)
    expect(roomsOf(chat, id)).toEqual(['org:1'])
    proxy.swallow()
    proxy.release()
    await expect.poll(() => news(heard), { timeout: SOON_MS }).toEqual([LEFT])
    expect(socket.connected).toBe(true)
  })

  it('for longer than the grace: sockets are closed with AUTH_UNAVAILABLE', async () => {
    await members.insert('alice', '1')
    const { proxy, pool } = await brokenNetwork()
    const { enter } = await follow(
      { pool, checkEveryMs: 100, queryTimeoutMs: 200 },
      { lease: { revalidateGraceMs: 700 } },
    )
    const { socket } = await enter('alice')
    const closed = next(socket, 'auth:closed')
    proxy.hold()
    expect((await closed)[0]).toMatchObject({ code: 'AUTH_UNAVAILABLE', retry: 'backoff' })
  })

  it('without onError it is a process warning, without values', async () => {
    const warnings: Error[] = []
    const listener = (warning: Error) => void warnings.push(warning)
    process.on('warning', listener)
    onCleanup(() => void process.off('warning', listener))
    const { auth } = await follow()
    const { listen } = source({
      onError: undefined as never,
      targetOf: () => {
        throw new RangeError('secret-subject')
      },
    })
    onCleanup(await listen(auth))
    await members.insert('alice', '1')
    await expect.poll(() => warnings.map(({ message }) => message)).toContain('memberships failed with RangeError')
    expect(JSON.stringify(warnings.map(({ message, stack }) => [message, stack]))).not.toContain('secret-subject')
  })
})
