import instance, { Passport } from 'passport'
import type { Identity, Strategy } from 'portcullis'
import { passport } from 'portcullis/strategies/passport'
import { expectTypeOf, test } from 'vitest'

const store = { get(_sid: string, _callback: (error: unknown, session?: unknown) => void) {} }
const base = { passport: instance, store, secret: 'a secret of at least thirty-two bytes' }

test("claims are inferred from identify, and Passport's own types fit", () => {
  const strategy = passport({
    ...base,
    passport: new Passport(),
    identify: (user: { id: string; org: string }) => ({ subject: user.id, claims: { org: user.org } }),
  })
  expectTypeOf(strategy).toEqualTypeOf<Strategy<Identity<'passport', { org: string }>>>()
})

test('claims are inferred from the branch that is not null, and the scheme is the one that is named', () => {
  const strategy = passport({
    ...base,
    scheme: 'web',
    identify: async (user: { id: string; org: string } | null) =>
      user ? { subject: user.id, claims: { org: user.org } } : null,
  })
  expectTypeOf(strategy).toEqualTypeOf<Strategy<Identity<'web', { org: string }>>>()
})

test('a user without a type is unknown', () => {
  passport({
    ...base,
    identify: (user) => {
      expectTypeOf(user).toBeUnknown()
      return null
    },
  })
})

test('identify is required, and answers no boolean', () => {
  // @ts-expect-error: nobody is chosen by default
  passport(base)
  // @ts-expect-error: a truth value names nobody
  passport({ ...base, identify: () => true })
})
