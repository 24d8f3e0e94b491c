import { Pool } from 'pg'
import { postgres, revocationTables } from 'portcullis/revocations/postgres'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { statementsOf } from '../../src/revocations/postgres-statements.ts'
import { namesOf } from '../../src/revocations/postgres-tables.ts'
import { inSeconds, listenTo, newId, readerOf } from '../../src/testing/revocation-log-assertions.ts'
import { faultProxy } from '../faults/fault-proxy.ts'
import { type OwnedPostgres, ownPostgres } from '../faults/owned-postgres.ts'
import { gate, onCleanup } from '../harness.ts'
import { newPool, postgresStore, SECRET, unique } from './log-fixtures.ts'

const entry = (text: string) => ({ id: newId(), text, expiresAt: inSeconds(3600) })
const WITHIN = { timeout: 8_000, interval: 10 }

let server: OwnedPostgres
beforeAll(async () => {
  server = await ownPostgres()
}, 60_000)
afterAll(() => server?.stop())

function owned(more: object = {}): Pool {
  const pool = new Pool({
    ...server.connection,
    connectionTimeoutMillis: 1_000,
    statement_timeout: 1_500,
    max: 5,
    ...more,
  })
  pool.on('error', () => undefined)
  onCleanup(() => pool.end())
  return pool
}

test('an entry whose transaction is open is waited for: nobody reads what comes after it before it', async () => {
  const { log, admin, prefix } = await postgresStore()
  const names = namesOf(prefix)
  const slow = await admin.connect()
  const reader = readerOf(log())
  await log().append(entry('first'))
  await slow.query('begin')
  await slow.query(statementsOf(names).append, ['slow', 'of nobody', inSeconds(60), 1, names.channel, '.x'])
  let done = false
  const after = log()
    .append(entry('after'))
    .then(() => {
      done = true
    })
  // It waits in the database for the transaction that is open.
  const waiting = () =>
    admin.query(`select 1 from pg_stat_activity where wait_event_type = 'Lock' and query like $1`, [
      `%${prefix}revocation_counter%`,
    ])
  await expect.poll(async () => (await waiting()).rowCount, WITHIN).toBe(1)
  expect(await reader.read()).toEqual({ texts: ['first'], rewound: false })
  expect(done).toBe(false)
  await slow.query('commit')
  slow.release()
  await after
  expect(await reader.read()).toEqual({ texts: [null, 'after'], rewound: false })
})

test('an entry whose transaction is undone leaves a gap that disturbs nobody', async () => {
  const { log, admin, prefix } = await postgresStore()
  const [names, reader] = [namesOf(prefix), readerOf(log())]
  await log().append(entry('first'))
  await reader.read()
  const undone = await admin.connect()
  await undone.query('begin')
  await undone.query(statementsOf(names).append, ['undone', 'x', inSeconds(60), 1, names.channel, '.x'])
  await undone.query('rollback')
  undone.release()
  await log().append(entry('second'))
  expect(await reader.read()).toEqual({ texts: ['second'], rewound: false })
})

test('F4, X14: Postgres is killed by -9 and comes back: rejects meanwhile, nothing that was appended is lost, and the bus is heard again', async () => {
  const pool = owned()
  const log = postgres({ pool, secret: SECRET, createTables: true, prefix: `${unique('killed')}_` })
  const [reader, kept] = [readerOf(log), entry('kept')]
  await log.append(kept)
  await reader.read()
  const ear = await listenTo(log)
  await server.kill()
  for (const call of [
    () => log.append(entry('x')),
    () => reader.sync(),
    () => log.publish('x'),
    () => log.leave('x'),
  ]) {
    await expect(call()).rejects.toThrow('the revocation log failed')
  }
  const other = postgres({ pool, secret: SECRET })
  await expect(listenTo(other)).rejects.toThrow('the revocation log failed')
  await server.restart()
  await expect.poll(() => reader.read().catch(() => null), WITHIN).toEqual({ texts: [], rewound: false })
  await log.append(kept)
  await log.append(entry('later'))
  expect(await reader.read()).toEqual({ texts: ['later'], rewound: false })
  await expect
    .poll(async () => {
      await log.publish('heard')
      return ear.messages.includes('heard')
    }, WITHIN)
    .toBe(true)
  await ear.stop()
  await expect.poll(() => pool.totalCount - pool.idleCount, WITHIN).toBe(0)
}, 30_000)

test('X14: the connection that listens is ended ten times: nothing is missed, it is heard again, and no client leaks', async () => {
  const { log, admin, pool, prefix } = await postgresStore({ max: 3 })
  const mine = log()
  const [ear, reader] = [await listenTo(mine), readerOf(mine)]
  for (let turn = 0; turn < 10; turn += 1) {
    const woken = ear.appended()
    const ended = await admin.query(`select pg_terminate_backend(pid) from pg_stat_activity where query = $1`, [
      `listen "${prefix}revocations"`,
    ])
    expect(ended.rowCount).toBe(1)
    await expect
      .poll(
        () =>
          mine.append(entry(`turn ${turn}`)).then(
            () => true,
            () => false,
          ),
        WITHIN,
      )
      .toBe(true)
    expect((await reader.read()).texts.at(-1)).toBe(`turn ${turn}`)
    await ear.until(() => ear.appended() > woken, 'a wake')
    await expect
      .poll(async () => {
        await mine.publish(`heard ${turn}`)
        return ear.messages.includes(`heard ${turn}`)
      }, WITHIN)
      .toBe(true)
  }
  await ear.stop()
  await expect.poll(() => pool.totalCount - pool.idleCount, WITHIN).toBe(0)
  // Nobody else is given a client that listens.
  const listening = () =>
    admin.query('select 1 from pg_stat_activity where query = $1', [`listen "${prefix}revocations"`])
  await expect.poll(async () => (await listening()).rowCount, WITHIN).toBe(0)
}, 30_000)

test('who leaves while a connection to listen by is being made again keeps none', async () => {
  const { admin, pool, prefix } = await postgresStore()
  const [asked, open] = [gate(), gate()]
  let connects = 0
  const slow = {
    query: (text: string, values?: unknown[]) => pool.query(text, values),
    async connect() {
      connects += 1
      if (connects > 1) {
        asked.open()
        await open.promise
      }
      return pool.connect()
    },
  }
  const log = postgres({ pool: slow, secret: SECRET, prefix })
  const ear = await listenTo(log)
  const listening = () =>
    admin.query('select pid from pg_stat_activity where query = $1', [`listen "${prefix}revocations"`])
  await admin.query('select pg_terminate_backend($1)', [(await listening()).rows[0].pid])
  await asked.promise
  await ear.stop()
  open.open()
  await expect.poll(() => [connects, pool.totalCount - pool.idleCount, pool.waitingCount], WITHIN).toEqual([2, 0, 0])
  await expect.poll(async () => (await listening()).rowCount, WITHIN).toBe(0)
})

test('only the entries are lost, and another stands in the place of what was read: it is read', async () => {
  const { log, admin, prefix } = await postgresStore()
  const reader = readerOf(log())
  await log().append(entry('lost'))
  await reader.read()
  await admin.query(`delete from ${prefix}revocations; delete from ${prefix}revocation_counter`)
  await log().append(entry('another'))
  await log().append(entry('later'))
  expect(await reader.read()).toEqual({ texts: ['another', 'later'], rewound: true })
})

test('X14: the bus falls silent without a word: what was appended is read all the same', async () => {
  const proxy = await faultProxy({ path: server.path })
  const far = owned({ host: '127.0.0.1', port: proxy.port })
  const prefix = `${unique('silent')}_`
  const near = postgres({ pool: owned(), secret: SECRET, prefix, createTables: true })
  const ear = await listenTo(postgres({ pool: far, secret: SECRET, prefix }))
  const reader = readerOf(near)
  proxy.hold()
  await near.append(entry('a'))
  expect((await reader.read()).texts).toEqual(['a'])
  expect(ear.appended()).toBe(0)
  proxy.release()
  await ear.until(() => ear.appended() > 0, 'what was held')
  await ear.stop()
})

test('twenty nodes that start at once create the tables, and so does a migration that runs again', async () => {
  const admin = newPool()
  const prefix = `${unique('start')}_`
  onCleanup(async () => {
    const { rows } = await admin.query(`select tablename from pg_tables where tablename like $1`, [`${prefix}%`])
    for (const { tablename } of rows) await admin.query(`drop table ${tablename}`)
  })
  const logs = Array.from({ length: 20 }, () =>
    postgres({ pool: newPool({ max: 2 }), secret: SECRET, prefix, createTables: true }),
  )
  await Promise.all(logs.map((log, i) => log.append(entry(String(i)))))
  await admin.query(revocationTables(prefix))
  expect((await readerOf(postgres({ pool: admin, secret: SECRET, prefix })).read()).texts.length).toBe(20)
})

test('without its tables it rejects, and serves once they are there', async () => {
  const pool = owned()
  const prefix = `${unique('none')}_`
  const log = postgres({ pool, secret: SECRET, prefix })
  await expect(log.append(entry('x'))).rejects.toThrow(
    /^the revocation log failed: relation ".*" does not exist \(42P01\)$/,
  )
  await pool.query(revocationTables(prefix))
  await log.append(entry('x'))
  expect((await readerOf(log).read()).texts).toEqual(['x'])
})

test('createTables tries again after it failed', async () => {
  const pool = owned()
  const schema = unique('later')
  const log = postgres({ pool, secret: SECRET, prefix: `${schema}.auth_`, createTables: true })
  await expect(log.append(entry('x'))).rejects.toThrow('does not exist')
  await pool.query(`create schema ${schema}`)
  const ear = await listenTo(log)
  await log.append(entry('x'))
  await ear.until(() => ear.appended() === 1, 'the wake')
  expect((await readerOf(log).read()).texts).toEqual(['x'])
  const { rows } = await pool.query('select tablename from pg_tables where schemaname = $1 order by 1', [schema])
  expect(rows.map(({ tablename }) => tablename)).toEqual([
    'auth_revocation_applied',
    'auth_revocation_counter',
    'auth_revocation_nodes',
    'auth_revocations',
  ])
  await ear.stop()
})

test('a database that acknowledges what it may lose, or isolates more, keeps entries all the same', async () => {
  const prefix = `${unique('odd')}_`
  const options = '-c synchronous_commit=off -c default_transaction_isolation=serializable'
  const [pool, admin] = [owned({ options }), owned()]
  const log = postgres({ pool, secret: SECRET, prefix, createTables: true })
  const reader = readerOf(log)
  for (const text of ['a', 'b', 'c']) {
    await log.append(entry(text))
    expect((await reader.read()).texts).toEqual([text])
  }
  // What was acknowledged is on disk: the server is killed, and has it.
  await log.append(entry('d'))
  await server.kill()
  await server.restart()
  await expect
    .poll(
      () =>
        admin.query('select 1').then(
          () => true,
          () => false,
        ),
      WITHIN,
    )
    .toBe(true)
  expect((await readerOf(postgres({ pool: admin, secret: SECRET, prefix })).read()).texts).toEqual(['a', 'b', 'c', 'd'])
}, 30_000)

test('acknowledgements and nodes of more than ten minutes ago are forgotten', async () => {
  const { log, admin, prefix } = await postgresStore()
  const [silent, reader, id] = [readerOf(log()), readerOf(log()), newId()]
  await silent.sync({ applied: [{ id, closed: 1 }] })
  const age = async (interval: string) => {
    await admin.query(`update ${prefix}revocation_nodes set seen_at = now() - $1::interval`, [interval])
    await admin.query(`update ${prefix}revocation_applied set applied_at = now() - $1::interval`, [interval])
  }
  await age('590 seconds')
  const { nodes, applied } = await reader.sync({ awaiting: [id] })
  expect([nodes.length, applied.get(id)?.size]).toEqual([2, 1])
  await age('-5 seconds')
  for (const { ageMs } of (await reader.sync()).nodes) expect(ageMs).toBe(0)
  await age('601 seconds')
  expect((await reader.sync()).nodes.map(({ node }) => node)).toEqual([reader.node])
  const count = async (table: string) => (await admin.query(`select from ${prefix}revocation_${table}`)).rowCount
  // The nameless row says since when there are any.
  expect([await count('nodes'), await count('applied')]).toEqual([2, 0])
})

test('a notice in parts that somebody interrupts spoils one message, and keeps no more than twenty parts', async () => {
  const { log, admin, prefix } = await postgresStore()
  const ear = await listenTo(log())
  const notify = (text: string) => admin.query('select pg_notify($1, $2)', [`${prefix}revocations`, text])
  for (let i = 0; i < 21; i += 1) await notify(`+${i}`)
  await log().publish('spoilt')
  await log().publish('whole')
  await ear.until(() => ear.messages.includes('whole'), 'the next')
  expect(ear.messages).toEqual([null, null, 'whole'])
  await ear.stop()
})
