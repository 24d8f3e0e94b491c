import { describe, expect, it } from 'vitest'
import { deny, permit } from '../../src/core/decision.ts'
import { type Request, requireScope, type ScopedIdentity } from '../../src/core/policy.ts'

const asking = (claims: unknown) =>
  ({
    identity: { scheme: 'jwt', issuer: 'i', subject: 's', claims },
    lease: { id: 'l', issuedAt: 0, expiresAt: null },
    namespace: '/',
  }) as Request<ScopedIdentity>
const DENIED = deny('AUTH_INSUFFICIENT_SCOPE')

describe('requireScope', () => {
  it.each([
    [['a'], 'a'],
    [['a'], 'b a c'],
    [['a', 'c'], 'a b c'],
    [['a'], ['a']],
    [
      ['a', 'b'],
      ['b', 1, 'a'],
    ],
    [['chat:read'], 'chat:read'],
    [['!#[]~'], '!#[]~'],
  ])('permits with every scope named: %j of %j', (scopes, scope) => {
    expect(requireScope(...(scopes as [string]))(asking({ scope }))).toEqual(permit())
  })

  it.each<[string[], unknown]>([
    [['a'], { scope: '' }],
    [['a'], { scope: 'b' }],
    [['a'], { scope: 'ab' }],
    [['a'], { scope: 'A' }],
    [['chat:read'], { scope: 'chat:*' }],
    [['a', 'b'], { scope: 'a' }],
    [['a', 'b'], { scope: ['a'] }],
    [['a'], { scope: 'b,a' }],
    [['a'], { scope: 'b\ta' }],
    [['a'], { scope: ['a b'] }],
    [['a'], { scope: [['a']] }],
    [['a'], { scope: { a: true } }],
    [['a'], { scope: null }],
    [['a'], {}],
    [['a'], null],
    [['a'], undefined],
    [['a'], 'a'],
    [['a'], Object.create({ scope: 'a' })],
  ])('denies %j with AUTH_INSUFFICIENT_SCOPE to claims %j', (scopes, claims) => {
    expect(requireScope(...(scopes as [string]))(asking(claims))).toEqual(DENIED)
  })

  it.each([
    [Array.from({ length: 257 }, (_, i) => `s${i}`)],
    [Array.from({ length: 257 }, (_, i) => `s${i}`).join(' ')],
  ])('looks at 256 scopes, and at no more', (scope) => {
    const claims = { scope }
    expect(requireScope('s255')(asking(claims))).toEqual(permit())
    expect(requireScope('s256')(asking(claims))).toEqual(DENIED)
  })

  it('reads the scopes of one identity once, whichever rules ask', () => {
    let reads = 0
    const claims = {
      get scope() {
        reads += 1
        return 'a b'
      },
    }
    const asked = asking(claims)
    expect([requireScope('a')(asked), requireScope('b')(asked), requireScope('c')(asked)]).toEqual([
      permit(),
      permit(),
      DENIED,
    ])
    expect(reads).toBe(1)
  })

  it.each([[''], ['a b'], ['"'], ['\\'], ['é'], ['a\n'], [' a'], [1], [null], [['a']]])(
    'refuses the scope %j at the start',
    (scope) => {
      const make = () => requireScope('ok', scope as string)
      expect(make).toThrow(TypeError)
      expect(make).toThrow(`requireScope: ${JSON.stringify(scope)} is not a scope token (RFC 6749 section 3.3)`)
    },
  )
})
