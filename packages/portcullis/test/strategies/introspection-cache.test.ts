/** What is remembered of answers, and how often the endpoint is asked. */

import { fakeClock } from 'portcullis/testing'
import { describe, expect, it } from 'vitest'
import { gate } from '../harness.ts'
import {
  active,
  bearer,
  json,
  NOW,
  present,
  type Respond,
  refusal,
  TOKEN,
  useEndpoint,
} from './introspection-fixtures.ts'

const endpoint = useEndpoint()
const INACTIVE = ['AUTH_CREDENTIAL_INVALID', 'inactive'] as const

describe('without cacheSeconds', () => {
  it('I08: every handshake asks, so that a token revoked since is refused', async () => {
    const strategy = endpoint.strategy()
    expect(await present(strategy)).not.toBeNull()
    endpoint.answer = { active: false }
    await refusal(strategy, INACTIVE)
    endpoint.answer = active()
    expect(await present(strategy)).not.toBeNull()
    expect(endpoint.asked).toHaveLength(3)
  })

  it('I10: 1,000 handshakes with one token at once ask once', async () => {
    const arrived = gate()
    const answered = gate()
    endpoint.answer = async (asked, response) => {
      arrived.open()
      await answered.promise
      json(active())(asked, response)
    }
    const strategy = endpoint.strategy({ timeoutMs: 10_000 })
    const answers = Array.from({ length: 1000 }, () => present(strategy))
    await arrived.promise
    answered.open()
    for (const answer of await Promise.all(answers)) expect(answer?.identity.subject).toBe('user-42')
    expect(endpoint.asked).toHaveLength(1)
  })

  it('I10: 1,000 handshakes share a refusal and a failure as well', async () => {
    const refused = async (answer: Respond | object, code: string) => {
      endpoint.answer = answer
      const strategy = endpoint.strategy({ timeoutMs: 10_000 })
      const before = endpoint.asked.length
      const all = await Promise.allSettled(Array.from({ length: 1000 }, () => present(strategy)))
      for (const outcome of all) expect(outcome).toMatchObject({ status: 'rejected', reason: { code } })
      expect(endpoint.asked.length - before).toBe(1)
    }
    await refused({ active: false }, 'AUTH_CREDENTIAL_INVALID')
    await refused(json({}, 500), 'AUTH_UNAVAILABLE')
  })

  it('K11: two tokens at once are two questions, and each gets its own answer', async () => {
    endpoint.answer = ({ form }, response) =>
      json(active({ sub: `user of ${form.get('token')}` }))({ form } as never, response)
    const strategy = endpoint.strategy()
    const answers = await Promise.all(['token-a', 'token-b'].map((token) => present(strategy, token)))
    expect(answers.map((answer) => answer?.identity.subject)).toEqual(['user of token-a', 'user of token-b'])
  })
})

describe('with cacheSeconds', () => {
  it('I08: an answer is used again for so long, and not a moment longer', async () => {
    const clock = fakeClock()
    const strategy = endpoint.strategy({ clock, cacheSeconds: 30 })
    const first = await present(strategy)
    endpoint.answer = { active: false }
    await clock.advance(29_999)
    expect(await present(strategy)).toEqual(first)
    expect(endpoint.asked).toHaveLength(1)
    await clock.advance(1)
    await refusal(strategy, INACTIVE)
    expect(endpoint.asked).toHaveLength(2)
  })

  it('K10: exp that passes meanwhile is noticed at that moment', async () => {
    const clock = fakeClock()
    const strategy = endpoint.strategy({ clock, cacheSeconds: 30 })
    endpoint.answer = active({ exp: NOW + 10 })
    await present(strategy)
    await clock.advance(9_999)
    expect((await present(strategy))?.lease.expiresAt).toBe(NOW + 10)
    expect(endpoint.asked).toHaveLength(1)
    await clock.advance(1)
    await refusal(strategy, ['AUTH_EXPIRED', 'expiry'])
    expect(endpoint.asked).toHaveLength(2)
  })

  it('K10: exp without iat too', async () => {
    const clock = fakeClock()
    const strategy = endpoint.strategy({ clock, cacheSeconds: 30 })
    endpoint.answer = active({ exp: NOW + 10, iat: undefined })
    await present(strategy)
    await clock.advance(10_000)
    await refusal(strategy, ['AUTH_EXPIRED', 'expiry'])
  })

  it('a remembered answer lengthens no lease', async () => {
    const clock = fakeClock()
    const strategy = endpoint.strategy({ clock, cacheSeconds: 30, leaseSeconds: 20 })
    await present(strategy)
    await clock.advance(19_999)
    expect((await present(strategy))?.lease.expiresAt).toBe(NOW + 20)
    await clock.advance(1)
    expect((await present(strategy))?.lease.expiresAt).toBe(NOW + 40)
    expect(endpoint.asked).toHaveLength(2)
  })

  it('I09: a token that is not active is asked about again after 5 s at the latest', async () => {
    const clock = fakeClock()
    const strategy = endpoint.strategy({ clock, cacheSeconds: 30 })
    endpoint.answer = { active: false }
    await refusal(strategy, INACTIVE)
    endpoint.answer = active()
    await clock.advance(4_999)
    await refusal(strategy, INACTIVE)
    expect(endpoint.asked).toHaveLength(1)
    await clock.advance(1)
    expect(await present(strategy)).not.toBeNull()
  })

  it('I09: and sooner when cacheSeconds is less', async () => {
    const clock = fakeClock()
    const strategy = endpoint.strategy({ clock, cacheSeconds: 2 })
    endpoint.answer = { active: false }
    await refusal(strategy, INACTIVE)
    await clock.advance(2_000)
    await refusal(strategy, INACTIVE)
    expect(endpoint.asked).toHaveLength(2)
  })

  it('I09: K13: tokens that are not active push out nobody’s answer, and are forgotten beyond 10,000', async () => {
    endpoint.answer = ({ form }, response) =>
      json(form.get('token') === TOKEN ? active() : { active: false })({ form } as never, response)
    const strategy = endpoint.strategy({ cacheSeconds: 30, timeoutMs: 60_000, maxQueued: 65_536 })
    const bad = async (from: number, to: number) => {
      const wave = Array.from({ length: to - from }, (_, i) => strategy.authenticate(bearer(`bad-${from + i}`), null))
      await Promise.allSettled(wave)
    }
    await present(strategy)
    for (let from = 0; from < 10_500; from += 500) await bad(from, from + 500)
    const asked = endpoint.asked.length
    expect(asked).toBe(10_501)
    await present(strategy)
    await bad(10_499, 10_500)
    expect(endpoint.asked.length).toBe(asked)
    // The oldest of them went, so that there is a limit.
    await bad(0, 1)
    expect(endpoint.asked.length).toBe(asked + 1)
  }, 60_000)

  it('a failure is not remembered', async () => {
    const strategy = endpoint.strategy({ cacheSeconds: 30 })
    endpoint.answer = json({}, 500)
    await refusal(strategy, ['AUTH_UNAVAILABLE', 'status'])
    endpoint.answer = active()
    expect(await present(strategy)).not.toBeNull()
  })

  it('K11: audience and scopes of a remembered answer are checked again, and two strategies share nothing', async () => {
    const clock = fakeClock()
    const options = { clock, cacheSeconds: 30 }
    const [first, second, third] = [
      endpoint.strategy(options),
      endpoint.strategy({ ...options, audience: 'https://other.example' }),
      endpoint.strategy({ ...options, scopes: ['admin'] }),
    ]
    expect(await present(first)).not.toBeNull()
    for (let i = 0; i < 2; i += 1) {
      await refusal(second, ['AUTH_CREDENTIAL_INVALID', 'audience'])
      await refusal(third, ['AUTH_INSUFFICIENT_SCOPE', 'scope'])
    }
    expect(endpoint.asked).toHaveLength(3)
  })
})

describe('purge', () => {
  it('I08: forgets every answer', async () => {
    const strategy = endpoint.strategy({ cacheSeconds: 30 })
    await present(strategy)
    endpoint.answer = { active: false }
    const { purge } = strategy
    purge()
    await refusal(strategy, INACTIVE)
    purge()
    endpoint.answer = active()
    expect(await present(strategy)).not.toBeNull()
  })

  it('I08: lets no answer from before it be used after it', async () => {
    const arrived = gate()
    const answered = gate()
    endpoint.answer = async (asked, response) => {
      arrived.open()
      await answered.promise
      json(active())(asked, response)
    }
    const strategy = endpoint.strategy({ cacheSeconds: 30 })
    const before = present(strategy)
    await arrived.promise
    strategy.purge()
    endpoint.answer = { active: false }
    // Does not join the question that is under way.
    await refusal(strategy, INACTIVE)
    strategy.purge()
    answered.open()
    await before
    await refusal(strategy, INACTIVE)
  })
})
