import { generateKeyPairSync } from 'node:crypto'
import type { JWK } from 'jose'
import type { Identity, IdentityOf, Strategy } from 'portcullis'
import { type JwtClaims, type JwtStrategy, jwt } from 'portcullis/strategies/jwt'
import { expectTypeOf, test } from 'vitest'
import { z } from 'zod'

const keys = 'https://login.example/.well-known/jwks.json'
const base = { issuer: 'https://login.example', audience: 'chat', keys }

test('claims follow from the schema, without a type argument', () => {
  const strategy = jwt({ ...base, claims: z.object({ org: z.string(), scope: z.string() }) })
  expectTypeOf(strategy).toEqualTypeOf<JwtStrategy<Identity<'jwt', { org: string; scope: string }>>>()
  expectTypeOf<IdentityOf<typeof strategy>['claims']['org']>().toEqualTypeOf<string>()
})

test('claims are what the schema puts out, not what it takes', () => {
  const claims = z.object({ scope: z.string().transform((scope) => scope.split(' ')), age: z.coerce.number() })
  const strategy = jwt({ ...base, claims })
  expectTypeOf<IdentityOf<typeof strategy>['claims']>().toEqualTypeOf<{ scope: string[]; age: number }>()
})

test('claims of a union stay a union', () => {
  const strategy = jwt({
    ...base,
    claims: z.union([z.object({ org: z.string() }), z.object({ bot: z.literal(true) })]),
  })
  expectTypeOf<IdentityOf<typeof strategy>['claims']>().toEqualTypeOf<{ org: string } | { bot: true }>()
})

test('without a schema every claim is unknown', () => {
  const strategy = jwt(base)
  expectTypeOf(strategy).toEqualTypeOf<JwtStrategy<Identity<'jwt', JwtClaims>>>()
  expectTypeOf<IdentityOf<typeof strategy>['claims']['anything']>().toEqualTypeOf<unknown>()
})

test('the scheme is kept as a literal', () => {
  const strategy = jwt({ ...base, scheme: 'partner', claims: z.object({ org: z.string() }) })
  expectTypeOf(strategy).toEqualTypeOf<JwtStrategy<Identity<'partner', { org: string }>>>()
})

test('several strategies make a union that the scheme tells apart', () => {
  const strategies = [
    jwt({ ...base, claims: z.object({ org: z.string() }) }),
    jwt({ ...base, scheme: 'partner' }),
  ] as const
  type Known = IdentityOf<(typeof strategies)[number]>
  expectTypeOf<Extract<Known, { scheme: 'jwt' }>['claims']>().toEqualTypeOf<{ org: string }>()
  expectTypeOf<Extract<Known, { scheme: 'partner' }>['claims']>().toEqualTypeOf<JwtClaims>()
})

test('keys may be what Node, WebCrypto and jose call a key', () => {
  const { publicKey } = generateKeyPairSync('ed25519')
  const jwk: JWK = { kty: 'oct', k: 'x' }
  const given = [publicKey, new Uint8Array(32), Buffer.alloc(32), jwk, { keys: [jwk] }, {} as CryptoKey]
  expectTypeOf(jwt).toBeCallableWith({ ...base, keys: given })
  expectTypeOf(jwt).toBeCallableWith({ ...base, keys: new URL(keys) })
  expectTypeOf(jwt).toBeCallableWith({ ...base, keys: publicKey.export({ format: 'jwk' }) as JWK })
})

test('what is missing, unknown or no algorithm does not compile', () => {
  // @ts-expect-error no audience
  jwt({ issuer: 'x', keys })
  // @ts-expect-error not an option
  jwt({ ...base, ignoreExpiration: true })
  // @ts-expect-error no algorithm
  jwt({ ...base, algorithms: ['none'] })
  // @ts-expect-error no schema
  jwt({ ...base, claims: (payload: unknown) => payload })
})

test('is a strategy like any other, with purge', () => {
  const strategy = jwt({ ...base, claims: z.object({ org: z.string() }) })
  expectTypeOf(strategy).toExtend<Strategy<Identity<'jwt', { org: string }>>>()
  expectTypeOf(strategy.purge).toEqualTypeOf<() => void>()
})

test('of several issuers infers scheme and claims as of one', () => {
  const issuers = { 'https://a.example': { keys }, 'https://b.example': { keys, audience: 'partners' } }
  const strategy = jwt({ issuers, audience: 'chat', scheme: 'both', claims: z.object({ org: z.string() }) })
  expectTypeOf(strategy).toEqualTypeOf<JwtStrategy<Identity<'both', { org: string }>>>()
  expectTypeOf(jwt({ issuers })).toEqualTypeOf<JwtStrategy<Identity<'jwt', JwtClaims>>>()
})

test('one issuer and several do not mix', () => {
  const issuers = { 'https://a.example': { keys } }
  // @ts-expect-error issuer and issuers
  jwt({ issuer: 'https://a.example', audience: 'chat', issuers })
  // @ts-expect-error keys and issuers
  jwt({ audience: 'chat', keys, issuers })
  // @ts-expect-error an entry without keys
  jwt({ audience: 'chat', issuers: { 'https://a.example': {} } })
  // @ts-expect-error no option of an entry
  jwt({ audience: 'chat', issuers: { 'https://a.example': { keys, leewaySeconds: 1 } } })
  // @ts-expect-error no profile
  jwt({ ...base, profile: 'id_token' })
  expectTypeOf(jwt).toBeCallableWith({ ...base, profile: 'at+jwt' })
})
