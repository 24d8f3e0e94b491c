import { describe, expect, it } from 'vitest'
import { MAX_JSON_DEPTH, own, parseStrictJson } from '../../src/strategies/strict-json.ts'
import { fastestMs } from './jwt-fixtures.ts'

const parse = (text: string) => parseStrictJson(Buffer.from(text))
const nested = (depth: number) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`

describe('parseStrictJson', () => {
  it('gives what JSON.parse gives for an object', () => {
    const text = '{ "a" : [1, {"a":"x:{}[]\\"\\\\"}, "y"],\n\t"b":{"a":null,"\\u00e9":true}, "c:":"\\u007b" }'
    expect(parse(text)).toEqual(JSON.parse(text))
  })

  it.each(['[1]', 'null', '"x"', '1', 'true', '', ' ', '{', '{}x', '{}{}', "{'a':1}", '{"a":1,}', '{"a":NaN}', '\0{}'])(
    'J17: refuses %j, which is not one JSON object',
    (text) => expect(parse(text)).toBeNull(),
  )

  it('J17: refuses a byte order mark', () => {
    expect(parseStrictJson(Buffer.from([0xef, 0xbb, 0xbf, 0x7b, 0x7d]))).toBeNull()
  })

  it.each([[[0x80]], [[0xc0, 0xaf]], [[0xed, 0xa0, 0x80]], [[0xf8, 0x88, 0x80, 0x80, 0x80]], [[0xc3]]])(
    'J17: refuses the invalid UTF-8 %j',
    (bytes) => {
      expect(parseStrictJson(Buffer.concat([Buffer.from('{"a":"'), Buffer.from(bytes), Buffer.from('"}')]))).toBeNull()
    },
  )

  it.each([
    '{"sub":"a","sub":"b"}',
    '{"sub":"a","\\u0073ub":"b"}',
    '{"a":{"b":1,"c":2,"b":3}}',
    '{"a":[{"b":1},{"b":1,"b":2}]}',
    '{"":1,"":2}',
    '{"__proto__":1,"__proto__":2}',
    '{"a":1,"b":{"a":2},"a":3}',
    '{"a\\"":1,"a\\u0022":2}',
  ])('J18: refuses a name given twice: %s', (text) => expect(parse(text)).toBeNull())

  it.each(['{"a":{"a":{"a":1}}}', '{"a":[{"a":1},{"a":2}]}', '{"a":"b","b":"a"}', '{"a":1,"A":2}', '{"a":"a\\":1"}'])(
    'J18: takes equal names in different objects and equal values: %s',
    (text) => expect(parse(text)).toEqual(JSON.parse(text)),
  )

  it('bounds depth, and counts siblings once', () => {
    expect(parse(nested(MAX_JSON_DEPTH))).not.toBeNull()
    expect(parse(nested(MAX_JSON_DEPTH + 1))).toBeNull()
    expect(parse(`{"a":${'['.repeat(MAX_JSON_DEPTH)}${']'.repeat(MAX_JSON_DEPTH)}}`)).toBeNull()
    expect(parse(`{"a":[${'[],'.repeat(1000)}[]]}`)).not.toBeNull()
  })

  it('J17: refuses 20,000 levels without a RangeError', () => {
    expect(parse(nested(20_000))).toBeNull()
    expect(parse(`{"a":${'['.repeat(20_000)}${']'.repeat(20_000)}}`)).toBeNull()
    expect(parse(`{"a":${'['.repeat(20_000)}`)).toBeNull()
  })

  it.each([
    ['quotes and backslashes', `{"${'\\"'.repeat(3000)}`],
    ['names', `{${Array.from({ length: 900 }, (_, i) => `"n${i}":1`).join(',')}}`],
    ['one long string', `{"a":"${'x'.repeat(6000)}"}`],
    ['braces', '{'.repeat(6000)],
  ])('takes less than 5 ms for 6 KB of %s', (_what, text) => {
    expect(fastestMs(() => parse(text))).toBeLessThan(5)
  })

  it('J26: leaves out __proto__ at every depth and keeps constructor', () => {
    const value = parse('{"__proto__":{"role":"admin"},"a":{"\\u005f_proto__":{"role":"admin"},"b":1},"constructor":2}')
    expect(Object.keys(value ?? {})).toEqual(['a', 'constructor'])
    expect(Object.assign({}, value, value?.a)).toEqual({ a: { b: 1 }, b: 1, constructor: 2 })
    expect(Object.assign({}, value)).not.toHaveProperty('role')
    expect({}).not.toHaveProperty('role')
  })
})

describe('own', () => {
  it('sees own members only', () => {
    expect(own({ a: 1 }, 'a')).toBe(1)
    expect(own({}, 'toString')).toBeUndefined()
    expect(own({}, '__proto__')).toBeUndefined()
  })
})
