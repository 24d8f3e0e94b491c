import { session } from 'portcullis/strategies/session'
import { handshakeOf, strategyContract } from 'portcullis/testing'
import { describe, test } from 'vitest'
import { CountingStore, manualClock, SECRET, SID, signed, storeOf, withCookie } from './session-fixtures.ts'

const GONE = 'a-session-that-is-gone'
const request = (value: string) => () => ({ handshake: withCookie(value), connect: null })

/** express-session's own store with one login in it. */
function storeWithLogin(): CountingStore {
  const store = new CountingStore()
  const { sessions } = store as unknown as { sessions: Record<string, string> }
  sessions[SID] = JSON.stringify({ cookie: { originalMaxAge: null }, passport: { user: 'user-42' } })
  return store
}

describe('the session strategy keeps the contract of strategies', () => {
  const cases = strategyContract({
    strategy: () => session({ store: storeWithLogin(), secret: SECRET, allowQuerySessionId: 'session_id' }),
    good: request(signed(SID)),
    missing: () => ({ handshake: handshakeOf({ headers: { cookie: 'theme=dark' } }), connect: null }),
    bad: [
      { name: 'an unsigned id', request: request(SID), code: 'AUTH_CREDENTIAL_INVALID' },
      {
        name: 'a signature of another secret',
        request: request(signed(SID, 'another')),
        code: 'AUTH_CREDENTIAL_INVALID',
      },
      { name: 'a session that is gone', request: request(signed(GONE)), code: 'AUTH_CREDENTIAL_INVALID' },
      { name: 'an empty cookie', request: request('') },
    ],
    unavailable: () => ({
      strategy: session({
        store: { get: (sid, callback) => callback(Object.assign(new Error('down'), { key: `sess:${sid}` })) },
        secret: SECRET,
      }),
      ...request(signed(SID))(),
    }),
    secrets: [SID, GONE, SECRET],
  })
  for (const { name, run } of cases) test(name, run)
})

describe('so does one that is configured otherwise', () => {
  const cases = strategyContract({
    strategy: () =>
      session({
        store: storeOf({ user: { id: 7, org: 'acme' } }),
        secret: [SECRET],
        name: '__Host-sid',
        scheme: 'web',
        clock: manualClock(),
        identify: async ({ user }: { user: { id: number; org: string } }) => ({
          subject: `user-${user.id}`,
          claims: { org: user.org, roles: ['reader'] },
        }),
      }),
    good: () => ({ handshake: withCookie(signed(SID), '__Host-sid'), connect: null }),
    bad: [{ name: 's: only', request: () => ({ handshake: withCookie('s:', '__Host-sid'), connect: null }) }],
    secrets: [SID, SECRET],
  })
  for (const { name, run } of cases) test(name, run)
})
