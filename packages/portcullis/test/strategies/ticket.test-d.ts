import type { Identity, Strategy } from 'portcullis'
import { anonymous } from 'portcullis/strategies/anonymous'
import { memoryTicketStore, ticketStoreOfRedis, tickets } from 'portcullis/strategies/ticket'
import { createClient } from 'redis'
import { expectTypeOf, test } from 'vitest'

test('the claims of a ticket are those of its strategy', () => {
  const { issue, strategy } = tickets<{ org: string }>({ store: memoryTicketStore() })
  expectTypeOf(strategy).toEqualTypeOf<Strategy<Identity<'ticket', { org: string }>>>()
  issue({ subject: 'u1', claims: { org: 'acme' } })
  // @ts-expect-error: no claims
  issue({ subject: 'u1' })
  // @ts-expect-error: other claims
  issue({ subject: 'u1', claims: { org: 7 } })
})

test('without a type argument there are no claims', () => {
  tickets({ store: memoryTicketStore() }).issue({ subject: 'u1' })
})

test('a client of node-redis fits', () => {
  ticketStoreOfRedis(createClient())
})

test('a visitor is told from a user by its scheme', () => {
  expectTypeOf(anonymous()).toEqualTypeOf<Strategy<Identity<'anonymous', Readonly<Record<string, never>>>>>()
})
