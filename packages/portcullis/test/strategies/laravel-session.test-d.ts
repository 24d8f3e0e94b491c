import type { Identity, Strategy } from 'portcullis'
import { laravelSession, type PhpRecord } from 'portcullis/strategies/laravel-session'
import { createClient } from 'redis'
import { expectTypeOf, test } from 'vitest'

const given = { redis: createClient(), appKey: 'base64:', prefix: 'laravel_database_laravel_cache_' }

test('claims follow from identify', () => {
  const strategy = laravelSession({
    ...given,
    identify: (session, userId) => {
      expectTypeOf(session).toEqualTypeOf<PhpRecord>()
      return { subject: userId, claims: { org: 'acme' } }
    },
  })
  expectTypeOf(strategy).toEqualTypeOf<Strategy<Identity<'laravel-session', { org: string }>>>()
})

test('without identify there are none', () => {
  expectTypeOf(laravelSession(given)).toEqualTypeOf<
    Strategy<Identity<'laravel-session', Readonly<Record<string, never>>>>
  >()
})

test('redis, appKey and prefix are required', () => {
  // @ts-expect-error the prefix is missing
  laravelSession({ redis: given.redis, appKey: '' })
})
