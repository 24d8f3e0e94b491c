/** How often somebody may guess. */

import { describe, expect, it } from 'vitest'
import { AuthError } from '../../src/errors.ts'
import { type AttemptLimits, createAttempts } from '../../src/strategies/basic-attempts.ts'
import { fakeClock } from '../../src/testing/fake-clock.ts'
import { settled } from './refusal.ts'

const ADDRESS = '192.0.2.1'
const WRONG = 'AUTH_CREDENTIAL_INVALID'
const ofName = 'AUTH_RATE_LIMITED failures_of_name'
const ofAddress = 'AUTH_RATE_LIMITED failures_of_address'

function guessing(limits: Partial<AttemptLimits> = {}) {
  const clock = fakeClock()
  const limit = createAttempts({
    maxFailures: 2,
    maxFailuresPerAddress: 4,
    failureWindowSeconds: 10,
    maxConcurrent: 3,
    clock,
    ...limits,
  })
  return {
    clock,
    limit,
    fail: (username = 'alice', address = ADDRESS, error: unknown = new AuthError(WRONG)) =>
      settled(limit(address, username, () => Promise.reject(error))),
    succeed: (username = 'alice', address = ADDRESS) => settled(limit(address, username, async () => 'in')),
    waitOf: (username = 'alice') =>
      limit(ADDRESS, username, async () => 0).catch((error: AuthError) => error.retryAfterSeconds),
  }
}

describe('failures', () => {
  it('of a name at an address are so many; then nobody is asked any more', async () => {
    const { fail, succeed, limit } = guessing()
    expect([await fail(), await fail(), await fail(), await succeed()]).toEqual([WRONG, WRONG, ofName, ofName])
    let asked = false
    await settled(
      limit(ADDRESS, 'alice', async () => {
        asked = true
      }),
    )
    expect(asked).toBe(false)
    expect([await succeed('alice', '192.0.2.2'), await succeed('bob')]).toEqual(['in', 'in'])
  })

  it('of an address are so many, whatever the names', async () => {
    const { fail, succeed } = guessing()
    for (const name of ['a', 'b', 'c', 'd']) expect(await fail(name)).toBe(WRONG)
    expect([await succeed('e'), await succeed('e', '192.0.2.2')]).toEqual([ofAddress, 'in'])
  })

  it('are forgotten when the window since the first is over, and not before', async () => {
    const { clock, fail, succeed, waitOf } = guessing()
    await clock.advance(500)
    await fail()
    await clock.advance(4_000)
    await fail()
    expect(await waitOf()).toBe(6)
    await clock.advance(5_999)
    expect([await succeed(), await waitOf()]).toEqual([ofName, 1])
    await clock.advance(1)
    expect(await succeed()).toBe('in')
  })

  it('begin a new window with the next, after one that is over', async () => {
    const { clock, fail, waitOf } = guessing()
    await fail()
    await clock.advance(10_000)
    await fail()
    await fail()
    expect(await waitOf()).toBe(10)
  })

  it('of a name are forgotten after a success, those of the address are not', async () => {
    const { fail, succeed } = guessing()
    for (let i = 0; i < 3; i += 1) {
      expect(await fail()).toBe(WRONG)
      expect(await succeed()).toBe('in')
    }
    expect(await fail()).toBe(WRONG)
    expect(await succeed()).toBe(ofAddress)
  })

  it('are answers with the status 401, and no others', async () => {
    const { fail, succeed } = guessing()
    const others = [new AuthError('AUTH_UNAVAILABLE'), new AuthError('AUTH_FORBIDDEN')]
    for (const error of [...others, ...others, ...others]) await fail('alice', ADDRESS, error)
    await expect(fail('alice', ADDRESS, new Error('database'))).rejects.toThrow('database')
    expect(await succeed()).toBe('in')
    for (let i = 0; i < 2; i += 1) await fail('alice', ADDRESS, new AuthError('AUTH_EXPIRED'))
    expect(await succeed()).toBe(ofName)
  })

  it('count together for one client with many addresses', async () => {
    const { fail, succeed } = guessing()
    await fail('alice', '2001:db8::1')
    await fail('alice', '2001:db8::2')
    expect([await succeed('alice', '2001:db8::3'), await succeed('alice', '2001:db8:0:1::1')]).toEqual([ofName, 'in'])
    await fail('bob', '::ffff:192.0.2.1')
    await fail('bob', '192.0.2.1')
    expect(await succeed('bob', '::FFFF:192.0.2.1')).toBe(ofName)
  })

  it('of one name are not those of another that reads like it together with its address', async () => {
    const { fail, succeed } = guessing({ maxFailuresPerAddress: 100 })
    for (let i = 0; i < 2; i += 1) await fail('a","b')
    expect([await succeed('a'), await succeed('a","b')]).toEqual(['in', ofName])
  })
})

describe('attempts under way', () => {
  /** Attempts that end when the test says so. */
  function held(limits: Partial<AttemptLimits> = {}) {
    const { limit, clock } = guessing(limits)
    const ends: ((wrong: boolean) => void)[] = []
    const outcomes: unknown[] = []
    const turn = () => clock.advance(0)
    return {
      outcomes,
      turn,
      ends,
      async begin(username = 'alice') {
        const i = outcomes.push('waiting') - 1
        void settled(
          limit(
            ADDRESS,
            username,
            () =>
              new Promise<string>((resolve, reject) => {
                outcomes[i] = 'asked'
                ends.push((wrong) => (wrong ? reject(new AuthError(WRONG)) : resolve('in')))
              }),
          ),
        ).then((outcome) => {
          outcomes[i] = outcome
        })
        await turn()
      },
      async end(wrong: boolean) {
        ends.shift()?.(wrong)
        await turn()
      },
    }
  }

  it('count as failures until they end: who comes meanwhile waits', async () => {
    const { begin, end, outcomes } = held()
    for (let i = 0; i < 4; i += 1) await begin()
    expect(outcomes).toEqual(['asked', 'asked', 'waiting', 'waiting'])
    await end(false)
    expect(outcomes).toEqual(['in', 'asked', 'asked', 'waiting'])
    await end(true)
    expect(outcomes).toEqual(['in', WRONG, 'asked', 'waiting'])
    await end(true)
    expect(outcomes).toEqual(['in', WRONG, WRONG, ofName])
  })

  it('of an address are bounded as well', async () => {
    const { begin, end, outcomes } = held()
    for (const name of ['a', 'b', 'c', 'd', 'e']) await begin(name)
    expect(outcomes).toEqual(['asked', 'asked', 'asked', 'asked', 'waiting'])
    await end(false)
    expect(outcomes).toEqual(['in', 'asked', 'asked', 'asked', 'asked'])
  })

  it('are waited for by so many; the next is AUTH_UNAVAILABLE', async () => {
    const { begin, outcomes } = held({ maxFailures: 1, maxFailuresPerAddress: 100 })
    for (let i = 0; i < 5; i += 1) await begin()
    expect(outcomes).toEqual(['asked', 'waiting', 'waiting', 'waiting', 'AUTH_UNAVAILABLE verify_busy'])
  })
})
