/** A schema of its own in a real Postgres, a pool that counts, and tokens that can be told from any other text. */

import { randomBytes } from 'node:crypto'
import { inspect } from 'node:util'
import { Pool } from 'pg'
import { AuthError, type AuthErrorCode, type Strategy } from 'portcullis'
import type { AccessTokenDatabase, AccessTokenStatement } from 'portcullis/strategies/access-token'
import { handshakeOf } from 'portcullis/testing'
import { afterAll, beforeAll, expect } from 'vitest'

export const SCHEMA = `access_token_${randomBytes(6).toString('hex')}`

/** As the seed has it: nothing is required of the columns but their names. */
const TABLE = `create table oauth_access_tokens (
  access_token text, user_id text, client_id text, expires timestamptz, scope text
)`

export interface TestDatabase {
  readonly pool: Pool
  /** The same pool, which remembers every statement that the strategy sent. */
  readonly counting: AccessTokenDatabase & { readonly sent: AccessTokenStatement[] }
  insert(token: string, userId: string | null, expires: string | null, scope?: string): Promise<void>
}

/** Made before the tests of the file, and dropped after them. */
export function useDatabase(): TestDatabase {
  const pool = new Pool({
    connectionString: process.env.DATABASE_URL,
    options: `-csearch_path=${SCHEMA}`,
    application_name: SCHEMA,
    max: 10,
  })
  pool.on('error', () => undefined)
  const sent: AccessTokenStatement[] = []
  beforeAll(async () => {
    await pool.query(`create schema ${SCHEMA}`)
    await pool.query(TABLE)
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
    },
    async insert(token, userId, expires, scope = 'chat:read') {
      // `expires` is an expression of the test's own, such as `now() + interval '1 hour'`.
      const sql = `insert into oauth_access_tokens values ($1, $2, 'web', ${expires ?? 'null'}, $3)`
      await pool.query(sql, [token, userId, scope])
    },
  }
}

export function newToken(): string {
  return `at-${randomBytes(20).toString('hex')}`
}

export function bearer(token: string) {
  return handshakeOf({ headers: { authorization: `Bearer ${token}` } })
}

export function present(strategy: Strategy, token: string) {
  return strategy.authenticate(bearer(token), null)
}

/** The error with which the strategy refuses: its code, its reason, and the token nowhere in its text. */
export async function refusal(
  strategy: Strategy,
  token: string,
  [code, reason]: readonly [AuthErrorCode, string],
  hidden: readonly string[] = [token],
): Promise<AuthError> {
  const outcome: unknown = await strategy
    .authenticate(handshakeOf(), { namespace: '/', auth: { token } })
    .catch((error: unknown) => error)
  if (!AuthError.is(outcome)) throw new Error(`not refused: ${inspect(outcome)}`)
  expect([outcome.code, outcome.reason]).toEqual([code, reason])
  const shown = `${inspect(outcome, { depth: 8, showHidden: true })}\n${JSON.stringify(outcome)}\n${outcome.stack}`
  for (const value of hidden) expect(shown.includes(value)).toBe(false)
  return outcome
}
