import { describe, expect, it } from 'vitest'
import { MAX_SKEW_SECONDS, readEntry, writeEntry } from '../../src/core/log-entry.ts'
import type { Revocation } from '../../src/core/revocation.ts'

const NOW = 1_800_000_000
const entry: Revocation = {
  id: 'e1',
  at: NOW,
  name: 'subject:["i","s"]',
  issuedBefore: NOW,
  expiresAt: NOW + 60,
  effect: 'revoke',
  exceptSocket: null,
  graceMs: 0,
}
const written = (fields: Record<string, unknown>) => JSON.stringify({ v: 1, ...entry, ...fields })

describe('an entry of the log', () => {
  it.each<[string, Revocation]>([
    ['a revocation', entry],
    ['a disconnection', { ...entry, effect: 'disconnect', exceptSocket: 'socket', graceMs: 5 }],
    ['one of an hour ago', { ...entry, at: NOW - 3_600 }],
    ['one that another clock has dated a minute ahead', { ...entry, at: NOW + MAX_SKEW_SECONDS }],
    ['one of negative times', { ...entry, issuedBefore: -1, expiresAt: -1, at: -1 }],
  ])('reads as it was written: %s', (_what, revocation) => {
    expect(readEntry(writeEntry(revocation), NOW)).toEqual({ entry: revocation, fault: null })
  })

  it('takes nobody as excepted, and no grace, where an older node has not written them', () => {
    const { exceptSocket: _none, graceMs: _zero, ...older } = entry
    expect(readEntry(JSON.stringify({ v: 1, ...older }), NOW).entry).toEqual(entry)
  })

  it('keeps no member that it does not know', () => {
    expect(readEntry(written({ more: 1 }), NOW).entry).toEqual(entry)
  })

  it('is not believed when it is dated more than a minute ahead', () => {
    expect(MAX_SKEW_SECONDS).toBe(60)
    expect(readEntry(writeEntry({ ...entry, at: NOW + 60.001 }), NOW)).toEqual({ entry: null, fault: 'future' })
  })

  it.each([[0], [2], ['1'], [undefined], [null]])('is of another version with v %j', (v) => {
    expect(readEntry(written({ v }), NOW)).toEqual({ entry: null, fault: 'version' })
  })

  it.each([[''], ['{'], ['null'], ['[]'], ['"text"'], ['1']])('is malformed as %j', (text) => {
    expect(readEntry(text, NOW)).toEqual({ entry: null, fault: 'malformed' })
  })

  it.each([
    [{ id: '' }],
    [{ id: 1 }],
    [{ name: '' }],
    [{ name: null }],
    [{ issuedBefore: '1' }],
    [{ issuedBefore: null }],
    [{ expiresAt: null }],
    [{ expiresAt: true }],
    [{ at: null }],
    [{ at: '5' }],
    [{ effect: 'permit' }],
    [{ effect: undefined }],
    [{ exceptSocket: '' }],
    [{ exceptSocket: 5 }],
    [{ graceMs: -1 }],
    [{ graceMs: '5' }],
    [{ graceMs: null }],
  ])('is malformed with %j', (wrong) => {
    expect(readEntry(written(wrong), NOW)).toEqual({ entry: null, fault: 'malformed' })
  })

  it('is malformed with a number that JSON can spell and no clock can show', () => {
    expect(readEntry(written({}).replace(`"expiresAt":${NOW + 60}`, '"expiresAt":1e999'), NOW).fault).toBe('malformed')
  })
})
