import { Redis } from 'ioredis'
import type { Identity, Strategy } from 'portcullis'
import { type PhpRecord, type PhpValue, phpSession, phpUserId } from 'portcullis/strategies/php-session'
import { createClient } from 'redis'
import { expectTypeOf, test } from 'vitest'

const redis = createClient()

test('a client of node-redis or ioredis fits as it is', () => {
  phpSession({ redis, identify: () => null })
  phpSession({ redis: new Redis({ lazyConnect: true }), identify: () => null })
})

test('claims follow from identify, and the scheme from the option', () => {
  const strategy = phpSession({
    redis,
    scheme: 'legacy-site',
    identify: ({ user_id }) => ({ subject: phpUserId(user_id) ?? 'x', claims: { org: 'acme' } }),
  })
  expectTypeOf(strategy).toEqualTypeOf<Strategy<Identity<'legacy-site', { org: string }>>>()
})

test('a session is a record of what PHP can hold', () => {
  phpSession({
    redis,
    identify: (session) => {
      expectTypeOf(session).toEqualTypeOf<PhpRecord>()
      expectTypeOf(session.user_id).toEqualTypeOf<PhpValue | undefined>()
      return null
    },
  })
})

test('redis and identify are required', () => {
  // @ts-expect-error identify is missing
  phpSession({ redis })
  // @ts-expect-error a store of express-session is none
  phpSession({ redis: { get: () => null }, identify: () => null })
})
