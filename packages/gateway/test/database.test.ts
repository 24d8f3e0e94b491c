import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Accounts, createAccounts, roleIn } from '../src/demo/accounts.ts'
import { type Database, openDatabase } from '../src/demo/database.ts'
import { demoLogins, seedDemo } from '../src/demo/demo.ts'
import { createNews } from '../src/demo/news.ts'
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../src/embedded/embedded-postgres.ts'
import { StartError } from '../src/start-error.ts'
import { newDatabase } from './running.ts'
import { temporaryFolder } from './temporary.ts'

const PASSWORDS = { alice: 'alice-password', bob: 'bob-password', carol: 'carol-password' }

let embedded: EmbeddedPostgres | undefined
let config: object
let database: Database
let accounts: Accounts
const lost: unknown[] = []

beforeAll(async () => {
  const url = await newDatabase()
  embedded = url === null ? await startEmbeddedPostgres(await temporaryFolder()) : undefined
  config = url === null ? (embedded?.connection ?? {}) : { connectionString: url }
  database = await openDatabase(config, (error) => lost.push(error))
  accounts = createAccounts(database)
}, 60_000)
afterAll(async () => {
  await database.close()
  await embedded?.stop()
})

const codeOf = (error: unknown) => (error as { code?: unknown }).code

describe('the database', () => {
  it('gets its tables however many gateways start at once', async () => {
    const more = await Promise.all(Array.from({ length: 4 }, () => openDatabase(config, () => undefined)))
    await Promise.all(more.map((each) => each.close()))
    const tables = await database.query<{ name: string }>(
      `select table_name as name from information_schema.tables where table_schema = current_schema() order by 1`,
    )
    expect(tables.map(({ name }) => name)).toEqual(['members', 'news', 'oauth_access_tokens', 'organizations', 'users'])
  })

  it('is filled with the demo once, and never when it has users', async () => {
    await seedDemo(database, PASSWORDS)
    await seedDemo(database, { ...PASSWORDS, alice: 'another-password' })
    expect((await demoLogins(accounts, PASSWORDS)).map(({ name, password }) => [name, password])).toEqual(
      Object.entries(PASSWORDS),
    )
    expect((await demoLogins(accounts, { ...PASSWORDS, alice: 'another-password' }))[0]).toMatchObject({
      name: 'alice',
      password: null,
    })
  })

  it('knows who is what, where', async () => {
    const [alice, bob, carol] = await Promise.all(['alice', 'bob', 'carol'].map((name) => accounts.findByName(name)))
    if (!alice || !bob || !carol) throw new Error('the demo is not there')
    const roles = [alice, bob, carol].map((each) => [each.admin, roleIn(each, 'acme'), roleIn(each, 'globex')])
    expect(roles).toEqual([
      [false, 'editor', null],
      [false, null, 'reader'],
      [true, 'editor', 'editor'],
    ])
    expect(await accounts.findById(alice.id)).toEqual({ ...alice, passwordHash: undefined })
    expect(await accounts.findByName('ALICE')).toBeNull()
    for (const id of ['', '0', '-1', '1 or 1=1', '9'.repeat(30)]) expect(await accounts.findById(id)).toBeNull()
  })

  it('remembers the latest revocation of an account', async () => {
    const { id } = (await accounts.findByName('bob')) ?? { id: '' }
    await accounts.markRevoked(id, 2000.25)
    await accounts.markRevoked(id, 1000)
    expect(await accounts.findById(id)).toMatchObject({ revokedAt: 2000.25 })
    expect(await accounts.revokedSince(2000)).toEqual([{ id, revokedAt: 2000.25 }])
    expect(await accounts.revokedSince(2001)).toEqual([])
  })

  it('gives news newest first, of one organization, with the author’s name', async () => {
    const news = createNews(database)
    const { id } = (await accounts.findByName('carol')) ?? { id: '' }
    const first = await news.publish('acme', id, { title: 'First', body: '' })
    const second = await news.publish('acme', id, { title: "'); drop table news; --", body: '<b>' })
    await news.publish('globex', id, { title: 'Elsewhere', body: '' })
    expect(await news.history('acme', 2)).toEqual([second, first])
    expect(second).toMatchObject({ title: "'); drop table news; --", body: '<b>', author: 'Carol' })
  })

  it('says AUTH_UNAVAILABLE when it does not answer, and its own error when the query is wrong', async () => {
    await expect(database.query('select pg_terminate_backend(pg_backend_pid())')).rejects.toSatisfy(
      (error) => codeOf(error) === 'AUTH_UNAVAILABLE',
    )
    expect(await database.query('select 1 as one')).toEqual([{ one: 1 }])
    await expect(database.query('selec 1')).rejects.toSatisfy((error) => codeOf(error) === '42601')
  })

  it('of another application is refused in one line, and left as it is', async () => {
    const url = await newDatabase()
    const other = url === null ? await startEmbeddedPostgres(await temporaryFolder()) : null
    const there = other?.connection ?? { connectionString: url ?? '' }
    const owner = new Client(there)
    await owner.connect()
    await owner.query('create table users (id int primary key, email text)')
    const error = await openDatabase(there, () => undefined).catch((cause: unknown) => cause)
    expect(error).toBeInstanceOf(StartError)
    expect((error as Error).message).toMatch(
      /^[^\n]* has a table users, [^\n]* of another shape; give an empty database$/,
    )
    const { rows } = await owner.query(
      `select table_name from information_schema.tables where table_schema = current_schema()`,
    )
    expect(rows).toEqual([{ table_name: 'users' }])
    await owner.end()
    await other?.stop()
  }, 60_000)
})
