import { passportUser, session } from 'portcullis/strategies/session'
import { handshakeOf } from 'portcullis/testing'
import { describe, expect, test } from 'vitest'
import {
  manualClock,
  OLD_SECRET,
  refusal,
  SECRET,
  SID,
  START,
  signed,
  storeOf,
  withCookie,
  withHeader,
} from './session-fixtures.ts'

const NOW = START / 1000
const LOGGED_IN = { cookie: {}, passport: { user: 'user-42' } }

/** A strategy over a store that holds this one session under every id. */
function over(held: unknown, options: Partial<Parameters<typeof session>[0]> = {}) {
  const store = storeOf(held)
  return { store, strategy: session({ store, secret: SECRET, clock: manualClock(), ...options }) }
}

describe('a session on which somebody is logged in', () => {
  test('gives the identity, a lease and the name to revoke it by', async () => {
    const { strategy, store } = over(
      { cookie: {}, user: { id: 'u1', org: 'acme' } },
      {
        issuer: 'https://www.example',
        identify: (data: { user?: { id: string; org: string } }) =>
          data.user ? { subject: data.user.id, claims: { org: data.user.org }, issuedAt: NOW - 60 } : null,
      },
    )
    expect(await strategy.authenticate(withCookie(signed(SID)), null)).toEqual({
      identity: { scheme: 'session', issuer: 'https://www.example', subject: 'u1', claims: { org: 'acme' } },
      lease: { id: expect.stringMatching(/^[A-Za-z0-9_-]{22}$/), issuedAt: NOW - 60, expiresAt: NOW + 3600 },
      revocableBy: [{ session: SID }],
    })
    expect(store.asked).toEqual([SID])
  })

  test('is identified by Passport without an identify', async () => {
    const answer = await over(LOGGED_IN).strategy.authenticate(withCookie(signed(SID)), null)
    expect(answer?.identity).toEqual({ scheme: 'session', issuer: 'session', subject: 'user-42', claims: {} })
    expect(answer?.lease.issuedAt).toBe(0)
  })

  test('keeps its lease id from one connection to the next, and another session has another', async () => {
    const { strategy } = over(LOGGED_IN)
    const lease = async (sid: string) => (await strategy.authenticate(withCookie(signed(sid)), null))?.lease.id
    expect(await lease(SID)).toBe(await lease(SID))
    expect(await lease(SID)).not.toBe(await lease(`${SID}x`))
    expect(await lease(SID)).not.toContain(SID.slice(0, 8))
  })

  test('S03: may be signed by the new secret or the old one, and not by a removed one', async () => {
    const { strategy, store } = over(LOGGED_IN, { secret: [SECRET, OLD_SECRET] })
    for (const secret of [SECRET, OLD_SECRET]) {
      expect(await strategy.authenticate(withCookie(signed(SID, secret)), null)).not.toBeNull()
    }
    await refusal(strategy, withCookie(signed(SID, 'removed')), ['AUTH_CREDENTIAL_INVALID', 'signature'])
    expect(store.asked).toHaveLength(2)
  })
})

describe('the lease ends', () => {
  const end = async (held: unknown, options: Partial<Parameters<typeof session>[0]> = {}) =>
    (await over(held, options).strategy.authenticate(withCookie(signed(SID)), null))?.lease.expiresAt

  test('after leaseSeconds', async () => {
    expect(await end(LOGGED_IN, { leaseSeconds: 60 })).toBe(NOW + 60)
  })

  test('with the session, whether the store gives a Date, its text or milliseconds', async () => {
    const expires = new Date(START + 90_000)
    for (const each of [expires, expires.toISOString(), expires.getTime()]) {
      expect(await end({ ...LOGGED_IN, cookie: { expires: each } })).toBe(NOW + 90)
    }
  })

  test('with the lease when the cookie lasts as long as the browser', async () => {
    for (const expires of [null, false, undefined])
      expect(await end({ ...LOGGED_IN, cookie: { expires } })).toBe(NOW + 3600)
    expect(await end({ passport: LOGGED_IN.passport })).toBe(NOW + 3600)
  })

  test('S19: with the longest lifetime, counted from the login', async () => {
    const identify = () => ({ subject: 'u1', issuedAt: NOW - 43_190 })
    expect(await end(LOGGED_IN, { identify, maxLifetimeSeconds: 43_200 })).toBe(NOW + 10)
  })

  test('no later than now for a login that another clock dates a little ahead', async () => {
    const identify = () => ({ subject: 'u1', issuedAt: NOW + 5 })
    const answer = await over(LOGGED_IN, { identify }).strategy.authenticate(withCookie(signed(SID)), null)
    expect(answer?.lease.issuedAt).toBe(NOW)
  })
})

describe('there is no identity, and the next strategy may be asked', () => {
  test('without a cookie of that name', async () => {
    const { strategy, store } = over(LOGGED_IN)
    for (const handshake of [handshakeOf(), withHeader(''), withHeader('a=b'), withHeader(';;;;')]) {
      expect(await strategy.authenticate(handshake, null)).toBeNull()
    }
    expect(store.asked).toEqual([])
  })

  test('in a CONNECT packet, since the request decided already', async () => {
    const { strategy, store } = over(LOGGED_IN, { allowQuerySessionId: 'session_id' })
    const connect = { namespace: '/', auth: { session_id: signed(SID), 'connect.sid': signed(SID) } }
    expect(await strategy.authenticate(withCookie(signed(SID)), connect)).toBeNull()
    expect(store.asked).toEqual([])
  })

  test('S12: on a session where nobody is logged in', async () => {
    for (const held of [{ cookie: {} }, { cookie: {}, passport: {} }, { cookie: {}, passport: null }]) {
      expect(await over(held).strategy.authenticate(withCookie(signed(SID)), null)).toBeNull()
    }
  })

  test('S13: when passport.user is an object, an array, true, NaN or empty', async () => {
    for (const user of [{ id: 'u1' }, ['u1'], true, Number.NaN, '', null]) {
      expect(passportUser({ passport: { user } })).toBeNull()
      expect(await over({ passport: { user } }).strategy.authenticate(withCookie(signed(SID)), null)).toBeNull()
    }
    expect(passportUser({ passport: { user: 42 } })).toBe('42')
  })

  test('Z06: when the fields are only on a polluted prototype', async () => {
    const inherited: object = Object.create({ passport: { user: 'admin' } })
    expect(passportUser(inherited)).toBeNull()
    expect(passportUser({ passport: Object.create({ user: 'admin' }) })).toBeNull()
    const own = JSON.parse('{"__proto__":{"passport":{"user":"admin"}}}') as object
    expect(await over(own).strategy.authenticate(withCookie(signed(SID)), null)).toBeNull()
  })
})

describe('refuses before the store is asked', () => {
  const good = signed(SID)
  const tampered: Readonly<Record<string, string>> = {
    'with a flipped signature': `${good.slice(0, -1)}${good.endsWith('A') ? 'B' : 'A'}`,
    'with a truncated signature': good.slice(0, -3),
    'with an extended signature': `${good}AA`,
    'by an unknown secret': signed(SID, 'somebody else'),
    unsigned: SID,
    'with another id': good.replace(SID, SID.toUpperCase()),
    'of s: only': 's:',
    'of nothing': '',
    'without a signature': `s:${SID}`,
  }
  for (const [what, value] of Object.entries(tampered)) {
    test(`S02: a cookie ${what}, with AUTH_CREDENTIAL_INVALID`, async () => {
      const { strategy, store } = over(LOGGED_IN)
      const error = await refusal(strategy, withCookie(value), ['AUTH_CREDENTIAL_INVALID', 'signature'])
      expect([error.status, error.retry]).toEqual([401, 'refresh'])
      expect(store.asked).toEqual([])
    })
  }

  test('S05: broken and double escapes, with AUTH_CREDENTIAL_INVALID and no URIError', async () => {
    const { strategy, store } = over(LOGGED_IN)
    const twice = encodeURIComponent(encodeURIComponent(good))
    for (const raw of ['%E0%A4%A', '%', `${encodeURIComponent(good)}%`, twice]) {
      await refusal(strategy, withHeader(`connect.sid=${raw}`), ['AUTH_CREDENTIAL_INVALID', 'signature'])
    }
    expect(store.asked).toEqual([])
  })

  test('S06: a well-signed id that no session could have, with AUTH_CREDENTIAL_INVALID', async () => {
    const { strategy, store } = over(LOGGED_IN)
    const ids = ['*', '../sess:admin', 'a\0b', 'a\r\nSET x y', 'ünï', '', 'a.b.c', `${SID}\n`, 'short', 'x'.repeat(129)]
    for (const sid of ids) {
      await refusal(strategy, withCookie(signed(sid)), ['AUTH_CREDENTIAL_INVALID', 'session_id'], [signed(sid)])
    }
    expect(store.asked).toEqual([])
  })

  test('S06: a cookie above 8192 bytes, with AUTH_CREDENTIAL_INVALID', async () => {
    const { strategy, store } = over(LOGGED_IN)
    await refusal(strategy, withCookie(signed('x'.repeat(8192))), ['AUTH_CREDENTIAL_INVALID', 'too_long'])
    expect(store.asked).toEqual([])
  })

  test('an id that fits sessionIdPattern only in part, with AUTH_CREDENTIAL_INVALID', async () => {
    const { strategy, store } = over(LOGGED_IN, { sessionIdPattern: /[a-z]+/ })
    await refusal(strategy, withCookie(signed('abc1')), ['AUTH_CREDENTIAL_INVALID', 'session_id'], [signed('abc1')])
    expect(await strategy.authenticate(withCookie(signed('abc')), null)).not.toBeNull()
    expect(store.asked).toEqual(['abc'])
  })
})

describe('allowQuerySessionId', () => {
  const query = { session_id: signed(SID) }

  test('is off unless it is named', async () => {
    const { strategy } = over(LOGGED_IN)
    expect(strategy.from.map((source) => source.in)).toEqual(['cookie'])
    expect(await strategy.authenticate(handshakeOf({ query }), null)).toBeNull()
  })

  test('reads the same signed value from the query, as a source that no browser attaches by itself', async () => {
    const { strategy } = over(LOGGED_IN, { allowQuerySessionId: 'session_id' })
    expect(strategy.from.map(({ in: place, ambient }) => [place, ambient])).toEqual([
      ['cookie', true],
      ['query', false],
    ])
    expect((await strategy.authenticate(handshakeOf({ query }), null))?.identity.subject).toBe('user-42')
  })

  test('refuses an unsigned id, and a cookie and a query that differ, with AUTH_CREDENTIAL_INVALID', async () => {
    const { strategy, store } = over(LOGGED_IN, { allowQuerySessionId: 'session_id' })
    const bare = handshakeOf({ query: { session_id: SID } })
    await refusal(strategy, bare, ['AUTH_CREDENTIAL_INVALID', 'signature'])
    const both = handshakeOf({ query, headers: { cookie: `connect.sid=${signed('another-session-id')}` } })
    await refusal(strategy, both, ['AUTH_CREDENTIAL_INVALID', 'presented_twice'])
    expect(store.asked).toEqual([])
  })
})
