import { describe, expect, it } from 'vitest'
import { checkedSubject, type LoginSubject, loginAuthentication } from '../../src/strategies/identified.ts'
import { verdict } from './refusal.ts'

const NOW = 1_800_000_000
const terms = {
  scheme: 'session',
  issuer: 'i',
  leaseSeconds: 60,
  maxLifetimeSeconds: 600,
  clock: { now: () => NOW * 1000 },
}

describe('checkedSubject', () => {
  it('fills in what may be left out', () => {
    expect(checkedSubject({ subject: 's' }, NOW)).toEqual({ subject: 's', issuedAt: 0, claims: {} })
    expect(checkedSubject({ subject: 's', issuedAt: 5, claims: { a: 1 } }, NOW)).toEqual({
      subject: 's',
      issuedAt: 5,
      claims: { a: 1 },
    })
    expect(checkedSubject({ subject: 's', claims: null }, NOW).claims).toBe(null)
  })

  it('takes a login up to a minute ahead for one of now, which a revocation of now covers', () => {
    expect(checkedSubject({ subject: 's', issuedAt: NOW - 1 }, NOW).issuedAt).toBe(NOW - 1)
    expect(checkedSubject({ subject: 's', issuedAt: NOW + 60 }, NOW).issuedAt).toBe(NOW)
  })

  it.each([
    [{}],
    [{ subject: '' }],
    [{ subject: 5 }],
    [{ subject: null }],
    [{ subject: 's', issuedAt: -1 }],
    [{ subject: 's', issuedAt: NOW + 60.001 }],
    [{ subject: 's', issuedAt: '5' }],
    [{ subject: 's', issuedAt: null }],
    [{ subject: 's', issuedAt: Number.NaN }],
    [Object.create({ subject: 's' })],
  ])('answers AUTH_ERROR to %j', (found) => {
    expect(verdict(() => checkedSubject(found, NOW))).toBe('AUTH_ERROR identify_answer_malformed')
  })
})

describe('loginAuthentication', () => {
  const of = (found: LoginSubject, sessionEnd?: number) => loginAuthentication(found, 'sid', terms, sessionEnd)

  it('ends with the lease, the session or the longest life of a login, whichever is first', () => {
    expect(of({ subject: 's' }).lease).toMatchObject({ issuedAt: 0, expiresAt: NOW + 60 })
    expect(of({ subject: 's' }, NOW + 59).lease.expiresAt).toBe(NOW + 59)
    expect(of({ subject: 's', issuedAt: NOW - 550 }).lease.expiresAt).toBe(NOW + 50)
    expect(of({ subject: 's', issuedAt: NOW - 100 }).lease.expiresAt).toBe(NOW + 60)
  })

  it('answers AUTH_EXPIRED from the second on in which a login is too old', () => {
    expect(of({ subject: 's', issuedAt: NOW - 599 }).lease.expiresAt).toBe(NOW + 1)
    expect(verdict(() => of({ subject: 's', issuedAt: NOW - 600 }))).toBe('AUTH_EXPIRED max_lifetime')
  })

  it('says whose it is, and is revoked by the session; the id of the lease does not tell that', () => {
    const { identity, lease, revocableBy } = of({ subject: 's', claims: { a: 1 } })
    expect(identity).toEqual({ scheme: 'session', issuer: 'i', subject: 's', claims: { a: 1 } })
    expect(revocableBy).toEqual([{ session: 'sid' }])
    expect(lease.id).toMatch(/^[\w-]{22}$/)
    expect(lease.id).toBe(of({ subject: 'other' }).lease.id)
    expect(lease.id).not.toBe(loginAuthentication({ subject: 's' }, 'another', terms).lease.id)
    // `printf lease:sid | openssl sha256 -binary | basenc --base64url | cut -c 1-22`
    expect(lease.id).toBe('mHAG7NMlLDNXcVFxY8JZTC')
  })
})
