import type { ExpiringNotice, RefreshReply, Refusal } from 'portcullis'
import { type ClosedNotice, type RefusedNotice, withAuth } from 'portcullis/client'
import type { Socket } from 'socket.io-client'
import { expectTypeOf, test } from 'vitest'

declare const plain: Socket
declare const typed: Socket<
  { news: (text: string) => void },
  { send: (text: string, reply: (id: number) => void) => void }
>

test('a typed socket is accepted as a plain one is', () => {
  withAuth(plain, { credential: () => null })
  withAuth(typed, { credential: async () => 'token' })
  withAuth(typed, { credential: () => ({ ticket: 't' }) })
})

test('credential receives the refusal to cure, or null', () => {
  withAuth(plain, {
    credential(refused) {
      expectTypeOf(refused).toEqualTypeOf<Refusal | null>()
      return null
    },
  })
  // @ts-expect-error a credential that may be undefined is a mistake, "none" is null
  withAuth(plain, { credential: () => undefined })
  // @ts-expect-error a token given once would be stale at the next connection
  withAuth(plain, { credential: 'token' })
})

test('each event has its own value', () => {
  const auth = withAuth(plain, { credential: () => null })
  auth.on('refused', (notice) => expectTypeOf(notice).toEqualTypeOf<RefusedNotice>())
  auth.on('closed', (notice) => expectTypeOf(notice).toEqualTypeOf<ClosedNotice>())
  auth.on('denied', (notice) => expectTypeOf(notice.event).toEqualTypeOf<string>())
  auth.on('denied', ({ willRetry }) => expectTypeOf(willRetry).toEqualTypeOf<boolean | undefined>())
  auth.on('expiring', (notice) => expectTypeOf(notice).toEqualTypeOf<ExpiringNotice>())
  auth.on('refreshed', (reply) => expectTypeOf(reply).toEqualTypeOf<RefreshReply>())
  auth.on('joined', ({ rooms }) => expectTypeOf(rooms).toEqualTypeOf<readonly string[]>())
  expectTypeOf(auth.refresh()).toEqualTypeOf<Promise<RefreshReply>>()
  auth.on('left', (notice) => expectTypeOf(notice.room).toEqualTypeOf<string>())
  // @ts-expect-error there is no such event
  auth.on('expired', () => {})
})
