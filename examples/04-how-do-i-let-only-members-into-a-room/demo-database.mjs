// @ts-check
/** Stands for your database: the tables of an OAuth server and of your organizations, with three tokens. */

import { randomBytes } from 'node:crypto'
import { Pool } from 'pg'

const TOKENS = [
  { name: 'alice', userId: 1, expires: '1 hour' },
  { name: 'bob', userId: 2, expires: '1 hour' },
  { name: 'expired', userId: 1, expires: '-1 minute' },
].map((token) => ({ ...token, token: randomBytes(24).toString('hex') }))

/** A pool of the Postgres of DATABASE_URL, or of the standard port. When none answers, says so and ends the program. */
export async function openDemoDatabase() {
  const pool = new Pool({
    connectionString: process.env.DATABASE_URL ?? 'postgres://postgres@127.0.0.1:5432/postgres',
    connectionTimeoutMillis: 2_000,
    // One connection that is kept, because the demo's tables are temporary: they leave nothing behind. Yours are not.
    max: 1,
    idleTimeoutMillis: 0,
  })
  pool.on('error', (error) => console.error(`Postgres: ${error.message}`))
  try {
    await pool.query('select 1')
  } catch {
    console.error('No Postgres answers: start one on the standard port 5432, or set DATABASE_URL.')
    process.exit(1)
  }
  await pool.query(`
    create temporary table oauth_access_tokens (access_token text primary key, user_id int, expires timestamptz);
    create temporary table members (user_id int, organization_id text, primary key (user_id, organization_id));
    insert into members values (1, 'acme'), (1, 'globex'), (2, 'globex')`)
  for (const { token, userId, expires } of TOKENS) {
    await pool.query('insert into oauth_access_tokens values ($1, $2, now() + $3::interval)', [token, userId, expires])
  }
  return { pool, tokens: TOKENS }
}
