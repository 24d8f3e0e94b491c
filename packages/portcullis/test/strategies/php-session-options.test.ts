import { phpSession } from 'portcullis/strategies/php-session'
import { fakeClock, handshakeOf } from 'portcullis/testing'
import { describe, expect, it } from 'vitest'

const SID = 'e2c569be17396eca2a2e3c11578123ed'
const behind = (cookie: string) => handshakeOf({ headers: { cookie } })

/** A client that answers one session to whatever it is asked, and remembers the commands. */
function clientOf(session: string) {
  const commands: string[][] = []
  return {
    commands,
    sendCommand: async (command: string[]) => {
      commands.push(command)
      return Buffer.from(session)
    },
  }
}
const refusal = (answer: Promise<unknown>) =>
  answer.then(
    () => 'accepted',
    (error: { code: string; reason: string }) => `${error.code} ${error.reason}`,
  )

describe('phpSession by its defaults', () => {
  it('reads PHPSESSID under PHPREDIS_SESSION: in the format php, as PHP and phpredis have them', async () => {
    const redis = clientOf('id|s:1:"7";')
    const strategy = phpSession({ redis, identify: ({ id }) => ({ subject: String(id) }) })
    const answer = await strategy.authenticate(behind(`PHPSESSID=${SID}`), null)
    expect(answer?.identity).toEqual({ scheme: 'php-session', issuer: 'php-session', subject: '7', claims: {} })
    expect(redis.commands).toEqual([['GETRANGE', `PHPREDIS_SESSION:${SID}`, '0', '1048576']])
  })

  it('holds for 3600 s, and a login for 30 days', async () => {
    const clock = fakeClock()
    const now = clock.now() / 1000
    const endOf = async (issuedAt: number) => {
      const strategy = phpSession({
        redis: clientOf('id|i:7;'),
        clock,
        identify: () => ({ subject: '7', issuedAt }),
      })
      return (await strategy.authenticate(behind(`PHPSESSID=${SID}`), null))?.lease.expiresAt
    }
    expect(await endOf(0)).toBe(now + 3600)
    expect(await endOf(now - 2_592_000 + 10)).toBe(now + 10)
    expect(await refusal(endOf(now - 2_592_000))).toBe('AUTH_EXPIRED max_lifetime')
  })

  it('waits 1000 ms for Redis', async () => {
    const clock = fakeClock()
    let settled = false
    const redis = { sendCommand: () => new Promise<never>(() => {}) }
    const strategy = phpSession({ redis, clock, identify: () => null })
    const answer = refusal(strategy.authenticate(behind(`PHPSESSID=${SID}`), null)).finally(() => {
      settled = true
    })
    await clock.advance(999)
    expect(settled).toBe(false)
    await clock.advance(1)
    expect(await answer).toBe('AUTH_UNAVAILABLE store_timeout')
  })

  it.each([
    [22, 'accepted'],
    [256, 'accepted'],
    [21, 'AUTH_CREDENTIAL_INVALID session_id'],
    [257, 'AUTH_CREDENTIAL_INVALID session_id'],
  ])('P03: an id of %i characters is %s', async (length, expected) => {
    const strategy = phpSession({ redis: clientOf('id|i:7;'), identify: () => ({ subject: '7' }) })
    const sid = 'aZ09,-'.repeat(50).slice(0, length)
    expect(await refusal(strategy.authenticate(behind(`PHPSESSID=${sid}`), null))).toBe(expected)
  })

  it.each(['_', '.', '/', '+', '=', '%', '*', ':', '{'])('P03: an id with %s is refused', async (character) => {
    const redis = clientOf('id|i:7;')
    const strategy = phpSession({ redis, identify: () => ({ subject: '7' }) })
    const cookie = `PHPSESSID=${'a'.repeat(30)}${encodeURIComponent(character)}`
    expect(await refusal(strategy.authenticate(behind(cookie), null))).toBe('AUTH_CREDENTIAL_INVALID session_id')
    expect(redis.commands).toEqual([])
  })
})

describe('phpSession', () => {
  it('is not configured by a polluted prototype', async () => {
    const polluted = Object.prototype as Record<string, unknown>
    polluted.prefix = ''
    polluted.allowQuerySessionId = 'session'
    try {
      const redis = clientOf('id|i:7;')
      const strategy = phpSession({ redis, identify: () => ({ subject: '7' }) })
      expect(await strategy.authenticate(handshakeOf({ query: { session: SID } }), null)).toBeNull()
      await strategy.authenticate(behind(`PHPSESSID=${SID}`), null)
      expect(redis.commands.map(([, key]) => key)).toEqual([`PHPREDIS_SESSION:${SID}`])
    } finally {
      delete polluted.prefix
      delete polluted.allowQuerySessionId
    }
  })

  it('names its lease by a digest, in which no part of the id stands', async () => {
    const strategy = phpSession({ redis: clientOf('id|i:7;'), identify: () => ({ subject: '7' }) })
    const lease = (await strategy.authenticate(behind(`PHPSESSID=${SID}`), null))?.lease
    expect(lease?.id).toMatch(/^[\w-]{22}$/)
    for (let at = 0; at + 6 <= SID.length; at += 1) expect(lease?.id).not.toContain(SID.slice(at, at + 6))
  })

  it.each<[string, unknown]>([
    ['undefined', undefined],
    ['false', false],
    ['a subject that is a number', { subject: 7 }],
    ['a subject that is true', { subject: true }],
    ['no subject', {}],
    ['an empty subject', { subject: '' }],
    ['milliseconds', { subject: '7', issuedAt: Date.now() }],
  ])('P12: an identify that answers %s is AUTH_ERROR, and nobody', async (_name, answer) => {
    const strategy = phpSession({ redis: clientOf('id|i:7;'), identify: () => answer as never })
    expect(await refusal(strategy.authenticate(behind(`PHPSESSID=${SID}`), null))).toBe(
      'AUTH_ERROR identify_answer_malformed',
    )
  })
})
