import { describe, expect, it } from 'vitest'
import { asDecision, deny, permit, permitIf } from '../../src/core/decision.ts'
import { CODES } from '../../src/errors.ts'

const PERMIT = { effect: 'permit', expiresAt: null }
const FORBIDDEN = { effect: 'deny', code: 'AUTH_FORBIDDEN' }

describe('permit', () => {
  it('has no end of its own, unless it is given one', () => {
    expect(permit()).toEqual(PERMIT)
    expect(permit({ expiresAt: null })).toEqual(PERMIT)
    expect(permit({ expiresAt: 0 })).toEqual({ effect: 'permit', expiresAt: 0 })
    expect(permit({ expiresAt: 12.5 })).toEqual({ effect: 'permit', expiresAt: 12.5 })
  })
})

describe('deny', () => {
  it('says AUTH_FORBIDDEN, unless it is given another code', () => {
    expect(deny()).toEqual(FORBIDDEN)
    expect(deny('AUTH_FORBIDDEN')).toEqual(FORBIDDEN)
    for (const code of Object.keys(CODES) as (keyof typeof CODES)[])
      expect(deny(code)).toEqual({ effect: 'deny', code })
  })
})

describe('permitIf', () => {
  it('permits for true, and for nothing that is merely truthy', () => {
    expect(permitIf(true)).toEqual(PERMIT)
    for (const other of [false, 1, 'true', {}, [], Promise.resolve(true), new Boolean(true), null, undefined])
      expect(permitIf(other as boolean)).toEqual(FORBIDDEN)
  })
})

it('no decision can be changed into another', () => {
  for (const decision of [permit(), permit({ expiresAt: 1 }), deny(), deny('AUTH_EXPIRED'), permitIf(true)])
    expect(Object.isFrozen(decision)).toBe(true)
})

describe('asDecision', () => {
  it.each([
    [permit()],
    [deny()],
    [permit({ expiresAt: 5 })],
    [deny('AUTH_REVOKED')],
    [{ effect: 'permit', expiresAt: null }],
    [{ effect: 'permit', expiresAt: -1.5 }],
    [{ effect: 'deny', code: 'AUTH_FORBIDDEN' }],
  ])('takes %j as it is', (value) => expect(asDecision(value)).toBe(value))

  it.each([
    [undefined],
    [null],
    [true],
    [false],
    [1],
    ['permit'],
    ['deny'],
    [() => permit()],
    [[]],
    [{}],
    [{ expiresAt: null }],
    [{ code: 'AUTH_FORBIDDEN' }],
    [{ effect: true, expiresAt: null, code: 'AUTH_FORBIDDEN' }],
    [{ effect: 'allow', expiresAt: null }],
    [{ effect: '', expiresAt: null, code: 'AUTH_FORBIDDEN' }],
    [{ effect: 'permit' }],
    [{ effect: 'permit', expiresAt: undefined }],
    [{ effect: 'permit', expiresAt: '5' }],
    [{ effect: 'permit', expiresAt: true }],
    [{ effect: 'permit', expiresAt: Number.NaN }],
    [{ effect: 'permit', expiresAt: Number.POSITIVE_INFINITY }],
    [{ effect: 'deny' }],
    [{ effect: 'deny', code: null }],
    [{ effect: 'deny', code: 'forbidden' }],
    [{ effect: 'deny', code: 'toString' }],
    [{ effect: 'deny', code: ['AUTH_FORBIDDEN'] }],
  ])('takes %j for no decision', (value) => expect(asDecision(value)).toBe(null))

  it.each([
    [{ effect: 'permit', expiresAt: null }, {}],
    [{ expiresAt: null }, { effect: 'permit' }],
    [{ code: 'AUTH_FORBIDDEN' }, { effect: 'deny' }],
  ])('takes nothing from a prototype: %j beneath %j', (prototype, own) => {
    expect(asDecision(Object.assign(Object.create(prototype), own))).toBe(null)
  })
})
