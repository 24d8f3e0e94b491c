import { createAuth, type Identity, type StandardSchemaV1, type Strategy } from 'portcullis'
import {
  type HandledEvent,
  type HookDecisionAnswer,
  type HookItem,
  httpHooks,
  type VerifiedHookRequest,
  verifyHookRequest,
} from 'portcullis/hooks/http'
import type { Namespace } from 'socket.io'
import { expectTypeOf, test } from 'vitest'

const hooks = httpHooks({ url: 'https://app.example/hooks', secret: 'whsec_' })

test('claims and scheme are inferred', () => {
  expectTypeOf(hooks.connect({ issuer: 'app' })).toEqualTypeOf<
    Strategy<Identity<'hook', Readonly<Record<string, unknown>>>>
  >()
  const claims = {} as StandardSchemaV1<unknown, { org: string }>
  const typed = hooks.connect({ issuer: 'app', claims, scheme: 'php' })
  expectTypeOf(typed).toEqualTypeOf<Strategy<Identity<'php', { org: string }>>>()
})

test('rules and memberships stand in any policy', () => {
  const claims = {} as StandardSchemaV1<unknown, { org: string }>
  const auth = createAuth({ origins: [], strategies: [hooks.connect({ issuer: 'app', claims })] })
  const namespace = {} as Namespace<{ say: (text: string, ack: (answer: string) => void) => void }>
  auth.protect(namespace, {
    events: { say: hooks.event },
    rooms: { 'organization:{id}': hooks.join },
    memberships: hooks.memberships,
  })
})

test('url and secret are required, and an answer cannot be made larger', () => {
  // @ts-expect-error: a request that is not signed could come from anyone
  httpHooks({ url: 'https://app.example/hooks' })
  // @ts-expect-error: no such option
  httpHooks({ url: '', secret: '', maxBodyBytes: 10_000_000 })
  // @ts-expect-error: nobody's subjects
  hooks.connect({})
})

test('a decision permits or denies, with a code of a rule', () => {
  expectTypeOf<{ id: string; permit: true; expiresAt: number }>().toExtend<HookDecisionAnswer>()
  expectTypeOf<{ id: string; permit: 'true' }>().not.toExtend<HookDecisionAnswer>()
  expectTypeOf<{ id: string; permit: false; code: 'AUTH_REVOKED' }>().not.toExtend<HookDecisionAnswer>()
})

test('verifying gives the items by their type, or null', () => {
  expectTypeOf(verifyHookRequest('', {}, '')).toEqualTypeOf<VerifiedHookRequest | null>()
  expectTypeOf<Extract<HookItem, { type: 'join' }>['room']>().toEqualTypeOf<string>()
  expectTypeOf(hooks.handle).returns.resolves.toEqualTypeOf<HandledEvent>()
})
