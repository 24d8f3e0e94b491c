import type { Identity, Strategy } from 'portcullis'
import { type ApiKeyRecord, apiKey } from 'portcullis/strategies/api-key'
import { expectTypeOf, test } from 'vitest'

test('claims are inferred from find', () => {
  const strategy = apiKey({ find: async () => ({ hash: '', subject: 'a', claims: { org: 'acme' } }) })
  expectTypeOf(strategy).toEqualTypeOf<Strategy<Identity<'api-key', { org: string }>>>()
  const typed = apiKey({ find: (): ApiKeyRecord<{ level: number }> | null => null, scheme: 'key' })
  expectTypeOf(typed).toEqualTypeOf<Strategy<Identity<'key', { level: number }>>>()
})

test('a record without a hash does not compile', () => {
  // @ts-expect-error: nothing could be compared
  apiKey({ find: () => ({ subject: 'a' }) })
})
