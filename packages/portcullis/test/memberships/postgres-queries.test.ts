import { inspect } from 'node:util'
import { AuthError } from 'portcullis'
import {
  membershipTrigger,
  type PostgresMembershipsOptions,
  postgresMemberships,
} from 'portcullis/memberships/postgres'
import { describe, expect, it } from 'vitest'
import { gate } from '../harness.ts'
import { ISSUER } from '../server/reconcile-fixtures.ts'
import { CHANNEL, identity, newPool, QUERY, SCHEMA, useMembers } from './members-fixtures.ts'

const members = useMembers()

function source(options: Partial<PostgresMembershipsOptions> = {}) {
  return postgresMemberships({ pool: members.counting, issuer: ISSUER, query: QUERY, channel: CHANNEL, ...options })
}

/** What it rejects with, which must say nothing of the values. */
async function failure(promise: Promise<unknown>, hidden = 'secret-subject'): Promise<AuthError> {
  const error: unknown = await promise.then(
    () => 'no error',
    (caught) => caught,
  )
  if (!AuthError.is(error)) throw new Error(`no AuthError: ${inspect(error)}`)
  expect(inspect(error, { depth: 8, showHidden: true })).not.toContain(hidden)
  expect(error).toMatchObject({ code: 'AUTH_UNAVAILABLE', reason: 'database_failed' })
  return error
}

describe('the query', () => {
  it('gives each identity its own rooms, each once, and none to whoever has no row', async () => {
    await members.insert('alice', '1', '2')
    await members.insert('bob', '3')
    const { memberships } = source({ query: `${QUERY.replace('order by 2', '')} union all ${QUERY}` })
    const subjects = ['alice', 'bob', 'carol', 'Alice', "al'ice"]
    expect(await Promise.all(subjects.map((subject) => memberships(identity(subject))))).toEqual([
      ['org:1', 'org:2'],
      ['org:3'],
      [],
      [],
      [],
    ])
  })

  it('is one round trip for all that ask in one turn, and one key for all sockets of one user', async () => {
    await members.insert('user-7', '1')
    const { memberships } = source()
    const subjects = Array.from({ length: 200 }, (_, i) => `user-${i % 100}`)
    const rooms = await Promise.all(subjects.map((subject) => memberships(identity(subject))))
    expect(members.counting.sent.map(({ values }) => values[0].length)).toEqual([100])
    expect(rooms.filter((each) => each.length > 0)).toEqual([['org:1'], ['org:1']])
  })

  it('has at most 500 keys, and at most four are under way', async () => {
    const held = gate()
    let most = 0
    let underWay = 0
    const pool = {
      ...members.counting,
      async query(statement: Parameters<typeof members.counting.query>[0]) {
        underWay += 1
        most = Math.max(most, underWay)
        await held.promise
        underWay -= 1
        return members.counting.query(statement)
      },
    }
    const { memberships } = source({ pool })
    const all = Promise.all(Array.from({ length: 2_600 }, (_, i) => memberships(identity(`user-${i}`))))
    await expect.poll(() => underWay).toBe(4)
    held.open()
    await all
    expect(most).toBe(4)
    expect(members.counting.sent.map(({ values }) => values[0].length).sort((a, b) => a - b)).toEqual([
      100, 500, 500, 500, 500, 500,
    ])
  })

  it('R22: is asked anew while an answer is on its way, which may be older', async () => {
    await members.insert('alice', '1')
    const held = gate()
    let read = 0
    const pool = {
      ...members.counting,
      async query(statement: Parameters<typeof members.counting.query>[0]) {
        const answer = await members.counting.query(statement)
        read += 1
        if (read === 1) await held.promise
        return answer
      },
    }
    const { memberships } = source({ pool })
    const first = memberships(identity('alice'))
    await expect.poll(() => read).toBe(1)
    await members.remove('alice', '1')
    expect(await memberships(identity('alice'))).toEqual([])
    held.open()
    expect(await first).toEqual(['org:1'])
  })

  it('of another issuer is not asked: the same subject may be somebody else there', async () => {
    await members.insert('alice', '1')
    const { memberships } = source()
    expect(await memberships(identity('alice', 'https://other.example'))).toEqual([])
    expect(members.counting.sent).toEqual([])
    const both = source({ issuer: [ISSUER, 'https://other.example'] })
    expect(await both.memberships(identity('alice', 'https://other.example'))).toEqual(['org:1'])
  })

  it('may have a key of its own, and rooms made of rows', async () => {
    await members.insert('7', '1')
    const { memberships } = source({
      query: 'select user_id::int as subject, org_id from members where user_id::int = any($1::int[])',
      key: ({ claims }) => (claims as { id?: string }).id ?? null,
      room: ({ org_id }) => `room:${org_id}`,
    })
    expect(await memberships({ ...identity('alice'), claims: { id: '7' } })).toEqual(['room:1'])
    expect(await memberships(identity('alice'))).toEqual([])
    expect(members.counting.sent).toHaveLength(1)
  })

  it('a key that its column cannot hold fails by itself, and not those that were asked with it', async () => {
    await members.insert('7', '1')
    const { memberships } = source({
      query: `select user_id as subject, 'org:' || org_id as room from members where user_id::bigint = any($1::bigint[])`,
    })
    const numbers = Array.from({ length: 64 }, (_, i) => memberships(identity(String(i))))
    const [bad, ...rest] = await Promise.allSettled([memberships(identity('secret-subject')), ...numbers])
    const error = await failure(Promise.reject((bad as PromiseRejectedResult).reason))
    expect(String(error.cause)).toBe('Error: memberships: Postgres failed (22P02)')
    expect(rest.flatMap((each) => (each as PromiseFulfilledResult<readonly string[]>).value)).toEqual(['org:1'])
    expect(members.counting.sent.length).toBeLessThan(16)
    await failure(memberships(identity('secret-subject\0')))
  })
})

describe('a query that fails', () => {
  it.each([
    ['a column that is not there', 'select nothing from members where user_id = any($1)', /does not exist \(42703\)/],
    ['data that does not fit', 'select ($1::text[])[1]::int as subject', /Postgres failed \(22P02\)/],
  ])('%s is AUTH_UNAVAILABLE, without values', async (_name, query, message) => {
    const error = await failure(source({ query }).memberships(identity('secret-subject')))
    expect(String(error.cause)).toMatch(message)
  })

  it('one that takes too long is AUTH_UNAVAILABLE, also where no connection is to be had', async () => {
    const slow = source({ query: 'select pg_sleep(5), $1', queryTimeoutMs: 50 })
    expect(String((await failure(slow.memberships(identity('alice')))).cause)).toMatch(/50 ms|timeout/)
    const busy = newPool({ max: 2 })
    const taken = [await busy.connect(), await busy.connect()]
    await failure(source({ pool: busy, queryTimeoutMs: 50 }).memberships(identity('alice')))
    for (const client of taken) client.release()
    await busy.end()
  })

  it('fails all who asked at once, and is not asked again for each', async () => {
    const { memberships } = source({ query: 'select nothing from members where user_id = any($1)' })
    const all = Array.from({ length: 64 }, (_, i) => failure(memberships(identity(`secret-subject-${i}`))))
    await Promise.all(all)
    expect(members.counting.sent).toHaveLength(1)
  })

  it('goes on afterwards', async () => {
    const pool = newPool({ max: 2 })
    const { memberships } = source({ pool, query: QUERY, queryTimeoutMs: 200 })
    await members.insert('alice', '1')
    const taken = [await pool.connect(), await pool.connect()]
    await Promise.allSettled(Array.from({ length: 20 }, () => memberships(identity('alice'))))
    for (const client of taken) client.release()
    expect(await memberships(identity('alice'))).toEqual(['org:1'])
    await pool.end()
  })

  it.each([
    ['no subject', 'select 1 as room, $1', /column "subject"/],
    ['a subject that is no key', 'select now() as subject, 1 as room, $1', /column "subject"/],
    ['no room', 'select unnest($1::text[]) as subject', /column "room"/],
    ['an empty room', `select unnest($1::text[]) as subject, '' as room`, /column "room"/],
    ['a room that is null', 'select unnest($1::text[]) as subject, null as room', /column "room"/],
    ['a room that is a number', 'select unnest($1::text[]) as subject, 7 as room', /column "room"/],
  ])('rows with %s are a TypeError', async (_name, query, message) => {
    await expect(source({ query }).memberships(identity('alice'))).rejects.toThrow(message)
    await expect(source({ query }).memberships(identity('alice'))).rejects.toThrow(TypeError)
  })

  it('a key that is no string is a TypeError', async () => {
    await expect(source({ key: () => 7 as never }).memberships(identity('alice'))).rejects.toThrow('"key" must give')
  })
})

describe('options', () => {
  it.each([
    [{ pool: undefined }, '"pool" must be a pool of pg'],
    [{ pool: { query: () => {} } }, '"pool" must be a pool of pg'],
    [{ pool: { query() {}, connect() {}, options: { max: 1 } } }, '"pool" must have a "max" of at least 2'],
    [{ issuer: undefined }, '"issuer" must be a non-empty string'],
    [{ issuer: [] }, '"issuer" must name an issuer'],
    [{ issuer: ['a', ''] }, '"issuer" must be a non-empty string'],
    [{ query: '' }, '"query" must be a non-empty string'],
    [{ query: 'select 1' }, '"query" must use $1'],
    [{ channel: undefined }, '"channel" must be of 1 to 63 bytes'],
    [{ channel: 'ü'.repeat(32) }, '"channel" must be of 1 to 63 bytes'],
    [{ key: 'id' }, '"key" must be a function'],
    [{ room: 'id' }, '"room" must be a function'],
    [{ targetOf: 'id' }, '"targetOf" must be a function'],
    [{ onError: 'id' }, '"onError" must be a function'],
    [{ queryTimeoutMs: 0 }, '"queryTimeoutMs" must be a number above 0'],
    [{ checkEveryMs: 2 ** 31 }, '"checkEveryMs" must be a number above 0'],
    [{ table: 'members' }, '"table" is not an option of postgresMemberships()'],
  ])('%j is a TypeError', (options, message) => {
    expect(() => source(options as never)).toThrow(TypeError)
    expect(() => source(options as never)).toThrow(message)
  })
})

describe('membershipTrigger()', () => {
  it('quotes names that need it, and may be run again', async () => {
    const table = `odd "na'me"; drop`
    await members.pool.query(`create table ${SCHEMA}."odd ""na'me""; drop" ("us""er's" bigint)`)
    const listener = await members.pool.connect()
    const heard: string[] = []
    listener.on('notification', ({ payload }) => heard.push(payload ?? ''))
    const sql = membershipTrigger({ table: [SCHEMA, table], subject: `us"er's`, channel: `o'dd` })
    await members.pool.query(sql)
    await members.pool.query(sql)
    await listener.query(`listen "o'dd"`)
    await members.pool.query(`insert into "odd ""na'me""; drop" values (7), (null)`)
    await members.pool.query(`update "odd ""na'me""; drop" set "us""er's" = 8`)
    await members.pool.query(`delete from "odd ""na'me""; drop"`)
    await members.pool.query(`truncate "odd ""na'me""; drop"`)
    await expect.poll(() => heard).toEqual(['7', '7', '8', '8', ''])
    listener.release(true)
  })

  it.each([
    [{ table: '' }, '"table" must be of 1 to 63 bytes'],
    [{ table: [] }, '"table" must be a table, or a schema and a table'],
    [{ table: ['a', 'b', 'c'] }, '"table" must be a table, or a schema and a table'],
    [{ table: 'x'.repeat(64) }, '"table" must be of 1 to 63 bytes'],
    [{ subject: 7 }, '"subject" must be of 1 to 63 bytes'],
    [{ subject: 'a\\' }, '"subject" must not contain a backslash'],
    [{ channel: 'a\0' }, '"channel" must be of 1 to 63 bytes, without a NUL'],
    [{ column: 'a' }, '"column" is not an option of membershipTrigger()'],
  ])('%j is a TypeError', (options, message) => {
    const sound = { table: 'members', subject: 'user_id', channel: 'members' }
    expect(() => membershipTrigger({ ...sound, ...options } as never)).toThrow(message)
  })
})
