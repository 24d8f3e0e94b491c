import { describe, expect, it } from 'vitest'
import { credentialSources, knownOptions, positive, systemClock, text, wholeMatch } from '../../src/option-checks.ts'
import { fromAuth } from '../../src/strategies/from.ts'

describe('checks of options', () => {
  it('name the first option that is not known', () => {
    const known = new Set(['a', 'b'])
    expect(() => knownOptions({ a: 1, b: undefined }, known, 'make')).not.toThrow()
    expect(() => knownOptions({}, known, 'make')).not.toThrow()
    expect(() => knownOptions({ a: 1, c: 1, d: 1 }, known, 'make')).toThrow('"c" is not an option of make()')
  })

  it('take a text that is not empty', () => {
    expect(text('x', 'issuer')).toBe('x')
    for (const value of ['', 1, null, undefined, ['x']])
      expect(() => text(value, 'issuer')).toThrow('"issuer" must be a non-empty string')
  })

  it('take a number above 0 up to a limit, the limit included', () => {
    expect(positive(0.001, 's')).toBe(0.001)
    expect(positive(Number.MAX_SAFE_INTEGER, 's')).toBe(Number.MAX_SAFE_INTEGER)
    expect(positive(5, 's', 5)).toBe(5)
    for (const value of [0, -1, 5.1, Number.NaN, Number.POSITIVE_INFINITY, '5', null, undefined, [1]])
      expect(() => positive(value, 's', 5)).toThrow('"s" must be a number above 0 and at most 5')
    expect(() => positive(2 ** 53, 's')).toThrow('"s" must be a number above 0')
  })

  it('take sources as a frozen copy', () => {
    const given = [fromAuth()]
    const sources = credentialSources(given)
    expect(sources).toEqual(given)
    expect(sources).not.toBe(given)
    expect(Object.isFrozen(sources)).toBe(true)
    for (const value of [[], null, 'auth', {}, [null], [fromAuth(), {}], [fromAuth(), { read: true }], { length: 1 }])
      expect(() => credentialSources(value as typeof given)).toThrow(
        '"from" must be a non-empty array of credential sources',
      )
  })

  it('match a pattern as a whole, however it is written', () => {
    const isId = wholeMatch(/a|bc/i, 'pattern')
    expect(['a', 'A', 'bc', 'ab', 'xa', 'abc', '', 'a\n'].map(isId)).toEqual([
      true,
      true,
      true,
      false,
      false,
      false,
      false,
      false,
    ])
    for (const pattern of [/a/g, /a/y, /a/m, /a/gi, 'a', null])
      expect(() => wholeMatch(pattern as RegExp, 'pattern')).toThrow(
        '"pattern" must be a RegExp without the flags g, m and y',
      )
  })

  it('go by the clock of the system, unless they are given another', async () => {
    const before = Date.now()
    expect(systemClock.now()).toBeGreaterThanOrEqual(before)
    expect(systemClock.now()).toBeLessThan(before + 60_000)
    const fired: string[] = []
    const cancel = systemClock.setTimer(() => fired.push('cancelled'), 0)
    cancel()
    await new Promise<void>((resolve) => {
      systemClock.setTimer(resolve, 1)
    })
    expect(fired).toEqual([])
  })
})
