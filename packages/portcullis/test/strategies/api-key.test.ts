import { createHash } from 'node:crypto'
import { inspect } from 'node:util'
import { AuthError, type AuthErrorCode, type Strategy } from 'portcullis'
import { type ApiKeyOptions, type ApiKeyRecord, apiKey, createApiKey } from 'portcullis/strategies/api-key'
import { fromAuthorization } from 'portcullis/strategies/from'
import { fakeClock, handshakeOf, strategyContract } from 'portcullis/testing'
import { describe, expect, test } from 'vitest'
import { keys, outcome, start } from '../harness.ts'

const NOW = fakeClock().now() / 1000
const mine = createApiKey('acme_live')
const other = createApiKey('acme_live')
const secretOf = ({ key, prefix }: { key: string; prefix: string }) => key.slice(prefix.length + 1)

const withKey = (key: string) => handshakeOf({ headers: { 'x-api-key': key } })

type Options = ApiKeyOptions<unknown, 'api-key'>

/** A strategy over two keys, and the prefixes it was asked for. */
function over(record: Partial<Record<keyof ApiKeyRecord, unknown>> = {}, options: Partial<Options> = {}) {
  const asked: string[] = []
  const records = new Map<string, unknown>([
    [mine.prefix, { hash: mine.hash, subject: 'service-7', ...record }],
    [other.prefix, { hash: other.hash, subject: 'service-8' }],
  ])
  const find = async (prefix: string) => {
    asked.push(prefix)
    return (records.get(prefix) ?? null) as ApiKeyRecord | null
  }
  return { asked, strategy: apiKey({ find, clock: fakeClock(), ...options }) }
}

/** The error with which the strategy refuses: its code, its reason, and neither key nor secret in its text. */
async function refusal(strategy: Strategy, key: string, expected: readonly [AuthErrorCode, string]) {
  const outcome: unknown = await strategy.authenticate(withKey(key), null).catch((error: unknown) => error)
  if (!AuthError.is(outcome)) throw new Error(`not refused: ${inspect(outcome)}`)
  expect([outcome.code, outcome.reason]).toEqual(expected)
  const shown = `${inspect(outcome, { depth: 8, showHidden: true })}\n${JSON.stringify(outcome)}\n${outcome.stack}`
  const hidden = [key, key.slice(key.lastIndexOf('_') + 1), secretOf(mine)].filter((value) => value.length > 7)
  for (const value of hidden) expect(shown.includes(value)).toBe(false)
  return outcome
}

describe('the API key strategy keeps the contract of strategies', () => {
  const request = (key: string) => () => ({ handshake: withKey(key), connect: null })
  const cases = strategyContract({
    strategy: () => over().strategy,
    good: request(mine.key),
    bad: [
      { name: 'an unknown prefix', request: request(createApiKey('acme').key), code: 'AUTH_CREDENTIAL_INVALID' },
      { name: 'the secret of another key', request: request(`${mine.prefix}_${secretOf(other)}`) },
      { name: 'a prefix without a secret', request: request(`${mine.prefix}_`), code: 'AUTH_CREDENTIAL_INVALID' },
      { name: 'an empty key', request: request('') },
    ],
    unavailable: () => ({
      strategy: apiKey({ find: () => Promise.reject(new Error('down')) }),
      ...request(mine.key)(),
    }),
    secrets: [secretOf(mine), secretOf(other)],
  })
  for (const { name, run } of cases) test(name, run)
})

describe('a key that is known', () => {
  test('gives the identity, a lease and the prefix to revoke it by', async () => {
    const { strategy, asked } = over({ claims: { scope: 'chat:write' }, issuedAt: NOW - 60 }, { issuer: 'acme' })
    expect(await strategy.authenticate(withKey(mine.key), null)).toEqual({
      identity: { scheme: 'api-key', issuer: 'acme', subject: 'service-7', claims: { scope: 'chat:write' } },
      lease: { id: mine.prefix, issuedAt: NOW - 60, expiresAt: NOW + 3600 },
      revocableBy: [{ tokenId: mine.prefix }],
    })
    expect(asked).toEqual([mine.prefix])
  })

  test('is read from auth.apiKey too, or wherever from says', async () => {
    const connect = { namespace: '/', auth: { apiKey: mine.key } }
    expect((await over().strategy.authenticate(handshakeOf(), connect))?.identity.subject).toBe('service-7')
    const bearer = handshakeOf({ headers: { authorization: `Bearer ${mine.key}` } })
    expect(await over().strategy.authenticate(bearer, null)).toBeNull()
    expect(await over({}, { from: [fromAuthorization()] }).strategy.authenticate(bearer, null)).not.toBeNull()
  })

  test('holds until its record expires, at most for leaseSeconds', async () => {
    const end = async (expiresAt: number | null) =>
      (await over({ expiresAt }).strategy.authenticate(withKey(mine.key), null))?.lease.expiresAt
    expect([await end(null), await end(NOW + 10), await end(NOW + 9999)]).toEqual([NOW + 3600, NOW + 10, NOW + 3600])
  })

  test('is dated no later than now', async () => {
    const answer = await over({ issuedAt: NOW + 9 }).strategy.authenticate(withKey(mine.key), null)
    expect(answer?.lease.issuedAt).toBe(NOW)
  })

  test('leaves the claims of its record to the application', async () => {
    const claims = { roles: ['reader'] }
    const answer = await over({ claims }).strategy.authenticate(withKey(mine.key), null)
    claims.roles.push('admin')
    expect(answer?.identity.claims).toEqual({ roles: ['reader'] })
  })
})

describe('createApiKey', () => {
  test('T06: draws 256 bits of secret, and keeps only their digest', () => {
    expect(mine.key).toMatch(/^acme_live_[0-9a-f]{16}_[0-9a-f]{64}$/)
    expect(mine.prefix).toBe(mine.key.slice(0, 26))
    expect(mine.hash).toBe(createHash('sha256').update(mine.key).digest('hex'))
    const many = Array.from({ length: 1000 }, () => createApiKey('a'))
    expect(new Set(many.map(secretOf)).size).toBe(1000)
    expect(new Set(many.map(({ prefix }) => prefix)).size).toBe(1000)
  })

  test('refuses a name that is none with a TypeError', () => {
    for (const name of ['', '_a', 'a b', 'ä', 'a'.repeat(41), 'a\n', undefined]) {
      expect(() => createApiKey(name as string)).toThrow(TypeError)
    }
  })
})

describe('refuses with AUTH_CREDENTIAL_INVALID', () => {
  const secret = secretOf(mine)
  const malformed: Readonly<Record<string, string>> = {
    'nothing at all': '',
    'no underscore': secret,
    'no prefix': `_${secret}`,
    'no secret': `${mine.prefix}_`,
    'a short secret': `${mine.prefix}_${secret.slice(0, 21)}`,
    'a NUL': `${mine.prefix}\0_${secret}`,
    'a line break at the end': `${mine.key}\n`,
    'a letter outside ASCII': `ü${mine.key}`,
    'SQL for a prefix': `' or 1=1 --_${secret}`,
    'a path for a prefix': `../${mine.key}`,
    'a prefix of 65 characters': `${'a'.repeat(65)}_${secret}`,
    'two values that Node joined': `${mine.key}, ${mine.key}`,
  }
  for (const [what, key] of Object.entries(malformed)) {
    test(`a key with ${what}, before find is asked`, async () => {
      const { strategy, asked } = over()
      await refusal(strategy, key, ['AUTH_CREDENTIAL_INVALID', 'malformed'])
      expect(asked).toEqual([])
    })
  }

  test('a key of more than 8192 bytes, whichever source it comes from', async () => {
    const long = `a_${'x'.repeat(8191)}`
    await refusal(over().strategy, long, ['AUTH_CREDENTIAL_INVALID', 'too_long'])
    const source = { in: 'header', name: 'x', ambient: false, read: () => long } as const
    await refusal(over({}, { from: [source] }).strategy, '', ['AUTH_CREDENTIAL_INVALID', 'too_long'])
  })

  test('L03, L07: an unknown prefix and a wrong secret alike', async () => {
    const unknown = await refusal(over().strategy, createApiKey('acme').key, ['AUTH_CREDENTIAL_INVALID', 'key'])
    const flipped = mine.key.slice(0, -1) + (mine.key.endsWith('0') ? '1' : '0')
    const wrong = await refusal(over().strategy, flipped, ['AUTH_CREDENTIAL_INVALID', 'key'])
    expect([wrong.status, wrong.retry, wrong.message]).toEqual([unknown.status, unknown.retry, unknown.message])
    expect([wrong.status, wrong.retry]).toEqual([401, 'refresh'])
  })

  test('the secret of another key, and a key in another case', async () => {
    for (const key of [`${mine.prefix}_${secretOf(other)}`, `${mine.prefix}_${secretOf(mine).toUpperCase()}`]) {
      await refusal(over().strategy, key, ['AUTH_CREDENTIAL_INVALID', 'key'])
    }
  })

  test('the digest in place of the secret', async () => {
    await refusal(over().strategy, `${mine.prefix}_${mine.hash}`, ['AUTH_CREDENTIAL_INVALID', 'key'])
  })
})

test('L04: AUTH_EXPIRED is said only to who knows the secret', async () => {
  const { strategy } = over({ expiresAt: NOW })
  await refusal(strategy, mine.key, ['AUTH_EXPIRED', 'key'])
  await refusal(strategy, `${mine.prefix}_${secretOf(other)}`, ['AUTH_CREDENTIAL_INVALID', 'key'])
})

describe('find', () => {
  const finding = (find: unknown, options: Partial<Options> = {}) =>
    apiKey({ find: find as Options['find'], ...options })

  test('is given the prefix alone', async () => {
    const given: unknown[][] = []
    const strategy = finding((...args: unknown[]) => {
      given.push(args)
      return null
    })
    await refusal(strategy, mine.key, ['AUTH_CREDENTIAL_INVALID', 'key'])
    expect(given).toEqual([[mine.prefix]])
  })

  test('that answers something malformed is AUTH_ERROR', async () => {
    const sound = { hash: mine.hash, subject: 'a' }
    const bad: unknown[] = [true, 'x', {}, Object.create(sound)]
    for (const hash of ['', mine.hash.slice(2), mine.hash.toUpperCase(), `${mine.hash}\n`, 7, Buffer.from(mine.hash)])
      bad.push({ ...sound, hash })
    for (const subject of ['', 7, null]) bad.push({ ...sound, subject })
    for (const expiresAt of [Number.NaN, 'soon', new Date()]) bad.push({ ...sound, expiresAt })
    for (const issuedAt of [Number.NaN, -1, '1']) bad.push({ ...sound, issuedAt })
    for (const answer of bad) {
      await refusal(
        finding(() => answer),
        mine.key,
        ['AUTH_ERROR', 'find_answer_malformed'],
      )
    }
  })

  test('that throws or rejects is AUTH_UNAVAILABLE with its cause; an AuthError is heard as it is', async () => {
    const failure = new Error('no database')
    const throwing = () => {
      throw failure
    }
    const clock = fakeClock()
    for (const find of [throwing, () => Promise.reject(failure)]) {
      const error = await refusal(finding(find, { clock }), mine.key, ['AUTH_UNAVAILABLE', 'find_failed'])
      expect([error.status, error.retry, error.cause]).toEqual([503, 'backoff', failure])
    }
    expect(clock.pending).toBe(0)
    const revoked = () => Promise.reject(new AuthError('AUTH_REVOKED', { reason: 'mine' }))
    await refusal(finding(revoked), mine.key, ['AUTH_REVOKED', 'mine'])
  })

  test('that does not answer within findTimeoutMs is AUTH_UNAVAILABLE', async () => {
    const clock = fakeClock()
    const strategy = finding(() => new Promise(() => {}), { clock, findTimeoutMs: 250 })
    const refused = refusal(strategy, mine.key, ['AUTH_UNAVAILABLE', 'find_timeout'])
    await clock.advance(249)
    expect(clock.pending).toBe(1)
    await clock.advance(1)
    await refused
    expect(clock.pending).toBe(0)
  })
})

test('on a real server: a key admits, a wrong one does not, and a revoked one is refused with AUTH_REVOKED', async () => {
  const server = await start({
    strategies: [over({}, { clock: { ...fakeClock(Date.now()) } }).strategy as never, keys(new Map())],
  })
  const chat = server.auth.protect(server.io.of('/chat'), { events: {} })
  const subjects: string[] = []
  chat.on('connection', (socket) => subjects.push(socket.data.identity.subject))
  const come = (headers: Record<string, string>) => outcome(server.client('/chat', { extraHeaders: headers }))
  expect(await come({ 'X-API-Key': mine.key })).toBeNull()
  const wrong = `${mine.prefix}_${secretOf(other)}`
  expect((await outcome(server.client('/chat', { auth: { apiKey: wrong } })))?.code).toBe('AUTH_CREDENTIAL_INVALID')
  await server.auth.revoke({ tokenId: mine.prefix })
  expect((await outcome(server.client('/chat', { auth: { apiKey: mine.key } })))?.code).toBe('AUTH_REVOKED')
  expect(subjects).toEqual(['service-7'])
  expect(JSON.stringify([server.audit, server.errors])).not.toContain(secretOf(mine))
})

describe('Z10: bad options throw a TypeError at once that quotes the option', () => {
  const bad: Readonly<Record<string, Record<string, unknown>>> = {
    '"find"': { find: null },
    '"prefixPattern"': { prefixPattern: /a/g },
    '"from"': { from: [] },
    '"issuer"': { issuer: '' },
    '"scheme"': { scheme: '' },
    '"leaseSeconds"': { leaseSeconds: 0 },
    '"maxLifetimeSeconds"': { maxLifetimeSeconds: Number.NaN },
    '"findTimeoutMs"': { findTimeoutMs: 2 ** 31 },
    '"secret" is not an option': { secret: 'x' },
  }
  for (const [message, options] of Object.entries(bad)) {
    test(message, () => {
      const make = () => apiKey({ find: () => null, ...options } as never)
      expect(make).toThrow(TypeError)
      expect(make).toThrow(message)
    })
  }
})
