import { describe, expect, it } from 'vitest'
import { isDate, isName, namesAudience } from '../../src/strategies/registered-claims.ts'

describe('registered claims', () => {
  it.each<[unknown, boolean]>([
    ['api', true],
    [['api'], true],
    [['web', 'api'], true],
    ['web', false],
    ['apis', false],
    ['', false],
    [[], false],
    [['web'], false],
    [['api', 1], false],
    [['api', null], false],
    [[['api']], false],
    [undefined, false],
    [null, false],
    [{ api: true }, false],
  ])('namesAudience(%j) is %s', (value, expected) => expect(namesAudience(value, 'api')).toBe(expected))

  it.each<[unknown, boolean]>([
    ['a', true],
    ['x'.repeat(256), true],
    ['x'.repeat(257), false],
    ['', false],
    ['with space, é and 😀', true],
    ['a\n', false],
    ['a\u0000b', false],
    ['\u007f', false],
    ['\ud800', false],
    [1, false],
    [null, false],
    [['a'], false],
  ])('isName(%j) is %s', (value, expected) => expect(isName(value)).toBe(expected))

  it.each<[unknown, boolean]>([
    [0, true],
    [1.5, true],
    [-0.001, false],
    [Number.POSITIVE_INFINITY, false],
    [Number.NaN, false],
    ['1', false],
    [null, false],
    [undefined, false],
  ])('isDate(%j) is %s', (value, expected) => expect(isDate(value)).toBe(expected))
})
