import { Pool } from 'pg'
import type { Identity, Strategy } from 'portcullis'
import { type AccessTokenRow, accessToken } from 'portcullis/strategies/access-token'
import { expectTypeOf, test } from 'vitest'

const pool = new Pool()

test('a pool of pg fits, and so does a client', async () => {
  accessToken({ pool })
  accessToken({ pool: await pool.connect() })
})

test('without identify the claims are empty', () => {
  expectTypeOf(accessToken({ pool })).toEqualTypeOf<
    Strategy<Identity<'access-token', Readonly<Record<string, never>>>>
  >()
})

test('claims are inferred from identify, and the scheme is the one that is named', () => {
  const strategy = accessToken({
    pool,
    scheme: 'oauth',
    identify: async (row) => {
      expectTypeOf(row).toEqualTypeOf<AccessTokenRow>()
      return row.scope === 'chat' ? { subject: String(row.user_id), claims: { level: 3 } } : null
    },
  })
  expectTypeOf(strategy).toEqualTypeOf<Strategy<Identity<'oauth', { level: number }>>>()
})

test('a subject that is not a string does not compile', () => {
  // @ts-expect-error: subjects are strings
  accessToken({ pool, identify: () => ({ subject: 42 }) })
})
