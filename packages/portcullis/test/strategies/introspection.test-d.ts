import type { Identity, Strategy } from 'portcullis'
import {
  type IntrospectionClaims,
  type IntrospectionStrategy,
  introspection,
} from 'portcullis/strategies/introspection'
import { expectTypeOf, test } from 'vitest'
import * as z from 'zod'

const required = { endpoint: 'https://login.example/introspect', clientId: 'chat', issuer: 'i', audience: 'a' } as const
const options = { ...required, clientSecret: 's' } as const
const clientKey = { kty: 'EC', alg: 'ES256', d: 'x' } as const

test('without a schema the claims are scope and client_id', () => {
  const strategy = introspection(options)
  expectTypeOf(strategy).toEqualTypeOf<IntrospectionStrategy<Identity<'introspection', IntrospectionClaims>>>()
  expectTypeOf(strategy).toExtend<Strategy<Identity<'introspection', { readonly scope: string }>>>()
  expectTypeOf(strategy.purge).toEqualTypeOf<() => void>()
})

test('claims are inferred from the schema, and the scheme is the one that is named', () => {
  const claims = z.object({ org: z.string(), level: z.coerce.number() })
  const strategy = introspection({ ...options, scheme: 'oauth', claims })
  expectTypeOf(strategy).toEqualTypeOf<IntrospectionStrategy<Identity<'oauth', { org: string; level: number }>>>()
})

test('a secret or a key is there, as the way of authentication wants it', () => {
  introspection({ ...options, clientAuthentication: 'client_secret_post' })
  introspection({ ...required, clientAuthentication: 'private_key_jwt', clientKey })
  // @ts-expect-error: neither a secret nor a key
  introspection(required)
  // @ts-expect-error: a secret is not the key
  introspection({ ...options, clientAuthentication: 'private_key_jwt' })
  // @ts-expect-error: a key without the way to use it
  introspection({ ...required, clientKey })
  // @ts-expect-error: the key must name its algorithm
  introspection({ ...required, clientAuthentication: 'private_key_jwt', clientKey: { kty: 'EC', d: 'x' } })
})

test('an audience is not a list, and an unknown option does not compile', () => {
  // @ts-expect-error: one audience
  introspection({ ...options, audience: ['a', 'b'] })
  // @ts-expect-error: no such option
  introspection({ ...options, allowRefreshTokens: true })
})
