/** How often somebody may guess a password, and whom that keeps out. */

import { AuthError } from 'portcullis'
import { type BasicOptions, basic } from 'portcullis/strategies/basic'
import { fakeClock, handshakeOf } from 'portcullis/testing'
import { describe, expect, test } from 'vitest'
import { gate, keys, ORIGIN, start } from '../harness.ts'

const PASSWORD = 'correct horse battery staple'
const WINDOW_MS = 900_000

/** Everybody has the one password. */
function over(options: Partial<BasicOptions<unknown, 'basic'>> = {}) {
  const clock = fakeClock()
  const asked: string[] = []
  const verify = async (username: string, password: string) => {
    asked.push(username)
    return password === PASSWORD ? { subject: username } : null
  }
  const strategy = basic({ verify, clock, ...options })
  /** The code and reason of the refusal, or the subject. */
  const attempt = async (username: string, password: string, address = '192.0.2.1') => {
    const authorization = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
    const handshake = handshakeOf({ secure: true, address, headers: { authorization } })
    try {
      return (await strategy.authenticate(handshake, null))?.identity.subject
    } catch (error) {
      if (!AuthError.is(error)) throw error
      return [error.code, error.reason, error.retryAfterSeconds]
    }
  }
  return { clock, asked, attempt }
}
type Attempt = ReturnType<typeof over>['attempt']

const WRONG = ['AUTH_CREDENTIAL_INVALID', 'credentials', undefined]
const ofName = (seconds: number) => ['AUTH_RATE_LIMITED', 'failures_of_name', seconds]
const ofAddress = (seconds: number) => ['AUTH_RATE_LIMITED', 'failures_of_address', seconds]

async function fail(attempt: Attempt, times: number, username = 'alice', address?: string): Promise<void> {
  for (let i = 0; i < times; i += 1) expect(await attempt(username, `guess ${i}`, address)).toEqual(WRONG)
}

describe('B04: wrong passwords for one name from one address', () => {
  test('are five; then even the right one is AUTH_RATE_LIMITED, and verify is not asked', async () => {
    const { attempt, asked } = over()
    await fail(attempt, 5)
    for (let i = 5; i < 500; i += 1) expect(await attempt('alice', `guess ${i}`)).toEqual(ofName(900))
    expect(await attempt('alice', PASSWORD)).toEqual(ofName(900))
    expect(asked).toHaveLength(5)
  })

  test('are forgotten 15 minutes after the first, and not before', async () => {
    const { attempt, clock } = over()
    await fail(attempt, 1)
    await clock.advance(60_000)
    await fail(attempt, 4)
    expect(await attempt('alice', PASSWORD)).toEqual(ofName(840))
    await clock.advance(WINDOW_MS - 60_001)
    expect(await attempt('alice', PASSWORD)).toEqual(ofName(1))
    await clock.advance(1)
    await fail(attempt, 5)
    expect(await attempt('alice', PASSWORD)).toEqual(ofName(900))
  })

  test('are forgotten after a right one', async () => {
    const { attempt } = over()
    for (let round = 0; round < 10; round += 1) {
      await fail(attempt, 4)
      expect(await attempt('alice', PASSWORD)).toBe('alice')
    }
  })

  test('are as many as the options say, within as long', async () => {
    const { attempt, clock } = over({ maxFailures: 2, failureWindowSeconds: 10 })
    await fail(attempt, 2)
    expect(await attempt('alice', PASSWORD)).toEqual(ofName(10))
    await clock.advance(10_000)
    expect(await attempt('alice', PASSWORD)).toBe('alice')
  })

  test('are five though all come at once', async () => {
    const { attempt, asked } = over()
    const outcomes = await Promise.all(Array.from({ length: 50 }, (_, i) => attempt('alice', `guess ${i}`)))
    expect(outcomes.filter((outcome) => outcome?.[0] === 'AUTH_CREDENTIAL_INVALID')).toHaveLength(5)
    expect(outcomes.filter((outcome) => outcome?.[0] === 'AUTH_RATE_LIMITED')).toHaveLength(45)
    expect(asked).toHaveLength(5)
  })

  test('count where verify itself refuses with a 401, and not where it fails', async () => {
    const refusing = over({ verify: () => Promise.reject(new AuthError('AUTH_EXPIRED', { reason: 'must_change' })) })
    for (let i = 0; i < 5; i += 1) expect((await refusing.attempt('alice', 'x'))?.[0]).toBe('AUTH_EXPIRED')
    expect(await refusing.attempt('alice', 'x')).toEqual(ofName(900))
    const failing = over({ verify: () => Promise.reject(new Error('no database')) })
    for (let i = 0; i < 20; i += 1) expect((await failing.attempt('alice', 'x'))?.[0]).toBe('AUTH_UNAVAILABLE')
    const malformed = over({ verify: () => ({ subject: '' }) })
    for (let i = 0; i < 20; i += 1) expect((await malformed.attempt('alice', 'x'))?.[0]).toBe('AUTH_ERROR')
  })

  test('count together where one client has many spellings of its address, or a whole /64', async () => {
    const { attempt } = over()
    for (const address of ['192.0.2.7', '::ffff:192.0.2.7', '::FFFF:192.0.2.7'])
      await fail(attempt, 1, 'alice', address)
    await fail(attempt, 2, 'alice', '192.0.2.7')
    expect(await attempt('alice', PASSWORD, '192.0.2.7')).toEqual(ofName(900))
    const same = [
      '2001:db8:0:1::1',
      '2001:db8::1:ffff:0:0:1',
      '2001:0DB8:0:1:a:b:c:d',
      '2001:db8:0:1::',
      '2001:db8:0:1::9',
    ]
    for (const address of same) await fail(attempt, 1, 'alice', address)
    expect(await attempt('alice', PASSWORD, '2001:db8:0:1:1:1:1:1')).toEqual(ofName(900))
    expect(await attempt('alice', PASSWORD, '2001:db8:0:2::1')).toBe('alice')
    expect(await attempt('alice', PASSWORD, '::1')).toBe('alice')
  })
})

describe('B04, D20: nobody is kept out', () => {
  test('by failures for the same name from elsewhere, however many', async () => {
    const { attempt } = over()
    for (let i = 0; i < 500; i += 1) await fail(attempt, 1, 'alice', `10.0.${i >> 8}.${i & 255}`)
    expect(await attempt('alice', PASSWORD)).toBe('alice')
    await fail(attempt, 5, 'alice', '10.1.0.1')
    expect(await attempt('alice', PASSWORD, '10.1.0.1')).toEqual(ofName(900))
    expect(await attempt('alice', PASSWORD)).toBe('alice')
  })

  test('by failures for other names from the same address, up to the bound of the address', async () => {
    const { attempt, asked } = over()
    for (let i = 0; i < 99; i += 1) await fail(attempt, 1, `user-${i}`)
    expect(await attempt('alice', PASSWORD)).toBe('alice')
    await fail(attempt, 1, 'user-99')
    asked.length = 0
    for (let i = 0; i < 500; i += 1) expect(await attempt(`user-${i}`, 'guess')).toEqual(ofAddress(900))
    expect([await attempt('alice', PASSWORD), asked]).toEqual([ofAddress(900), []])
    expect(await attempt('alice', PASSWORD, '192.0.2.2')).toBe('alice')
  })

  test('by a right password for a name of one’s own: it forgets the failures of that name alone', async () => {
    const { attempt } = over({ maxFailuresPerAddress: 8 })
    await fail(attempt, 5, 'alice')
    expect(await attempt('mallory', PASSWORD)).toBe('mallory')
    expect(await attempt('alice', PASSWORD)).toEqual(ofName(900))
    await fail(attempt, 3, 'bob')
    expect(await attempt('mallory', PASSWORD)).toEqual(ofAddress(900))
  })

  test('by good logins that come all at once', async () => {
    const { attempt } = over()
    const outcomes = await Promise.all(Array.from({ length: 50 }, () => attempt('worker', PASSWORD)))
    expect(new Set(outcomes)).toEqual(new Set(['worker']))
  })

  test('B03: and beyond maxConcurrent who wait, the next is AUTH_UNAVAILABLE', async () => {
    const held = gate()
    const { attempt } = over({
      maxConcurrent: 5,
      verify: async (subject) => {
        await held.promise
        return { subject }
      },
    })
    const admitted = Array.from({ length: 10 }, () => attempt('worker', PASSWORD))
    expect(await attempt('worker', PASSWORD)).toEqual(['AUTH_UNAVAILABLE', 'verify_busy', undefined])
    held.open()
    expect(new Set(await Promise.all(admitted))).toEqual(new Set(['worker']))
  })
})

test('B04: of 10,001 pairs the one that failed longest ago is forgotten, and no other', async () => {
  const { attempt } = over({ maxFailures: 1 })
  const addressOf = (i: number) => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`
  for (let i = 0; i <= 10_000; i += 1) await fail(attempt, 1, 'alice', addressOf(i))
  expect(await attempt('alice', PASSWORD, addressOf(1))).toEqual(ofName(900))
  expect(await attempt('alice', PASSWORD, addressOf(10_000))).toEqual(ofName(900))
  expect(await attempt('alice', PASSWORD, addressOf(0))).toBe('alice')
})

test('B04: ten thousand good logins make nobody’s failures forgotten', async () => {
  const { attempt } = over({ maxFailures: 1 })
  await fail(attempt, 1, 'alice')
  for (let i = 0; i <= 10_000; i += 1) await attempt(`user-${i}`, PASSWORD, `10.0.${i >> 8}.${i & 255}`)
  expect(await attempt('alice', PASSWORD)).toEqual(ofName(900))
})

test('B04: on a real server the sixth try is answered 429 with Retry-After, and the audit log says why', async () => {
  const strategy = basic({ verify: (_name, password) => (password === PASSWORD ? { subject: 'alice' } : null) })
  const { get, auth, io, audit } = await start({ strategies: [strategy as never, keys(new Map())] })
  auth.protect(io.of('/chat'), { events: {} })
  const ask = (password: string) =>
    get('/socket.io/?EIO=4&transport=polling', {
      authorization: `Basic ${Buffer.from(`alice:${password}`).toString('base64')}`,
      origin: ORIGIN,
    })
  for (let i = 0; i < 5; i += 1) expect((await ask(`guess ${i}`)).status).toBe(401)
  const { status, headers, body } = await ask(PASSWORD)
  expect([status, JSON.parse(body).code]).toEqual([429, 'AUTH_RATE_LIMITED'])
  expect(Number(headers['retry-after'])).toBeGreaterThan(890)
  expect(audit.at(-1)).toMatchObject({ effect: 'deny', code: 'AUTH_RATE_LIMITED', reason: 'failures_of_name' })
})
