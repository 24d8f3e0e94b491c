/** A table of memberships in a schema of its own in a real Postgres, with the trigger that tells of its changes. */

import { randomBytes } from 'node:crypto'
import { Pool, type PoolConfig } from 'pg'
import type { Identity } from 'portcullis'
import { type MembershipStatement, membershipTrigger, type PostgresPool } from 'portcullis/memberships/postgres'
import { afterAll, beforeAll, beforeEach } from 'vitest'
import { ISSUER } from '../server/reconcile-fixtures.ts'

export const SCHEMA = `members_${randomBytes(6).toString('hex')}`
/** One channel for each file of tests. */
export const CHANNEL = `${SCHEMA} "changes"`
export const QUERY = `select user_id as subject, 'org:' || org_id as room from members where user_id = any($1) order by 2`

export function newPool(config: PoolConfig = {}): Pool {
  const pool = new Pool({
    connectionString: process.env.DATABASE_URL,
    options: `-csearch_path=${SCHEMA}`,
    application_name: SCHEMA,
    max: 10,
    ...config,
  })
  pool.on('error', () => undefined)
  return pool
}

export interface Members {
  readonly pool: Pool
  /** The same pool, which remembers every statement of a source. */
  readonly counting: PostgresPool & { readonly sent: MembershipStatement[] }
  insert(subject: string, ...orgs: string[]): Promise<void>
  remove(subject: string, org: string): Promise<void>
  /** Ends the connection that listens. Resolves with how many there were. */
  killListener(): Promise<number>
}

/** Made before the tests of the file, emptied before each, and dropped after them. */
export function useMembers(): Members {
  const pool = newPool()
  const sent: MembershipStatement[] = []
  beforeAll(async () => {
    await pool.query(`create schema ${SCHEMA}`)
    await pool.query(
      'create table members (user_id text not null, org_id text not null, primary key (user_id, org_id))',
    )
    await pool.query(membershipTrigger({ table: [SCHEMA, 'members'], subject: 'user_id', channel: CHANNEL }))
  })
  beforeEach(async () => {
    await pool.query('truncate members')
    sent.length = 0
  })
  afterAll(async () => {
    await pool.query(`drop schema ${SCHEMA} cascade`)
    await pool.end()
  })
  return {
    pool,
    counting: {
      sent,
      query(statement) {
        sent.push(statement)
        return pool.query(statement)
      },
      connect: () => pool.connect(),
    },
    async insert(subject, ...orgs) {
      await pool.query('insert into members select $1, unnest($2::text[])', [subject, orgs])
    },
    async remove(subject, org) {
      await pool.query('delete from members where user_id = $1 and org_id = $2', [subject, org])
    },
    async killListener() {
      const { rowCount } = await pool.query(
        'select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1 and query = any($2)',
        [SCHEMA, [LISTEN, CHECK]],
      )
      return rowCount ?? 0
    },
  }
}

const LISTEN = `listen "${CHANNEL.replaceAll('"', '""')}"`
const CHECK = 'select 1'

export function identity(subject: string, issuer = ISSUER): Identity {
  return { scheme: 'key', issuer, subject, claims: {} }
}
