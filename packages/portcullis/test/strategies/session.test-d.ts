import expressSession from 'express-session'
import type { Identity, Strategy } from 'portcullis'
import { passportUser, type SessionData, session } from 'portcullis/strategies/session'
import { expectTypeOf, test } from 'vitest'

declare module 'express-session' {
  interface SessionData {
    member?: { id: string; org: string }
  }
}

const store = new expressSession.MemoryStore()
const secret = 'a secret of at least thirty-two bytes'
type User = { readonly user?: { readonly id: string; readonly org: string } }

test('claims are inferred from identify, without type arguments', () => {
  const strategy = session({ store, secret, identify: () => ({ subject: 'u1', claims: { org: 'acme' } }) })
  expectTypeOf(strategy).toEqualTypeOf<Strategy<Identity<'session', { org: string }>>>()
})

test('claims are inferred from the branch that is not null', () => {
  const strategy = session({
    store,
    secret,
    identify: ({ user }: User) => (user ? { subject: user.id, claims: { org: user.org } } : null),
  })
  expectTypeOf(strategy).toEqualTypeOf<Strategy<Identity<'session', { org: string }>>>()
})

test('claims are inferred from an asynchronous identify', () => {
  const strategy = session({
    store,
    secret,
    identify: async (data) => {
      const subject = passportUser(data)
      return subject === null ? null : { subject, claims: { level: 3 }, issuedAt: 1 }
    },
  })
  expectTypeOf(strategy).toEqualTypeOf<Strategy<Identity<'session', { level: number }>>>()
})

test("the session has the type of the store's own sessions", () => {
  const strategy = session({
    store,
    secret,
    identify: (data) => {
      expectTypeOf(data.member).toEqualTypeOf<{ id: string; org: string } | undefined>()
      expectTypeOf(data.anything).toBeUnknown()
      return data.member ? { subject: data.member.id, claims: { org: data.member.org } } : null
    },
  })
  expectTypeOf(strategy).toEqualTypeOf<Strategy<Identity<'session', { org: string }>>>()
})

test('the order of the options does not matter to inference', () => {
  const strategy = session({
    identify: ({ member }) => (member ? { subject: member.id, claims: { org: member.org } } : null),
    secret: [secret],
    store,
  })
  expectTypeOf(strategy).toEqualTypeOf<Strategy<Identity<'session', { org: string }>>>()
})

test('a store without types gives unknown fields', () => {
  const plain = {
    get(_sid: string, callback: (error: unknown, session?: unknown) => void) {
      callback(null, null)
    },
  }
  session({
    store: plain,
    secret,
    identify: (data) => {
      expectTypeOf(data).toEqualTypeOf<SessionData>()
      expectTypeOf(data.passport).toEqualTypeOf<{ readonly user?: unknown } | undefined>()
      return null
    },
  })
})

test('without identify the claims are empty, and the scheme is the one that is named', () => {
  expectTypeOf(session({ store, secret })).toEqualTypeOf<
    Strategy<Identity<'session', Readonly<Record<string, never>>>>
  >()
  const named = session({
    store,
    secret,
    scheme: 'admin',
    identify: () => ({ subject: 'u1', claims: { admin: true } }),
  })
  expectTypeOf(named).toEqualTypeOf<Strategy<Identity<'admin', { admin: boolean }>>>()
})

test('a subject that is not a string does not compile', () => {
  // @ts-expect-error: subjects are strings
  session({ store, secret, identify: () => ({ subject: 42 }) })
})

test('a boolean answer does not compile', () => {
  // @ts-expect-error: a truth value names nobody
  session({ store, secret, identify: () => true })
})
