import { AuthError } from 'portcullis'
import { type AccessTokenOptions, type AccessTokenStatement, accessToken } from 'portcullis/strategies/access-token'
import { fakeClock } from 'portcullis/testing'
import { describe, expect, test } from 'vitest'
import { newToken, present, refusal, SCHEMA, useDatabase } from './access-token-fixtures.ts'

const { pool, counting, insert } = useDatabase()
const IN_AN_HOUR = "now() + interval '1 hour'"

type Options = AccessTokenOptions<never, 'access-token'>

/** A strategy over the counting pool, and what it sends from here on. */
function counted(options: Partial<Options> = {}) {
  const from = counting.sent.length
  return { strategy: accessToken({ pool: counting, ...options }), sent: () => counting.sent.slice(from) }
}

/** A database that answers when the test says so. */
function heldDatabase(rowsFor: (keys: readonly string[]) => readonly unknown[] = rowsOf) {
  const asked: { readonly keys: readonly string[]; answer(): void; fail(error: unknown): void }[] = []
  return {
    asked,
    query: ({ values: [keys] }: AccessTokenStatement) =>
      new Promise<{ rows: readonly unknown[] }>((resolve, reject) => {
        asked.push({ keys, answer: () => resolve({ rows: rowsFor(keys) }), fail: reject })
      }),
  }
}

function rowsOf(keys: readonly string[]) {
  return keys.map((key) => ({ access_token: key, user_id: `of ${key.length}`, expires_in: 60 }))
}

const turn = () => new Promise((resolve) => setImmediate(resolve))

describe('queries', () => {
  test('I10: a thousand who present one token at once are one query', async () => {
    const token = newToken()
    await insert(token, 'u1', IN_AN_HOUR)
    const { strategy, sent } = counted()
    const answers = await Promise.all(Array.from({ length: 1000 }, () => present(strategy, token)))
    expect(new Set(answers.map((answer) => answer?.identity.subject))).toEqual(new Set(['u1']))
    expect(sent().map(({ values }) => values)).toEqual([[[token]]])
  })

  test('a hundred tokens of one moment are one round trip, and each gets its own answer', async () => {
    const tokens = Array.from({ length: 100 }, newToken)
    await Promise.all(tokens.slice(0, 99).map((token, i) => insert(token, `u${i}`, IN_AN_HOUR)))
    const { strategy, sent } = counted()
    const answers = await Promise.allSettled(tokens.map((token) => present(strategy, token)))
    const subjects = answers.map((each) => (each.status === 'fulfilled' ? each.value?.identity.subject : null))
    expect(subjects).toEqual([...tokens.slice(0, 99).map((_, i) => `u${i}`), null])
    expect(sent()).toHaveLength(1)
    await refusal(strategy, tokens.at(-1) ?? '', ['AUTH_CREDENTIAL_INVALID', 'token_unknown'])
  })

  test('I08: nothing is kept: a token is asked for again, and one that was deleted is refused', async () => {
    const token = newToken()
    await insert(token, 'u1', IN_AN_HOUR)
    const { strategy, sent } = counted()
    await present(strategy, token)
    await present(strategy, token)
    await pool.query('delete from oauth_access_tokens where access_token = $1', [token])
    await refusal(strategy, token, ['AUTH_CREDENTIAL_INVALID', 'token_unknown'])
    expect(sent()).toHaveLength(3)
  })

  test('are prepared under one name, with the tokens as their one parameter', async () => {
    const { strategy, sent } = counted()
    const [first, second] = [newToken(), newToken()]
    for (const token of [first, second]) await refusal(strategy, token, ['AUTH_CREDENTIAL_INVALID', 'token_unknown'])
    const [one, two] = sent()
    expect([one?.name, one?.text]).toEqual([two?.name, two?.text])
    expect(one?.text).not.toContain(first)
    expect([one?.values, two?.values]).toEqual([[[first]], [[second]]])
  })

  test('are at most four under way and 500 tokens each, and the others gather meanwhile', async () => {
    const database = heldDatabase()
    const strategy = accessToken({ pool: database, clock: fakeClock() })
    const all: Promise<unknown>[] = []
    for (let i = 0; i < 5; i += 1) {
      all.push(present(strategy, newToken()))
      await turn()
      await turn()
    }
    for (let i = 0; i < 600; i += 1) all.push(present(strategy, newToken()))
    await turn()
    await turn()
    expect(database.asked.map(({ keys }) => keys.length)).toEqual([1, 1, 1, 1])
    while (database.asked.length > 0) {
      database.asked.shift()?.answer()
      await turn()
      await turn()
      await turn()
      expect(database.asked.length).toBeLessThanOrEqual(4)
      for (const { keys } of database.asked) expect(keys.length).toBeLessThanOrEqual(500)
    }
    expect((await Promise.all(all)).filter((answer) => answer !== null)).toHaveLength(605)
  })
})

describe('a table or query of the application', () => {
  test('I06: the names are quoted, whatever they are', async () => {
    const odd = 'users"; drop table oauth_access_tokens; --'
    const quoted = `"${odd.replaceAll('"', '""')}"`
    await pool.query(`create table ${quoted} (access_token text, user_id bigint, expires timestamptz, "we""ird" text)`)
    const token = newToken()
    await pool.query(`insert into ${quoted} values ($1, 9007199254740993, ${IN_AN_HOUR}, 'x')`, [token])
    const strategy = accessToken({
      pool,
      table: [SCHEMA, odd],
      columns: ['we"ird'],
      identify: (row) => ({ subject: String(row.user_id), claims: { weird: row['we"ird'] } }),
    })
    expect((await present(strategy, token))?.identity).toMatchObject({
      subject: '9007199254740993',
      claims: { weird: 'x' },
    })
    expect((await pool.query("select to_regclass('oauth_access_tokens') as still")).rows[0].still).not.toBeNull()
  })

  test('a query of its own answers in the three columns, and may know more than the table', async () => {
    await pool.query('create table grants (token text, account int, until timestamptz, revoked boolean)')
    const [live, dead] = [newToken(), newToken()]
    await pool.query(`insert into grants values ($1, 7, ${IN_AN_HOUR}, false), ($2, 7, ${IN_AN_HOUR}, true)`, [
      live,
      dead,
    ])
    const strategy = accessToken({
      pool,
      query: `select token as access_token, account as user_id, extract(epoch from until - now()) as expires_in
        from grants where token = any($1::text[]) and not revoked`,
    })
    expect((await present(strategy, live))?.identity.subject).toBe('7')
    await refusal(strategy, dead, ['AUTH_CREDENTIAL_INVALID', 'token_unknown'])
  })

  test('I05: rows of a query that are no answer are refused', async () => {
    const token = newToken()
    const row = { access_token: token, user_id: 'u1', expires_in: 60 }
    const over = (...rows: unknown[]) => accessToken({ pool: { query: async () => ({ rows }) } })
    await refusal(over({ ...row, expires_in: null }), token, ['AUTH_CREDENTIAL_INVALID', 'no_expiry'])
    await refusal(over({ ...row, expires_in: 0 }), token, ['AUTH_EXPIRED', 'token'])
    await refusal(over({ ...row, expires_in: '-0.001' }), token, ['AUTH_EXPIRED', 'token'])
    await refusal(over({ ...row, access_token: 'another' }), token, ['AUTH_CREDENTIAL_INVALID', 'token_unknown'])
    for (const user_id of [{}, true, 1.5, undefined]) {
      await refusal(over({ ...row, user_id }), token, ['AUTH_CREDENTIAL_INVALID', 'nobody'])
    }
    for (const bad of [
      { ...row, expires_in: 'soon' },
      { access_token: token, user_id: 'u1' },
    ]) {
      await refusal(over(bad), token, ['AUTH_ERROR', 'query_columns'])
    }
    expect((await present(over(row, null, 7), token))?.identity.subject).toBe('u1')
    expect((await present(over({ ...row, expires_in: '60.5' }), token))?.lease.expiresAt).toBeGreaterThan(0)
  })

  test('Z06: a polluted prototype is no row, and configures nothing', async () => {
    const token = newToken()
    const inherited = Object.create({ user_id: 'admin', expires_in: 60 })
    const strategy = accessToken({
      pool: { query: async () => ({ rows: [{ __proto__: inherited, access_token: token }] }) },
    })
    await refusal(strategy, token, ['AUTH_ERROR', 'query_columns'])
  })
})

describe('identify', () => {
  const token = newToken()
  const answering = (answer: unknown) =>
    accessToken({ pool: { query: async () => ({ rows: rowsOf([token]) }) }, identify: (() => answer) as () => null })

  test('is given a frozen row without the token', async () => {
    const seen: object[] = []
    const identify = (row: object) => {
      seen.push(row)
      return { subject: 'u1' }
    }
    await present(accessToken({ pool: { query: async () => ({ rows: rowsOf([token]) }) }, identify }), token)
    expect([seen, Object.isFrozen(seen[0])]).toEqual([[{ user_id: `of ${token.length}`, expires_in: 60 }], true])
  })

  test('that answers null refuses with AUTH_CREDENTIAL_INVALID', async () => {
    await refusal(answering(null), token, ['AUTH_CREDENTIAL_INVALID', 'nobody'])
  })

  test('that answers something malformed is AUTH_ERROR', async () => {
    const ahead = Date.now() / 1000 + 3600
    const dates = [Number.NaN, -1, ahead, '1'].map((issuedAt) => ({ subject: 'u1', issuedAt }))
    for (const answer of [
      undefined,
      true,
      {},
      { subject: 42 },
      { subject: '' },
      Object.create({ subject: 'a' }),
      ...dates,
    ]) {
      await refusal(answering(answer), token, ['AUTH_ERROR', 'identify_answer_malformed'])
    }
  })
})

describe('a database that does not answer', () => {
  test('X09: and fails is AUTH_UNAVAILABLE with its cause, for all who asked', async () => {
    const { strategy } = counted({ table: 'no_such_table' })
    const token = newToken()
    const errors = await Promise.all([
      refusal(strategy, token, ['AUTH_UNAVAILABLE', 'database_failed']),
      refusal(strategy, token, ['AUTH_UNAVAILABLE', 'database_failed']),
    ])
    for (const error of errors) expect([error.status, error.cause]).toMatchObject([503, { code: '42P01' }])
  })

  test('has no token in the cause, though drivers put parameters and rows there', async () => {
    const token = newToken()
    const failure = Object.assign(new Error(`invalid input: "${token}"`), {
      code: '22P02',
      detail: `Key (${token})`,
      query: { values: [[token]] },
    })
    for (const thrown of [failure, token, { message: token, token }, null]) {
      const strategy = accessToken({ pool: { query: () => Promise.reject(thrown) } })
      await refusal(strategy, token, ['AUTH_UNAVAILABLE', 'database_failed'])
    }
    const error = await refusal(
      accessToken({
        pool: {
          query() {
            throw failure
          },
        },
      }),
      token,
      ['AUTH_UNAVAILABLE', 'database_failed'],
    )
    expect(error.cause).toMatchObject({ message: 'invalid input: "[access token]"', code: '22P02' })
  })

  test('within queryTimeoutMs is AUTH_UNAVAILABLE, and a later answer changes nothing', async () => {
    const database = heldDatabase()
    const clock = fakeClock()
    const token = newToken()
    const strategy = accessToken({ pool: database, clock, queryTimeoutMs: 250 })
    const refused = refusal(strategy, token, ['AUTH_UNAVAILABLE', 'database_timeout'])
    await clock.advance(249)
    expect([database.asked.length, clock.pending]).toEqual([1, 2])
    await clock.advance(1)
    await refused
    database.asked[0]?.answer()
    await turn()
    expect(clock.pending).toBe(0)
  })

  test('does not hold up those who ask when it answers again', async () => {
    const database = heldDatabase()
    const clock = fakeClock()
    const strategy = accessToken({ pool: database, clock, queryTimeoutMs: 250 })
    const tokens = Array.from({ length: 6 }, newToken)
    const refused: Promise<unknown>[] = []
    for (const token of tokens) {
      refused.push(refusal(strategy, token, ['AUTH_UNAVAILABLE', 'database_timeout']))
      await turn()
      await turn()
    }
    expect(database.asked).toHaveLength(4)
    await clock.advance(250)
    await Promise.all(refused)
    const answered = present(strategy, tokens[0] ?? '')
    await turn()
    await turn()
    expect(database.asked.at(-1)?.keys).toEqual([tokens[0]])
    for (const { answer } of database.asked) answer()
    expect((await answered)?.identity.subject).toBeDefined()
    await turn()
    expect(clock.pending).toBe(0)
  })

  test('X09, F4: behind a lock is AUTH_UNAVAILABLE within a second; no client leaks, and the next token is admitted', async () => {
    const token = newToken()
    await insert(token, 'u1', IN_AN_HOUR)
    const strategy = accessToken({ pool, queryTimeoutMs: 200 })
    const locker = await pool.connect()
    try {
      await locker.query('begin; lock table oauth_access_tokens in access exclusive mode')
      const startedMs = performance.now()
      await Promise.all([
        refusal(strategy, token, ['AUTH_UNAVAILABLE', 'database_timeout']),
        refusal(strategy, newToken(), ['AUTH_UNAVAILABLE', 'database_timeout']),
      ])
      expect(performance.now() - startedMs).toBeLessThan(1000)
    } finally {
      await locker.query('rollback')
      locker.release()
    }
    expect((await present(strategy, token))?.identity.subject).toBe('u1')
    await expect.poll(() => pool.totalCount - pool.idleCount).toBe(0)
  })

  test('X09: whose connections are terminated is AUTH_UNAVAILABLE at most, and answers on the next', async () => {
    const token = newToken()
    await insert(token, 'u1', IN_AN_HOUR)
    const { strategy } = counted()
    const others = 'select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid()'
    await pool.query(`${others} and application_name = $1`, [SCHEMA])
    const outcomes = await Promise.allSettled(Array.from({ length: 20 }, () => present(strategy, token)))
    for (const each of outcomes) {
      if (each.status === 'rejected') expect(AuthError.is(each.reason) && each.reason.code).toBe('AUTH_UNAVAILABLE')
    }
    await expect.poll(async () => (await present(strategy, token))?.identity.subject).toBe('u1')
  })
})

describe('Z10: bad options throw a TypeError at once that quotes the option and not its value', () => {
  const secret = 'postgres://user:a-password@db/app'
  const bad: Readonly<Record<string, Partial<Record<keyof Options | 'tabel', unknown>>>> = {
    '"pool"': { pool: secret },
    '"table"': { table: '' },
    '"table" must be a table, or a schema and a table': { table: ['a', 'b', 'c'] },
    '"table" must not contain a NUL': { table: 'a\0' },
    '"columns"': { columns: ['scope', 7] },
    '"query" stands': { query: 'select $1', table: 'x' },
    '"query" must use $1': { query: 'select 1' },
    '"hash"': { hash: 'md5' },
    '"identify"': { identify: 'user' },
    '"from"': { from: [] },
    '"issuer"': { issuer: '' },
    '"scheme"': { scheme: '' },
    '"leaseSeconds"': { leaseSeconds: 0 },
    '"maxLifetimeSeconds"': { maxLifetimeSeconds: Number.NaN },
    '"queryTimeoutMs"': { queryTimeoutMs: 2 ** 31 },
    '"tabel" is not an option': { tabel: secret },
  }
  for (const [message, options] of Object.entries(bad)) {
    test(message, () => {
      const make = () => accessToken({ pool, ...options } as never)
      expect(make).toThrow(TypeError)
      expect(make).toThrow(message)
      expect(make).not.toThrow(secret)
    })
  }
})
