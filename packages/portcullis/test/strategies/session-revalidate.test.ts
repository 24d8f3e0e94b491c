import { inspect } from 'node:util'
import { Authenticator } from 'passport'
import { AuthError } from 'portcullis'
import { passport } from 'portcullis/strategies/passport'
import { session } from 'portcullis/strategies/session'
import { strategyContract } from 'portcullis/testing'
import { describe, expect, test } from 'vitest'
import { CountingStore, manualClock, SECRET, SID, START, signed, storeOf, withCookie } from './session-fixtures.ts'

interface Login {
  user: string
  role?: string
}
const OTHER = 'another-session-of-someone-else'
const request = (sid: string) => ({ handshake: withCookie(signed(sid)), connect: null })
const identify = ({ login }: { login?: Login }) =>
  login ? { subject: login.user, claims: { role: login.role ?? 'user' } } : null

function keep(store: CountingStore, sid: string, login: Login | null) {
  const { sessions } = store as unknown as { sessions: Record<string, string> }
  sessions[sid] = JSON.stringify({ cookie: { originalMaxAge: null }, ...(login && { login }) })
}

/** A strategy over a store with two logins, and what each of them stands for when it is looked at again. */
function site(options: { revalidateEveryMs?: number } = {}) {
  const store = new CountingStore()
  const strategy = session({ store: store as never, secret: SECRET, identify, ...options })
  keep(store, SID, { user: 'alice' })
  keep(store, OTHER, { user: 'bob' })
  const lookAgain = async (...handles: readonly unknown[]) =>
    (await strategy.revalidate?.(handles))?.map((answer) =>
      AuthError.is(answer) ? [answer.code, answer.reason] : [answer.identity.subject, answer.identity.claims.role],
    )
  const accept = () => strategy.authenticate(request(SID).handshake, null)
  return { store, strategy, lookAgain, accept }
}

describe('the session strategy looks again at what it accepted', () => {
  const store = new CountingStore()
  const cases = strategyContract({
    strategy: () => {
      keep(store, SID, { user: 'alice' })
      keep(store, OTHER, { user: 'bob' })
      return session({ store: store as never, secret: SECRET, identify })
    },
    good: () => request(SID),
    bad: [],
    ending: () => ({
      ...request(OTHER),
      end: () => new Promise<void>((resolve) => store.destroy(OTHER, () => resolve())),
    }),
    secrets: [SID, OTHER, SECRET],
  })
  for (const { name, run } of cases) test(name, run)

  test('every 30 seconds, unless it is told otherwise', () => {
    expect(site().strategy.revalidateEveryMs).toBe(30_000)
    expect(site({ revalidateEveryMs: 1_000 }).strategy.revalidateEveryMs).toBe(1_000)
  })

  test('never with Infinity, and then it keeps no handle', async () => {
    const { strategy, accept } = site({ revalidateEveryMs: Number.POSITIVE_INFINITY })
    expect([strategy.revalidateEveryMs, strategy.revalidate]).toEqual([undefined, undefined])
    expect((await accept())?.handle).toBeUndefined()
  })

  test.each([0, 999, -1, Number.NaN, 2 ** 31, '30000', null])('"revalidateEveryMs" of %s is a TypeError', (value) => {
    expect(() => site({ revalidateEveryMs: value as number })).toThrow('"revalidateEveryMs" must be')
  })

  test('with one read for each, all in one turn, and no write', async () => {
    const { store, strategy } = site()
    const answers = strategy.revalidate?.([SID, OTHER, 'gone'])
    expect(store.asked).toEqual([SID, OTHER, 'gone'])
    await answers
    expect([store.asked.length, store.written]).toEqual([3, []])
  })

  test('S14, S16, S17: a changed role, a changed user, a logout and a destroyed session are told apart', async () => {
    const { store, lookAgain } = site()
    keep(store, SID, { user: 'alice', role: 'admin' })
    expect(await lookAgain(SID, OTHER)).toEqual([
      ['alice', 'admin'],
      ['bob', 'user'],
    ])
    keep(store, SID, { user: 'mallory' })
    keep(store, OTHER, null)
    expect(await lookAgain(OTHER, SID, 'gone')).toEqual([
      ['AUTH_CREDENTIAL_MISSING', 'nobody'],
      ['mallory', 'user'],
      ['AUTH_CREDENTIAL_INVALID', 'session_unknown'],
    ])
  })

  test('the lease begins anew, and ends with the session as it is now', async () => {
    const held = { login: { user: 'alice' }, cookie: { expires: START + 1_000_000 } }
    const clock = manualClock()
    const strategy = session({ store: storeOf(held), secret: SECRET, clock, identify, leaseSeconds: 100 })
    const lookAgain = async () => (await strategy.revalidate?.([SID]))?.[0]
    clock.advance(60_000)
    expect(await lookAgain()).toMatchObject({ lease: { expiresAt: START / 1000 + 160 } })
    held.cookie.expires = START + 90_000
    expect(await lookAgain()).toMatchObject({ lease: { expiresAt: START / 1000 + 90 } })
    held.cookie.expires = START + 60_000
    expect(await lookAgain()).toMatchObject({ code: 'AUTH_EXPIRED' })
  })

  test('X13: one session that cannot be read, or that identify throws for, spoils no other', async () => {
    const store = new CountingStore()
    keep(store, SID, { user: 'alice' })
    keep(store, OTHER, { user: 'throws' })
    const broken = {
      get: (sid: string, done: (error: unknown, session?: never) => void) =>
        sid === 'broken' ? done(new Error('ECONNRESET')) : store.get(sid, done as never),
    }
    const strategy = session({
      store: broken,
      secret: SECRET,
      identify(data: { login?: Login }) {
        if (data.login?.user === 'throws') throw new Error('the application')
        return identify(data)
      },
    })
    const answers = await strategy.revalidate?.(['broken', SID, OTHER])
    expect(answers?.map((answer) => (AuthError.is(answer) ? answer.code : answer.identity.subject))).toEqual([
      'AUTH_UNAVAILABLE',
      'alice',
      'AUTH_ERROR',
    ])
  })

  test('X13: a store that does not answer is AUTH_UNAVAILABLE for all of them, each in its time', async () => {
    const clock = manualClock()
    const strategy = session({ store: { get: () => undefined }, secret: SECRET, clock, storeTimeoutMs: 500 })
    const answers = strategy.revalidate?.([SID, OTHER])
    clock.advance(501)
    expect(await answers).toMatchObject([{ code: 'AUTH_UNAVAILABLE' }, { code: 'AUTH_UNAVAILABLE' }])
    expect(clock.pending).toBe(0)
  })

  test('the handle shows neither when the answer is printed nor when it is written as JSON', async () => {
    const accepted = await site().accept()
    expect(accepted?.handle).toBe(SID)
    const { revocableBy: _, ...rest } = { ...accepted }
    expect(inspect(rest) + JSON.stringify(rest)).not.toContain(SID)
  })
})

test('the passport strategy asks its deserializers again: a user who is gone is refused, a changed one has other claims', async () => {
  const users = new Map([['7', { id: '7', role: 'admin' }]])
  const instance = new Authenticator()
  instance.deserializeUser((id: string, done: (error: unknown, user?: object | false) => void) =>
    done(null, users.get(id) ?? false),
  )
  const store = new CountingStore()
  const { sessions } = store as unknown as { sessions: Record<string, string> }
  sessions[SID] = JSON.stringify({ cookie: {}, passport: { user: '7' } })
  const strategy = passport({
    passport: instance,
    store: store as never,
    secret: SECRET,
    identify: ({ id, role }: { id: string; role: string }) => ({ subject: id, claims: { role } }),
  })
  const accepted = await strategy.authenticate(request(SID).handshake, null)
  users.set('7', { id: '7', role: 'user' })
  expect(await strategy.revalidate?.([accepted?.handle])).toMatchObject([{ identity: { claims: { role: 'user' } } }])
  users.delete('7')
  expect(await strategy.revalidate?.([accepted?.handle])).toMatchObject([{ code: 'AUTH_CREDENTIAL_INVALID' }])
})
