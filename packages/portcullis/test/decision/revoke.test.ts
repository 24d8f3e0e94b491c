/** What is revoked, and what a refused HTTP request is told. */

import { describe, expect, it } from 'vitest'
import type { RevocationKey } from '../../src/core/revocation.ts'
import {
  type DisconnectOptions,
  disconnectEntry,
  type RevokeOptions,
  requireKey,
  revokeEntry,
} from '../../src/server/revoke.ts'

const NOW = 1_800_000_000
const KEY = { issuer: 'i', subject: 's' }
const revoke = (options: unknown = {}, key: unknown = KEY) =>
  revokeEntry(key as RevocationKey, options as RevokeOptions, NOW, 3_600)
const disconnect = (options: unknown = {}, ...until: number[]) =>
  disconnectEntry(KEY, options as DisconnectOptions, NOW, ...until)

describe('a revocation that is asked for', () => {
  it('covers what was issued until now, for as long as any credential lives', () => {
    expect(revoke()).toEqual({
      id: expect.stringMatching(/^[\w-]{22}$/),
      at: NOW,
      name: 'subject:["i","s"]',
      issuedBefore: NOW,
      expiresAt: NOW + 3_600,
      effect: 'revoke',
      exceptSocket: null,
      graceMs: 0,
    })
    expect(revoke().id).not.toBe(revoke().id)
  })

  it('is as it is asked for', () => {
    const options = { issuedBefore: 5, until: NOW + 9, graceMs: 3_600_000, exceptSocket: 'socket', timeoutMs: 1 }
    expect(revoke(options)).toMatchObject({
      issuedBefore: 5,
      expiresAt: NOW + 9,
      graceMs: 3_600_000,
      exceptSocket: 'socket',
    })
    expect(revoke({ timeoutMs: 2 ** 31 - 1 })).toMatchObject({ effect: 'revoke' })
  })

  it.each<[Record<string, unknown>, string]>([
    [{ issuedBefore: '5' }, '"issuedBefore" must be a number of epoch seconds'],
    [{ issuedBefore: Number.NaN }, '"issuedBefore" must be a number of epoch seconds'],
    [{ until: Number.POSITIVE_INFINITY }, '"until" must be a number of epoch seconds'],
    [{ graceMs: -1 }, '"graceMs" must be a number of milliseconds from 0 to 3600000'],
    [{ graceMs: 3_600_001 }, '"graceMs" must be a number of milliseconds from 0 to 3600000'],
    [{ graceMs: Number.NaN }, '"graceMs" must be a number of milliseconds from 0 to 3600000'],
    [{ exceptSocket: '' }, '"exceptSocket" must be the id of a socket'],
    [{ exceptSocket: 5 }, '"exceptSocket" must be the id of a socket'],
    [{ timeoutMs: 0 }, '"timeoutMs" must be a number of milliseconds above 0 and below 2^31'],
    [{ timeoutMs: 2 ** 31 }, '"timeoutMs" must be a number of milliseconds above 0 and below 2^31'],
    [{ timeoutMs: Number.NaN }, '"timeoutMs" must be a number of milliseconds above 0 and below 2^31'],
  ])('is refused with %j', (options, message) => {
    expect(() => revoke(options)).toThrow(TypeError)
    expect(() => revoke(options)).toThrow(message)
    if ('exceptSocket' in options || 'timeoutMs' in options) expect(() => disconnect(options)).toThrow(message)
  })

  it('as a disconnection leaves credentials as they are, and is history in a minute', () => {
    expect(disconnect()).toEqual({
      id: expect.any(String),
      at: NOW,
      name: 'subject:["i","s"]',
      issuedBefore: NOW,
      expiresAt: NOW + 60,
      effect: 'disconnect',
      exceptSocket: null,
      graceMs: 0,
    })
    expect(disconnect({ exceptSocket: 'socket' }, NOW - 5)).toMatchObject({
      issuedBefore: NOW - 5,
      exceptSocket: 'socket',
    })
  })

  it.each([[{ issuer: 'i', subject: 's' }], [{ session: 'x'.repeat(1_024) }], [{ tokenId: 't' }], [{ tag: 't' }]])(
    'has the key %j',
    (key) => {
      expect(() => requireKey(key)).not.toThrow()
      expect(revoke({}, key).effect).toBe('revoke')
    },
  )

  it.each([
    [undefined],
    [null],
    ['alice'],
    [{}],
    [[]],
    [{ subject: 's' }],
    [{ issuer: 'i' }],
    [{ issuer: 'i', subject: '' }],
    [{ issuer: '', subject: 's' }],
    [{ issuer: 'i', subject: 5 }],
    [{ session: '' }],
    [{ session: 'x'.repeat(1_025) }],
    [{ tokenId: null }],
    [{ tag: 't', session: 's' }],
    [{ user: 'u' }],
    [{ issuer: 'i', subject: 's', tag: 't' }],
  ])('has no key in %j', (key) => {
    const message =
      'revoke: the key must be { issuer, subject }, { session }, { tokenId } or { tag }, of strings of 1 to 1,024 characters'
    expect(() => requireKey(key)).toThrow(message)
    expect(() => revokeEntry(key as RevocationKey, {}, NOW, 3_600)).toThrow(message)
    expect(() => disconnectEntry(key as RevocationKey, {}, NOW)).toThrow(message)
  })
})
