import { randomBytes } from 'node:crypto'
import { Client, Pool } from 'pg'
import { accessToken } from 'portcullis/strategies/access-token'
import { fromAuthorization } from 'portcullis/strategies/from'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { onCleanup } from '../harness.ts'
import { type Attempt, PATH } from './attempt.ts'
import { faultProxy } from './fault-proxy.ts'
import { type Answer, expectSound, faultServer } from './fault-server.ts'
import { noteFigures } from './figures.ts'
import { type OwnedPostgres, ownPostgres } from './owned-postgres.ts'

const MAX_CLIENTS = 5
const RECOVERED_WITHIN_MS = 2_000
const TOKENS = `create table oauth_access_tokens (access_token text primary key, user_id text, expires timestamptz)`

let postgres: OwnedPostgres
beforeAll(async () => {
  postgres = await ownPostgres()
  await administrate(TOKENS)
}, 60_000)
afterAll(() => postgres?.stop())

async function administrate(sql: string, values: readonly unknown[] = []): Promise<readonly Record<string, unknown>[]> {
  const client = new Client(postgres.connection)
  await client.connect()
  try {
    return (await client.query(sql, [...values])).rows
  } finally {
    await client.end()
  }
}

/** A pool as an application should configure it, so that an outage is an answer and not a queue. */
function newPool(connection: object): Pool {
  const pool = new Pool({
    ...connection,
    application_name: `faults-${randomBytes(6).toString('hex')}`,
    max: MAX_CLIENTS,
    // Whoever waits for a connection, a free one or a new one, is told so after this. By default they wait for ever.
    connectionTimeoutMillis: 1_000,
    // Ends in the server what nobody waits for any more: behind a lock it would hold its connection as long as the lock does.
    statement_timeout: 1_500,
    // Says so when a connection died while it was idle, instead of to the next who takes it.
    keepAlive: true,
  })
  // Without a listener, the first idle connection that is lost ends the process.
  pool.on('error', () => undefined)
  onCleanup(() => pool.end())
  return pool
}

async function setUp(connection: object = postgres.connection) {
  const pool = newPool(connection)
  const server = await faultServer(accessToken({ pool, from: [fromAuthorization('Bearer')] }))
  return { pool, server, name: String(pool.options.application_name) }
}

function attempt(token: string, subject: string | null): Attempt {
  return { path: PATH, headers: { authorization: `Bearer ${token}` }, subject, secret: token }
}

/** So many attempts, of which every fourth is bad: unknown, expired and nobody's by turns. */
async function prepare(count: number): Promise<Attempt[]> {
  const attempts = Array.from({ length: count }, (_, i) => {
    const token = randomBytes(20).toString('hex')
    if (i % 4 !== 3) return { ...attempt(token, `u${i}`), expires: 'tomorrow' }
    const turn = Math.floor(i / 4) % 3
    return { ...attempt(token, null), expires: turn === 1 ? 'yesterday' : 'tomorrow', unknown: turn === 0 }
  })
  const rows = attempts.filter((each) => !('unknown' in each && each.unknown))
  const columns = [rows.map((row) => row.secret), rows.map((row) => row.subject), rows.map((row) => row.expires)]
  await administrate(
    'insert into oauth_access_tokens select * from unnest($1::text[], $2::text[], $3::timestamptz[])',
    columns,
  )
  return attempts
}

async function one(subject: string): Promise<Attempt> {
  const [good] = await prepare(1)
  if (good === undefined) throw new Error('nothing was prepared')
  await administrate('update oauth_access_tokens set user_id = $2 where access_token = $1', [good.secret, subject])
  return { ...good, subject }
}

function figuresOf(answers: readonly Answer[]) {
  return {
    handshakes: answers.length,
    wronglyAdmitted: answers.filter(({ attempt, status }) => status === 200 && attempt.subject === null).length,
    longestMs: Math.max(...answers.map(({ tookMs }) => tookMs)),
  }
}

/** Every connection of the pool is idle, nobody waits, and the server knows of no other. */
async function expectNothingLeaked(pool: Pool, name: string): Promise<void> {
  const counted = async () => {
    const [row] = await administrate(
      'select count(*)::int as count from pg_stat_activity where application_name = $1',
      [name],
    )
    const { totalCount, idleCount, waitingCount } = pool
    return { waiting: waitingCount, busy: totalCount - idleCount, unknown: Number(row?.count) - totalCount }
  }
  await expect.poll(counted, { timeout: 10_000, interval: 20 }).toEqual({ waiting: 0, busy: 0, unknown: 0 })
  expect(pool.totalCount).toBeLessThanOrEqual(MAX_CLIENTS)
}

describe('accessToken, while Postgres', () => {
  it('F4, X09: is killed by -9 during 400 HTTP handshakes, 100 of them bad: none bad admitted, each answered within 1 s, the rest 503, admitted within 2 s of its return, no client leaked, and whoever was connected stays so', async ({
    task,
  }) => {
    const { pool, server, name } = await setUp()
    const attempts = await prepare(400)
    const [first, later] = [await one('first'), await one('later')]
    const live = await server.live(first)
    let killed: Promise<void> | undefined
    const answers = await server.shakeAll(attempts, 40, (count) => {
      if (count === 120) killed = postgres.kill()
    })
    await killed
    noteFigures(task, figuresOf(answers))
    expectSound(answers)
    const of = (status: number) => answers.filter((answer) => answer.status === status)
    expect(of(200).length).toBeGreaterThanOrEqual(60)
    expect(of(503).length).toBeGreaterThan(100)
    expect(server.admitted()).toEqual([...of(200).map(({ attempt: { subject } }) => subject), 'first'].sort())
    await live.expectAlive()
    expect((await server.shake(later)).status).toBe(503)

    const [backAt, admittedAt] = await Promise.all([postgres.restart(), server.untilAdmitted(later)])
    noteFigures(task, { backMs: admittedAt - backAt })
    expect(admittedAt - backAt).toBeLessThan(RECOVERED_WITHIN_MS)
    await expectNothingLeaked(pool, name)
    await live.expectAlive()
    expect(server.remains()).toEqual([])
  })

  it('X10: is away when the pool is made, and comes: the first is admitted within 1 s', async () => {
    const later = await one('later')
    await postgres.kill()
    const { pool, server, name } = await setUp()
    for (let i = 0; i < 20; i += 1) expect((await server.shake(later)).code).toBe('AUTH_UNAVAILABLE')
    expect([pool.totalCount, pool.waitingCount]).toEqual([0, 0])
    const [backAt, admittedAt] = await Promise.all([postgres.restart(), server.untilAdmitted(later)])
    expect(admittedAt - backAt).toBeLessThan(1_000)
    await expectNothingLeaked(pool, name)
    expect(server.remains()).toEqual([])
  })

  it('X09: terminates every connection of the pool, ten times under handshakes: none bad admitted, the next is admitted, no client leaked', async () => {
    const { pool, server, name } = await setUp()
    const live = await server.live(await one('first'))
    for (let turn = 0; turn < 10; turn += 1) {
      const [attempts, later] = [await prepare(20), await one('later')]
      const [answers] = await Promise.all([
        server.shakeAll(attempts, 10),
        administrate('select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1', [name]),
      ])
      expectSound(answers)
      const from = performance.now()
      expect((await server.untilAdmitted(later)) - from).toBeLessThan(1_000)
    }
    await expectNothingLeaked(pool, name)
    await live.expectAlive()
    expect(server.remains()).toEqual([])
  })

  it('F4, X09: has the table locked by another: each answered 503 within 1 s, admitted when the lock is gone, and no client or backend leaked', async ({
    task,
  }) => {
    const { pool, server, name } = await setUp()
    const attempts = await prepare(100)
    const [first, later] = [await one('first'), await one('later')]
    const live = await server.live(first)
    const locker = new Client(postgres.connection)
    await locker.connect()
    onCleanup(() => locker.end())
    await locker.query('begin')
    await locker.query('lock table oauth_access_tokens in access exclusive mode')
    // Two waves: the second finds the round trips of the first still behind the lock.
    const answers = [
      ...(await server.shakeAll(attempts.slice(0, 50), 50)),
      ...(await server.shakeAll(attempts.slice(50), 50)),
    ]
    noteFigures(task, figuresOf(answers))
    expectSound(answers)
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([503]))
    // While the lock lasts, the server ends the statements that nobody waits for.
    await expectNothingLeaked(pool, name)
    await live.expectAlive()
    await locker.query('rollback')
    const from = performance.now()
    const admittedAt = await server.untilAdmitted(later)
    expect(admittedAt - from).toBeLessThan(1_000)
    await expectNothingLeaked(pool, name)
    expect(server.admitted()).toEqual(['first', 'later'])
    expect(server.remains()).toEqual([])
  })

  it('F4, X09: has no connection left in the pool: each answered 503 within 1 s, nobody queues, admitted when one is free, and no client leaked', async ({
    task,
  }) => {
    const { pool, server, name } = await setUp()
    const attempts = await prepare(100)
    const [first, later] = [await one('first'), await one('later')]
    const live = await server.live(first)
    const taken = await Promise.all(Array.from({ length: MAX_CLIENTS }, () => pool.connect()))
    const answers = await server.shakeAll(attempts, 100)
    noteFigures(task, figuresOf(answers))
    expectSound(answers)
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([503]))
    await live.expectAlive()
    await expect.poll(() => pool.waitingCount, { timeout: RECOVERED_WITHIN_MS, interval: 20 }).toBe(0)
    for (const client of taken) client.release()
    const from = performance.now()
    expect((await server.untilAdmitted(later)) - from).toBeLessThan(1_000)
    await expectNothingLeaked(pool, name)
    expect(server.admitted()).toEqual(['first', 'later'])
    expect(server.remains()).toEqual([])
  })

  it('F4: is behind a network that dies without a word under 40 handshakes: each answered 503 within 1 s, admitted within 2 s by connections made since, and no client leaked', async ({
    task,
  }) => {
    const proxy = await faultProxy({ path: postgres.path })
    const { pool, server, name } = await setUp({ ...postgres.connection, host: '127.0.0.1', port: proxy.port })
    const attempts = await prepare(40)
    const [first, later] = [await one('first'), await one('later')]
    const live = await server.live(first)
    // Every connection that there may be is open now.
    const taken = await Promise.all(Array.from({ length: MAX_CLIENTS }, () => pool.connect()))
    for (const client of taken) client.release()
    proxy.swallow()
    const from = performance.now()
    const answers = await server.shakeAll(attempts, 40)
    expectSound(answers)
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([503]))
    const admittedAt = await server.untilAdmitted(later)
    noteFigures(task, { ...figuresOf(answers), backMs: admittedAt - from })
    expect(admittedAt - from).toBeLessThan(RECOVERED_WITHIN_MS)
    await expectNothingLeaked(pool, name)
    await live.expectAlive()
    expect(server.remains()).toEqual([])
  })
})
