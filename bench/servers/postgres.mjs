// @ts-check
/** The PostgreSQL that the benchmark uses: a schema of the run, with access tokens, and a query that takes five milliseconds. */

import pg from 'pg'
import { SECRET_TEXT } from '../tokens.mjs'

const URL = process.env.DATABASE_URL ?? 'postgres://postgres@127.0.0.1:5432/test'
const SCHEMA = `bench_${SECRET_TEXT.slice(0, 8)}`
const CONNECTIONS = 10

/** As an application has it; counts what is asked. */
export function countingPool() {
  const pool = new pg.Pool({ connectionString: URL, max: CONNECTIONS })
  let count = 0
  return {
    count: () => count,
    /** @param {import('pg').QueryConfig} statement */
    query(statement) {
      count += 1
      return pool.query(statement)
    },
    end: () => pool.end(),
  }
}

/** `$1` is one token or a list, as `condition` says. @param {string} condition */
export function slowQuery(condition) {
  return `with slow as materialized (select pg_sleep(0.005))
    select t.access_token, t.user_id, extract(epoch from t.expires - statement_timestamp())::float8 as expires_in
    from slow, ${SCHEMA}.access_tokens t where t.access_token ${condition} and t.expires > statement_timestamp()`
}

/** Tokens as `opaqueToken(0)` and so on; resolves with what removes them. @param {number} count */
export async function putTokens(count) {
  const client = new pg.Client({ connectionString: URL })
  await client.connect()
  await client.query(`create schema ${SCHEMA}`)
  await client.query(
    `create table ${SCHEMA}.access_tokens (access_token text primary key, user_id text not null, expires timestamptz not null)`,
  )
  await client.query(
    `insert into ${SCHEMA}.access_tokens
     select 'bench-access-token-' || lpad(i::text, 8, '0'), 'user-' || i, now() + interval '1 hour' from generate_series(0, $1::int - 1) i`,
    [count],
  )
  await client.query(`analyze ${SCHEMA}.access_tokens`)
  return async () => {
    await client.query(`drop schema ${SCHEMA} cascade`)
    await client.end()
  }
}
