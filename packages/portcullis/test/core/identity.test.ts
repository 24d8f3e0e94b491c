import { describe, expect, it } from 'vitest'
import { freezeIdentity, type Identity, isSamePrincipal } from '../../src/core/identity.ts'

const alice: Identity = { scheme: 'jwt', issuer: 'https://a.example', subject: 'alice', claims: { role: 'user' } }

describe('isSamePrincipal', () => {
  it('goes by issuer and subject together, and by nothing else', () => {
    expect(isSamePrincipal(alice, { ...alice, scheme: 'session', claims: {} })).toBe(true)
    expect(isSamePrincipal(alice, { ...alice, issuer: 'https://b.example' })).toBe(false)
    expect(isSamePrincipal(alice, { ...alice, subject: 'bob' })).toBe(false)
  })
})

describe('freezeIdentity', () => {
  it('copies the four fields, and nothing that a strategy left beside them', () => {
    const given = { ...alice, token: 'secret' }
    const frozen = freezeIdentity(given)
    expect(frozen).toEqual(alice)
    expect(frozen).not.toBe(given)
    expect([Object.isFrozen(frozen), Object.isFrozen(frozen.claims)]).toEqual([true, true])
  })

  it.each([[null], [undefined], ['text'], [7]])('takes claims that are no object as they are: %j', (claims) => {
    expect(freezeIdentity({ ...alice, claims })).toEqual({ ...alice, claims })
  })
})
