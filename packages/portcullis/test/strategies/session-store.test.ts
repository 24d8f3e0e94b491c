import { AuthError } from 'portcullis'
import { type SessionStore, session } from 'portcullis/strategies/session'
import { describe, expect, test } from 'vitest'
import {
  CountingStore,
  manualClock,
  refusal,
  SECRET,
  SID,
  START,
  signed,
  storeOf,
  withCookie,
} from './session-fixtures.ts'

const PRESENTED = withCookie(signed(SID))
const LOGGED_IN = { cookie: {}, passport: { user: 'u1' } }

type Get = SessionStore['get']

function over(get: Get, clock = manualClock()) {
  return session({ store: { get }, secret: SECRET, clock })
}

describe('a session that cannot be used', () => {
  test('S09: absent from the store, with AUTH_CREDENTIAL_INVALID', async () => {
    for (const absent of [undefined, null]) {
      await refusal(session({ store: storeOf(absent), secret: SECRET }), PRESENTED, [
        'AUTH_CREDENTIAL_INVALID',
        'session_unknown',
      ])
    }
    const enoent = Object.assign(new Error('no such file'), { code: 'ENOENT' })
    await refusal(
      over((_sid, callback) => callback(enoent)),
      PRESENTED,
      ['AUTH_CREDENTIAL_INVALID', 'session_unknown'],
    )
  })

  test('S09: expired although the store still has it, with AUTH_EXPIRED', async () => {
    for (const expires of [new Date(START), new Date(START - 1).toISOString(), START - 1000]) {
      const store = storeOf({ ...LOGGED_IN, cookie: { expires } })
      const strategy = session({ store, secret: SECRET, clock: manualClock() })
      await refusal(strategy, PRESENTED, ['AUTH_EXPIRED', 'session'])
    }
  })

  test('S19: older than maxLifetimeSeconds, with AUTH_EXPIRED', async () => {
    const strategy = session({
      store: storeOf(LOGGED_IN),
      secret: SECRET,
      clock: manualClock(),
      maxLifetimeSeconds: 60,
      identify: () => ({ subject: 'u1', issuedAt: START / 1000 - 60 }),
    })
    await refusal(strategy, PRESENTED, ['AUTH_EXPIRED', 'max_lifetime'])
  })

  test('S10: malformed, too deep or too large, with AUTH_CREDENTIAL_INVALID', async () => {
    const cyclic: Record<string, unknown> = {}
    cyclic.self = cyclic
    let deep: unknown = {}
    for (let i = 0; i < 100_000; i += 1) deep = { deep }
    const throwing = {
      get user() {
        throw new Error('read me not')
      },
    }
    const large = { text: 'x'.repeat(5_000_000) }
    const dates = [{ cookie: { expires: 'tomorrow' } }, { cookie: { expires: true } }, { cookie: { expires: {} } }]
    for (const held of [[1], 42, 'text', true, () => 1, cyclic, deep, throwing, large, { big: 1n }, ...dates]) {
      const strategy = session({ store: storeOf(held), secret: SECRET })
      await refusal(
        strategy,
        PRESENTED,
        ['AUTH_CREDENTIAL_INVALID', 'session_malformed'],
        [SID, 'xxxxxxxx', 'read me not'],
      )
    }
  })

  test('S10: JSON that the store cannot parse, with AUTH_CREDENTIAL_INVALID and none of it in the error', async () => {
    const store = new CountingStore()
    Object.assign(store, { sessions: { [SID]: '{"card":"4111' } })
    const strategy = session({ store, secret: SECRET })
    await refusal(strategy, PRESENTED, ['AUTH_CREDENTIAL_INVALID', 'session_malformed'], [SID, '4111'])
  })
})

describe('a store that does not answer', () => {
  const wrongType = Object.assign(new Error('WRONGTYPE Operation against a key'), { code: 'WRONGTYPE' })
  const ways: Readonly<Record<string, Get>> = {
    'calls back with an error': (_sid, callback) => callback(wrongType),
    throws: () => {
      throw wrongType
    },
    'rejects without calling back': () => Promise.reject(wrongType),
    'calls back with an error, then with a session': (_sid, callback) => {
      callback(wrongType)
      callback(null, LOGGED_IN)
    },
  }
  for (const [what, get] of Object.entries(ways)) {
    test(`S11: and ${what} is AUTH_UNAVAILABLE with its cause`, async () => {
      const clock = manualClock()
      const error = await refusal(over(get, clock), PRESENTED, ['AUTH_UNAVAILABLE', 'store_failed'])
      expect([error.status, error.retry, error.cause]).toEqual([503, 'backoff', wrongType])
      expect(clock.pending).toBe(0)
    })
  }

  test('within storeTimeoutMs is AUTH_UNAVAILABLE, and a later answer changes nothing', async () => {
    const clock = manualClock()
    const late: (() => void)[] = []
    const store = { get: ((_sid, callback) => late.push(() => callback(null, LOGGED_IN))) satisfies Get }
    const strategy = session({ store, secret: SECRET, clock, storeTimeoutMs: 250 })
    const refused = refusal(strategy, PRESENTED, ['AUTH_UNAVAILABLE', 'store_timeout'])
    clock.advance(249)
    expect(clock.pending).toBe(1)
    clock.advance(1)
    await refused
    for (const answer of late) answer()
  })

  test('keeps its first answer when it then fails', async () => {
    const twice: Get = (_sid, callback) => {
      callback(null, LOGGED_IN)
      callback(new Error('again'))
      throw new Error('and again')
    }
    expect((await over(twice).authenticate(PRESENTED, null))?.identity.subject).toBe('u1')
  })

  test('leaves no timer behind when it answers', async () => {
    const clock = manualClock()
    await session({ store: storeOf(LOGGED_IN), secret: SECRET, clock }).authenticate(PRESENTED, null)
    expect(clock.pending).toBe(0)
  })

  test('shows the session id in no cause, though Redis clients put the command on their errors', async () => {
    const error = Object.assign(new Error(`ERR for sess:${SID}`), { command: { name: 'get', args: [`sess:${SID}`] } })
    const refused = await refusal(
      over((_sid, callback) => callback(error)),
      PRESENTED,
      ['AUTH_UNAVAILABLE', 'store_failed'],
    )
    expect((refused.cause as Error).message).toBe('ERR for sess:[session id]')
  })
})

describe('identify', () => {
  const answering = (answer: unknown) =>
    session({ store: storeOf(LOGGED_IN), secret: SECRET, clock: manualClock(), identify: (() => answer) as () => null })

  test('that answers something malformed is AUTH_ERROR', async () => {
    const inherited: unknown = Object.create({ subject: 'admin' })
    const subjects = [undefined, true, 'u1', {}, { subject: 42 }, { subject: '' }, inherited]
    const dates = ['now', Number.NaN, -1, START, START / 1000 + 61].map((issuedAt) => ({ subject: 'u1', issuedAt }))
    for (const answer of [...subjects, ...dates, Promise.resolve({ subject: null })]) {
      await refusal(answering(answer), PRESENTED, ['AUTH_ERROR', 'identify_answer_malformed'])
    }
  })

  test('that throws or rejects is heard as it is', async () => {
    const failure = new Error('no database')
    for (const identify of [
      () => {
        throw failure
      },
      () => Promise.reject(failure),
    ]) {
      const strategy = session({ store: storeOf(LOGGED_IN), secret: SECRET, identify })
      await expect(strategy.authenticate(PRESENTED, null)).rejects.toBe(failure)
    }
    const unavailable = new AuthError('AUTH_UNAVAILABLE')
    await expect(answering(Promise.reject(unavailable)).authenticate(PRESENTED, null)).rejects.toBe(unavailable)
  })

  test("S24: is given a deeply frozen copy, not the store's own object", async () => {
    const held = { cookie: {}, user: { roles: ['reader'], since: new Date(START) } }
    const seen: unknown[] = []
    const strategy = session({
      store: storeOf(held),
      secret: SECRET,
      identify: (data: { user: { roles: string[]; since: string } }) => {
        seen.push(data)
        expect(() => data.user.roles.push('admin')).toThrow(TypeError)
        return { subject: data.user.since, claims: data.user }
      },
    })
    const answer = await strategy.authenticate(PRESENTED, null)
    held.user.roles.push('writer')
    expect(answer?.identity).toMatchObject({ subject: new Date(START).toISOString(), claims: { roles: ['reader'] } })
    expect(Object.isFrozen(seen[0])).toBe(true)
    expect(Object.isFrozen(held.user.roles)).toBe(false)
  })
})
