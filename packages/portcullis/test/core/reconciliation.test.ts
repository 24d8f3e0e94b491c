import { describe, expect, it } from 'vitest'
import { readTarget } from '../../src/core/reconciliation.ts'

describe('readTarget', () => {
  it.each([
    [
      { issuer: 'i', subject: 's' },
      { issuer: 'i', subject: 's' },
    ],
    [{ room: 'r' }, { room: 'r', namespace: null }],
    [
      { room: 'r', namespace: '/a' },
      { room: 'r', namespace: '/a' },
    ],
    [
      { room: 'r', namespace: null },
      { room: 'r', namespace: null },
    ],
    [{ everyone: true }, { everyone: true }],
  ])('takes %j for %j', (target, body) => expect(readTarget(target)).toEqual(body))

  it.each([
    [null],
    [undefined],
    ['everyone'],
    [{}],
    [[]],
    [{ everyone: false }],
    [{ everyone: 1 }],
    [{ everyone: true, room: 'r' }],
    [{ room: '' }],
    [{ room: 1 }],
    [{ room: 'r', namespace: '' }],
    [{ room: 'r', namespace: 1 }],
    [{ room: '', namespace: '/a' }],
    [{ namespace: '/a' }],
    [{ subject: 's' }],
    [{ issuer: 'i' }],
    [{ issuer: '', subject: 's' }],
    [{ issuer: 'i', subject: '' }],
    [{ issuer: 1, subject: 's' }],
    [{ issuer: 'i', subject: null }],
    [{ issuer: 'i', subject: 's', everyone: true }],
  ])('takes %j for no target', (target) => expect(readTarget(target)).toBe(null))
})
