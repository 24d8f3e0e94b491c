import { AuthError } from 'portcullis'
import { type AccessTokenOptions, accessToken, accessTokenId } from 'portcullis/strategies/access-token'
import { strategyContract } from 'portcullis/testing'
import { describe, expect, it, test } from 'vitest'
import { bearer, newToken, present, useDatabase } from './access-token-fixtures.ts'

const { pool, counting, insert } = useDatabase()
const IN_AN_HOUR = "now() + interval '1 hour'"
type Options = AccessTokenOptions<{ readonly scope: string }, 'access-token'>
const over = (options: Partial<Options> = {}) =>
  accessToken<{ readonly scope: string }>({
    pool: counting,
    columns: ['scope'],
    identify: ({ user_id, scope }) => ({ subject: String(user_id), claims: { scope: String(scope) } }),
    ...options,
  })
const heard = async (strategy: ReturnType<typeof over>, handles: readonly unknown[]) =>
  (await strategy.revalidate?.(handles))?.map((answer) =>
    AuthError.is(answer) ? answer.code : [answer.identity.subject, answer.identity.claims.scope],
  )

describe.each(['none', 'sha256'] as const)('the access-token strategy looks again, with hash %s', (hash) => {
  const [good, doomed] = [newToken(), newToken()]
  const kept = (token: string) => (hash === 'none' ? token : accessTokenId(token))
  const cases = strategyContract({
    strategy: async () => {
      await pool.query('delete from oauth_access_tokens')
      for (const token of [good, doomed]) await insert(kept(token), 'u42', IN_AN_HOUR)
      return over({ hash })
    },
    good: () => ({ handshake: bearer(good), connect: null }),
    bad: [],
    ending: () => ({
      handshake: bearer(doomed),
      connect: null,
      end: async () => {
        await pool.query('delete from oauth_access_tokens where access_token = $1', [kept(doomed)])
      },
    }),
    secrets: [good, doomed],
  })
  for (const { name, run } of cases) test(name, run)

  it('keeps, of a token whose hash is in the table, the hash alone', async () => {
    await pool.query('delete from oauth_access_tokens')
    await insert(kept(good), 'u42', IN_AN_HOUR)
    expect((await present(over({ hash }), good))?.handle).toBe(kept(good))
  })
})

describe('the access-token strategy', () => {
  it('looks at 500 tokens with one query', async () => {
    const tokens = Array.from({ length: 500 }, newToken)
    const rows = tokens.map((_token, i) => `($${i + 1}, 'u${i}', 'web', ${IN_AN_HOUR}, 'chat:read')`)
    await pool.query(`insert into oauth_access_tokens values ${rows.join(',')}`, tokens)
    counting.sent.length = 0
    expect(await heard(over(), tokens)).toEqual(tokens.map((_token, i) => [`u${i}`, 'chat:read']))
    expect(counting.sent.map(({ values: [keys] }) => keys.length)).toEqual([500])
  })

  it('S17: sees another scope, another user, an earlier end and a token that expired or is gone', async () => {
    const tokens = Array.from({ length: 4 }, newToken)
    const [changed, short, expired, gone] = tokens as [string, string, string, string]
    for (const token of tokens) await insert(token, 'u42', IN_AN_HOUR)
    const set = (token: string, sql: string) =>
      pool.query(`update oauth_access_tokens set ${sql} where access_token = $1`, [token])
    await set(changed, "scope = '', user_id = 'u43'")
    await set(short, "expires = now() + interval '10 s'")
    await set(expired, 'expires = now()')
    await pool.query('delete from oauth_access_tokens where access_token = $1', [gone])
    const strategy = over()
    expect(await heard(strategy, tokens)).toEqual([
      ['u43', ''],
      ['u42', 'chat:read'],
      'AUTH_CREDENTIAL_INVALID',
      'AUTH_CREDENTIAL_INVALID',
    ])
    const [answer] = (await strategy.revalidate?.([short])) ?? []
    expect(AuthError.is(answer) ? 0 : answer?.lease.expiresAt).toBeLessThan(Date.now() / 1000 + 11)
  })

  it('X13: a database that fails is AUTH_UNAVAILABLE for each', async () => {
    const away = over({ pool: { query: () => Promise.reject(new Error('connect ECONNREFUSED')) } })
    expect(await heard(away, [newToken(), newToken()])).toEqual(['AUTH_UNAVAILABLE', 'AUTH_UNAVAILABLE'])
  })

  it('every 30 seconds, or never', () => {
    expect(over().revalidateEveryMs).toBe(30_000)
    expect(over({ revalidateEveryMs: Number.POSITIVE_INFINITY }).revalidate).toBeUndefined()
    expect(() => over({ revalidateEveryMs: 10 })).toThrow('"revalidateEveryMs"')
  })
})
