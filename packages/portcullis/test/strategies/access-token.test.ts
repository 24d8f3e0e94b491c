import { createHash } from 'node:crypto'
import { accessToken, accessTokenId } from 'portcullis/strategies/access-token'
import { allowQuery } from 'portcullis/strategies/from'
import { fakeClock, handshakeOf, strategyContract } from 'portcullis/testing'
import { describe, expect, test } from 'vitest'
import { keys, next, outcome, start } from '../harness.ts'
import { bearer, newToken, present, refusal, SCHEMA, useDatabase } from './access-token-fixtures.ts'

const { pool, counting, insert } = useDatabase()
const IN_AN_HOUR = "now() + interval '1 hour'"

async function freshToken(expires = IN_AN_HOUR, userId: string | null = 'u42'): Promise<string> {
  const token = newToken()
  await insert(token, userId, expires)
  return token
}

describe('the access-token strategy keeps the contract of strategies', () => {
  const [GOOD, EXPIRED, UNKNOWN] = [newToken(), newToken(), newToken()]
  const prepare = async () => {
    await pool.query('delete from oauth_access_tokens')
    await insert(GOOD, 'u42', IN_AN_HOUR)
    await insert(EXPIRED, 'u42', "now() - interval '1 second'")
    return accessToken({ pool })
  }
  const request = (token: string) => () => ({ handshake: bearer(token), connect: null })
  const cases = strategyContract({
    strategy: prepare,
    good: request(GOOD),
    missing: () => ({ handshake: handshakeOf({ headers: { authorization: 'Basic YTpi' } }), connect: null }),
    bad: [
      { name: 'an unknown token', request: request(UNKNOWN), code: 'AUTH_CREDENTIAL_INVALID' },
      { name: 'an expired token', request: request(EXPIRED), code: 'AUTH_CREDENTIAL_INVALID' },
      { name: 'an empty token', request: request(''), code: 'AUTH_CREDENTIAL_INVALID' },
    ],
    unavailable: () => ({
      strategy: accessToken({
        pool: { query: async ({ values }) => Promise.reject(Object.assign(new Error(`no ${values}`), { values })) },
      }),
      ...request(GOOD)(),
    }),
    secrets: [GOOD, EXPIRED, UNKNOWN],
  })
  for (const { name, run } of cases) test(name, run)
})

describe('a token that stands in the table', () => {
  test('gives the identity, a lease and the id to revoke it by', async () => {
    const token = await freshToken()
    const clock = fakeClock()
    const now = clock.now() / 1000
    const strategy = accessToken({
      pool,
      clock,
      issuer: 'https://login.example',
      columns: ['scope', 'client_id'],
      identify: (row) => ({ subject: `user-${row.user_id}`, claims: { scope: row.scope, client: row.client_id } }),
    })
    const id = createHash('sha256').update(token).digest('hex')
    expect(await present(strategy, token)).toEqual({
      identity: {
        scheme: 'access-token',
        issuer: 'https://login.example',
        subject: 'user-u42',
        claims: { scope: 'chat:read', client: 'web' },
      },
      lease: { id, issuedAt: 0, expiresAt: expect.closeTo(now + 3600, -1) },
      revocableBy: [{ tokenId: id }],
    })
    expect(accessTokenId(token)).toBe(id)
    expect(clock.pending).toBe(0)
  })

  test('is read from auth.token too, and from the query only where that is allowed', async () => {
    const token = await freshToken()
    const connect = { namespace: '/', auth: { token } }
    expect((await accessToken({ pool }).authenticate(handshakeOf(), connect))?.identity.subject).toBe('u42')
    const inQuery = handshakeOf({ query: { token } })
    expect(await accessToken({ pool }).authenticate(inQuery, null)).toBeNull()
    expect(await accessToken({ pool, from: [allowQuery('token')] }).authenticate(inQuery, null)).not.toBeNull()
  })

  test('I04: as its SHA-256 is found by the token, and not by what stands there', async () => {
    const [token, plain] = [newToken(), await freshToken()]
    await insert(accessTokenId(token), 'u7', IN_AN_HOUR)
    const strategy = accessToken({ pool, hash: 'sha256' })
    expect((await present(strategy, token))?.identity.subject).toBe('u7')
    await refusal(strategy, accessTokenId(token), ['AUTH_CREDENTIAL_INVALID', 'token_unknown'])
    await refusal(strategy, plain, ['AUTH_CREDENTIAL_INVALID', 'token_unknown'])
  })

  test('I04: is refused for a prefix, another case, or a space more, also where the column ignores case', async () => {
    await pool.query("create collation anycase (provider = icu, locale = 'und-u-ks-level2', deterministic = false)")
    await pool.query('create table lax (access_token text collate anycase, user_id text, expires timestamptz)')
    const token = await freshToken()
    await pool.query(`insert into lax values ($1, 'u1', ${IN_AN_HOUR})`, [token])
    for (const strategy of [accessToken({ pool }), accessToken({ pool, table: 'lax' })]) {
      expect(await present(strategy, token)).not.toBeNull()
      for (const near of [token.slice(0, -1), token.toUpperCase(), `${token} `, `${token}%`]) {
        await refusal(strategy, near, ['AUTH_CREDENTIAL_INVALID', 'token_unknown'])
      }
    }
  })

  test('I05: twice, or for nobody, or without an end, is refused with AUTH_CREDENTIAL_INVALID', async () => {
    const strategy = accessToken({ pool })
    const twice = await freshToken()
    await insert(twice, 'u43', IN_AN_HOUR)
    await refusal(strategy, twice, ['AUTH_CREDENTIAL_INVALID', 'token_ambiguous'])
    const error = await refusal(strategy, await freshToken(IN_AN_HOUR, null), ['AUTH_CREDENTIAL_INVALID', 'no_user'])
    expect([error.status, error.retry]).toEqual([401, 'refresh'])
    await refusal(strategy, await freshToken(IN_AN_HOUR, ''), ['AUTH_CREDENTIAL_INVALID', 'no_user'])
    await refusal(strategy, await freshToken('null'), ['AUTH_CREDENTIAL_INVALID', 'token_unknown'])
    await refusal(strategy, newToken(), ['AUTH_CREDENTIAL_INVALID', 'token_unknown'])
  })

  test('I13: of a client without a user is refused with AUTH_CREDENTIAL_INVALID, before identify', async () => {
    const seen: unknown[] = []
    const identify = (row: unknown) => {
      seen.push(row)
      return { subject: 'client' }
    }
    const token = await freshToken(IN_AN_HOUR, null)
    await refusal(accessToken({ pool, identify }), token, ['AUTH_CREDENTIAL_INVALID', 'no_user'])
    expect(seen).toEqual([])
  })
})

describe('the lease ends', () => {
  const hours = 3600
  const endIn = async (expires: string, options: Partial<Parameters<typeof accessToken>[0]> = {}) => {
    const clock = fakeClock()
    const answer = await present(accessToken({ pool, clock, ...options }), await freshToken(expires))
    return (answer?.lease.expiresAt ?? 0) - clock.now() / 1000
  }

  test('I03: with the token, by the clock of the database, whatever this clock says', async () => {
    // `fakeClock` stands years behind the database.
    expect(await endIn("now() + interval '90 seconds'")).toBeCloseTo(90, 0)
    await refusal(accessToken({ pool }), await freshToken("now() - interval '1 millisecond'"), [
      'AUTH_CREDENTIAL_INVALID',
      'token_unknown',
    ])
    await refusal(accessToken({ pool }), await freshToken('now()'), ['AUTH_CREDENTIAL_INVALID', 'token_unknown'])
  })

  test('after leaseSeconds', async () => {
    expect(await endIn("now() + interval '1 day'")).toBe(1 * hours)
    expect(await endIn("now() + interval '1 day'", { leaseSeconds: 60 })).toBe(60)
  })

  test('I03: infinity, with leaseSeconds, and at most with maxLifetimeSeconds', async () => {
    expect(await endIn("'infinity'")).toBe(1 * hours)
    expect(await endIn("'infinity'", { leaseSeconds: 100 * hours, maxLifetimeSeconds: 24 * hours })).toBe(24 * hours)
    await refusal(accessToken({ pool }), await freshToken("'-infinity'"), ['AUTH_CREDENTIAL_INVALID', 'token_unknown'])
  })

  test('maxLifetimeSeconds after issuedAt, and a token older than that has expired', async () => {
    const issued = (secondsAgo: number) => ({
      maxLifetimeSeconds: 24 * hours,
      identify: () => ({ subject: 'u1', issuedAt: fakeClock().now() / 1000 - secondsAgo }),
    })
    expect(await endIn("'infinity'", issued(24 * hours - 10))).toBe(10)
    const strategy = accessToken({ pool, clock: fakeClock(), ...issued(24 * hours) })
    await refusal(strategy, await freshToken("'infinity'"), ['AUTH_EXPIRED', 'max_lifetime'])
  })

  test('I03: with a column without time zone, in the time zone of the session', async () => {
    await pool.query('create table zoneless (access_token text, user_id text, expires timestamp)')
    const token = newToken()
    await pool.query("insert into zoneless values ($1, 'u1', now()::timestamp + interval '90 seconds')", [token])
    const clock = fakeClock()
    const answer = await present(accessToken({ pool, clock, table: [SCHEMA, 'zoneless'] }), token)
    expect((answer?.lease.expiresAt ?? 0) - clock.now() / 1000).toBeCloseTo(90, 0)
  })
})

describe('refuses before the database is asked', () => {
  const bad: Readonly<Record<string, readonly [string, string]>> = {
    'a NUL': [`${newToken()}\0`, 'not_ascii'],
    'a letter outside ASCII': [`${newToken()}é`, 'not_ascii'],
    'a lone surrogate': [`${newToken()}\uD800`, 'not_ascii'],
    'a line break': [`${newToken()}\n`, 'not_ascii'],
    'more than 8192 bytes': ['x'.repeat(8193), 'too_long'],
    'one megabyte': ['x'.repeat(1_048_576), 'too_long'],
    nothing: ['', 'not_ascii'],
  }
  for (const [what, [token, reason]] of Object.entries(bad)) {
    test(`I02: a token with ${what}, with AUTH_CREDENTIAL_INVALID`, async () => {
      const before = counting.sent.length
      const hidden = token === '' ? [] : [token.slice(0, 40)]
      await refusal(accessToken({ pool: counting }), token, ['AUTH_CREDENTIAL_INVALID', reason], hidden)
      expect(counting.sent.length).toBe(before)
    })
  }

  test('I02: a value that is too long for a source of the application', async () => {
    const mine = { in: 'header', name: 'x-token', ambient: false, read: () => 'x'.repeat(8193) } as const
    const strategy = accessToken({ pool: counting, from: [mine] })
    await expect(strategy.authenticate(handshakeOf(), null)).rejects.toMatchObject({ reason: 'too_long' })
  })
})

test('I02: a token that is SQL is a parameter, refused with AUTH_CREDENTIAL_INVALID, and harms nothing', async () => {
  await freshToken()
  const before = await pool.query('select count(*) from oauth_access_tokens')
  for (const token of ["' OR 1=1--", "x'; drop table oauth_access_tokens; --", '{a,b}', '$1', '%', '"', '\\', 'NULL']) {
    await refusal(accessToken({ pool }), token, ['AUTH_CREDENTIAL_INVALID', 'token_unknown'], [])
  }
  expect((await pool.query('select count(*) from oauth_access_tokens')).rows).toEqual(before.rows)
})

test('I07: a role that may select these columns suffices', async () => {
  const token = await freshToken()
  const role = `${SCHEMA}_reader`
  await pool.query(`create role ${role}; grant usage on schema ${SCHEMA} to ${role}`)
  await pool.query(`grant select (access_token, user_id, expires) on oauth_access_tokens to ${role}`)
  const client = await pool.connect()
  try {
    await client.query(`set role ${role}`)
    await expect(client.query('delete from oauth_access_tokens')).rejects.toThrow(/permission denied/)
    expect((await present(accessToken({ pool: client }), token))?.identity.subject).toBe('u42')
  } finally {
    await client.query('reset role').catch(() => undefined)
    client.release(true)
    await pool.query(`drop owned by ${role}; drop role ${role}`)
  }
})

describe('on a real server', () => {
  test('a token that was revoked by its id closes its socket, and is refused with AUTH_REVOKED', async () => {
    const token = await freshToken()
    const server = await start({ strategies: [accessToken({ pool }) as never, keys(new Map())] })
    const chat = server.auth.protect(server.io.of('/chat'), { events: {} })
    const subjects: string[] = []
    chat.on('connection', (socket) => subjects.push(socket.data.identity.subject))
    const client = server.client('/chat', { auth: { token } })
    expect(await outcome(client)).toBeNull()
    const closed = next(client, 'disconnect')
    expect((await server.auth.revoke({ tokenId: accessTokenId(token) })).closed).toBe(1)
    await closed
    expect((await outcome(server.client('/chat', { auth: { token } })))?.code).toBe('AUTH_REVOKED')
    expect((await outcome(server.client('/chat', { auth: { token: newToken() } })))?.code).toBe(
      'AUTH_CREDENTIAL_INVALID',
    )
    expect(subjects).toEqual(['u42'])
    expect(JSON.stringify([server.audit, server.errors])).not.toContain(token)
  })
})
