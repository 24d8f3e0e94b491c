import { describe, expect, it } from 'vitest'
import { MAX_JSON_DEPTH, own, parseStrictJson } from '../../src/strategies/strict-json.ts'

const parse = (text: string) => parseStrictJson(Buffer.from(text))

describe('parseStrictJson', () => {
  it.each([
    '{}',
    ' { "a" : [1, {"a":"x:{}[]\\"\\\\"}, "y"],\n\t"b":{"a":null,"\\u00e9":true}, "c:":"\\u007b" }',
    '{"a":{"a":{"a":1}}}',
    '{"a":[{"a":1},{"a":2}]}',
    '{"a":"b","b":"a"}',
    '{"a":1,"A":2}',
    '{"a":"a\\":1"}',
    '{"a\\\\":1,"a":2}',
    '{"constructor":2}',
  ])('gives what JSON.parse gives: %s', (text) => expect(parse(text)).toEqual(JSON.parse(text)))

  it.each(['[1]', '[]', 'null', '"x"', '1', 'true', '', '{', '{}x', '{}{}', "{'a':1}", '{"a":1,}', '\ufeff{}'])(
    'refuses %j, which is not one JSON object',
    (text) => expect(parse(text)).toBe(null),
  )

  it('refuses what is not UTF-8', () => {
    expect(parseStrictJson(Buffer.from([0x7b, 0x22, 0x80, 0x22, 0x3a, 0x31, 0x7d]))).toBe(null)
  })

  it.each([
    '{"sub":"a","sub":"b"}',
    '{"sub":"a","\\u0073ub":"b"}',
    '{"a":{"b":1,"c":2,"b":3}}',
    '{"a":[{"b":1},{"b":1,"b":2}]}',
    '{"":1,"":2}',
    '{"__proto__":1,"__proto__":2}',
    '{"a":1,"b":{"a":2},"a":3}',
    '{"a":1,"b":[1,[2]],"a":3}',
  ])('refuses a name given twice: %s', (text) => expect(parse(text)).toBe(null))

  it('bounds depth, and counts siblings once', () => {
    const nested = (depth: number) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`
    const listed = (depth: number) => `{"a":${'['.repeat(depth - 1)}${']'.repeat(depth - 1)}}`
    expect(MAX_JSON_DEPTH).toBe(16)
    for (const text of [nested, listed]) expect([parse(text(16)) === null, parse(text(17))]).toEqual([false, null])
    expect(parse(`{"a":[${'[],'.repeat(100)}{},{}]}`)).not.toBe(null)
  })

  it('leaves out __proto__ at every depth', () => {
    const value = parse('{"__proto__":{"role":"admin"},"a":{"\\u005f_proto__":{"role":"admin"},"b":1}}')
    expect(Object.keys(value ?? {})).toEqual(['a'])
    expect(Object.keys(value?.a as object)).toEqual(['b'])
    expect(value).not.toHaveProperty('role')
    expect(Object.keys(parse('{"__proto__":{"role":"admin"}}') ?? { no: 'object' })).toEqual([])
  })
})

it('own sees own members only', () => {
  expect(own({ a: 1 }, 'a')).toBe(1)
  expect([own({}, 'toString'), own(Object.create({ a: 1 }), 'a')]).toEqual([undefined, undefined])
})
