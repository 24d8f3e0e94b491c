/** What clients send to conditions of a real PostgreSQL, and how many connections a gateway takes. */

import { randomBytes } from 'node:crypto'
import { Client } from 'pg'
import { describe, expect, it } from 'vitest'
import { connect, openOn, until } from './opened.ts'

const SERVER = process.env.DATABASE_URL ?? ''

describe.runIf(SERVER)('with PostgreSQL', () => {
  it('a value that no column can hold finds no row, and one connection is enough for queries beside those that listen', async () => {
    const table = `review_${randomBytes(4).toString('hex')}`
    const name = `review-${randomBytes(4).toString('hex')}`
    const url = new URL(SERVER)
    url.searchParams.set('application_name', name)
    const database = new Client({ connectionString: SERVER })
    await database.connect()
    await database.query(`create table ${table} (user_id bigint, organization_id bigint)`)
    await database.query(`insert into ${table} values (1, 7)`)
    const connections = async () => {
      const { rows } = await database.query('select 1 from pg_stat_activity where application_name = $1', [name])
      return rows.length
    }
    try {
      const memberships = `{ sql: "select user_id::text as subject, 'member.' || organization_id as room from ${table} where user_id::text = any($1)", channel: ${table} }`
      const opened = await openOn(
        `postgres: { url: "\${DB}", poolSize: 1 }
namespaces:
  /more: { connect: true, memberships: ${memberships} }
  /news:
    connect: true
    memberships: ${memberships}
    rooms:
      organization.{id}: { allow: { sql: "select 1 from ${table} where user_id = :identity.subject and organization_id = :params.id" } }
    events:
      say: { allow: { sql: "select 1 from ${table} where organization_id = :args.0" }, to: nothing }
`,
        { DB: url.href },
      )
      const [one, alice] = [await connect(opened, '/news', '1'), await connect(opened, '/news', 'alice')]
      expect(await one.emitWithAck('auth:join', 'organization.7')).toMatchObject({ joined: ['organization.7'] })
      const forbidden = { error: { code: 'AUTH_FORBIDDEN' } }
      for (const room of ['organization.seven', 'organization.99999999999999999999']) {
        expect(await one.emitWithAck('auth:join', room)).toMatchObject(forbidden)
      }
      expect(await alice.emitWithAck('auth:join', 'organization.7')).toMatchObject(forbidden)
      for (const value of ['\0', 1.5, 'x', { id: 7 }, null]) {
        expect(await one.emitWithAck('say', value)).toMatchObject(forbidden)
      }
      expect(await one.emitWithAck('say', 7)).toEqual({})
      expect(opened.errors).toEqual([])
      for (let i = 0; i < 3; i++) await opened.gateway.reload()
      await until(async () => (await connections()) === 3)
    } finally {
      await database.query(`drop table ${table}`)
      await database.end()
    }
  })
})
