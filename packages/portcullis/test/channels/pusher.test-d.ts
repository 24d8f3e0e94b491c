import express from 'express'
import { permit } from 'portcullis'
import { type PusherUser, pusherAuthEndpoint, pusherRule, pusherSigner } from 'portcullis/channels/pusher'
import { expectTypeOf, test } from 'vitest'

const signer = pusherSigner({ keys: [{ key: 'k', secret: 'a secret of twenty bytes' }], ttlSeconds: 60 })

test('the endpoint fits Express, and both callbacks get its request', () => {
  express().post(
    ['/pusher/auth', '/pusher/user-auth'],
    pusherAuthEndpoint({
      signer,
      authorize: (request: express.Request, channel) => {
        expectTypeOf(channel).toEqualTypeOf<string>()
        return request.secure ? permit() : { user_id: 7 }
      },
      identify: async (request): Promise<PusherUser | null> => {
        expectTypeOf(request).toEqualTypeOf<express.Request>()
        return null
      },
    }),
  )
  // @ts-expect-error: a decision is no user
  pusherAuthEndpoint({ signer, authorize: () => permit(), identify: () => permit() })
  // @ts-expect-error: never a boolean
  pusherAuthEndpoint({ signer, authorize: () => true })
})

test('a rule is made of a signer alone', () => {
  pusherRule(signer)
  // @ts-expect-error: no signer
  pusherRule({ keys: [] })
})
