import type { Identity, Strategy } from 'portcullis'
import { basic } from 'portcullis/strategies/basic'
import { expectTypeOf, test } from 'vitest'

test('claims are inferred from verify, from the branch that is not null', () => {
  const strategy = basic({
    verify: async (username, password) => {
      expectTypeOf([username, password]).toEqualTypeOf<string[]>()
      return password === '' ? null : { subject: username, claims: { org: 'acme' } }
    },
  })
  expectTypeOf(strategy).toEqualTypeOf<Strategy<Identity<'basic', { org: string }>>>()
})

test('a boolean answer does not compile', () => {
  // @ts-expect-error: a truth value names nobody
  basic({ verify: () => true })
})
