import { type Auth, type Identity, permit, permitIf } from 'portcullis'
import type { Namespace } from 'socket.io'
import { describe, expectTypeOf, it } from 'vitest'

interface Events {
  say: (text: string) => void
}
type Who = Identity<'jwt', { readonly org: string }>

declare const auth: Auth<Who>
declare const chat: Namespace<Events>
const onDifference = () => {}

describe('types of a second policy', () => {
  it('it is held to the same events and identities as the first, with rooms of its own', () => {
    const said = auth.protect(
      chat,
      { events: { say: () => permit() }, rooms: { 'org:{org}': ({ params }) => permitIf(params.org === 'x') } },
      {
        shadow: {
          policy: {
            events: { say: () => permit() },
            rooms: { 'team:{team}': ({ identity, params }) => permitIf(identity.claims.org === params.team) },
          },
          onDifference: ({ enforced, shadow }) => expectTypeOf(enforced).toEqualTypeOf(shadow),
        },
      },
    )
    expectTypeOf(said.sockets.get('')?.data.identity).toEqualTypeOf<Who | undefined>()
    auth.shadow(chat, { policy: { events: { say: () => permit() } }, onDifference })
    // @ts-expect-error: an event without a rule
    auth.shadow(chat, { policy: { events: {} }, onDifference })
    // @ts-expect-error: nobody would hear of differences
    auth.shadow(chat, { policy: { events: { say: () => permit() } } })
  })
})
