import { describe, expect, it } from 'vitest'
import { compileRoomPattern, isRoomName } from '../../src/core/room-pattern.ts'

describe('room pattern', () => {
  it.each([
    ['org:{org}', 'org:acme', { org: 'acme' }],
    ['organization.{id}', 'organization.42', { id: '42' }],
    ['org:{org}:room:{id}', 'org:acme:room:7', { org: 'acme', id: '7' }],
    ['user-{id}', 'user-a-b', { id: 'a-b' }],
    ['{org}:news', 'acme:news', { org: 'acme' }],
    ['lobby', 'lobby', {}],
    ['org:{org}', 'org:', null],
    ['org:{org}', 'org:a:b', null],
    ['org:{org}', 'org:a.b', null],
    ['org:{org}', 'org:a/b', null],
    ['org:{org}', 'xorg:a', null],
    ['org:{org}:room', 'org:a:rooms', null],
    ['lobby', 'lobby2', null],
    ['lobby', 'Lobby', null],
  ])('%s on %s gives %j', (pattern, room, params) => {
    const match = compileRoomPattern(pattern).match(room)
    expect(match && { ...match }).toEqual(params)
  })

  it('gives parameters without a prototype', () => {
    const params = compileRoomPattern('org:{org}').match('org:__proto__')
    expect(Object.getPrototypeOf(params)).toBe(null)
    expect(params?.org).toBe('__proto__')
  })

  it.each([
    ['', 'must be a non-empty string'],
    [5, 'must be a non-empty string'],
    [['org:{a}'], 'must be a non-empty string'],
    ['{id}', 'needs literal text besides its {parameter}'],
    ['{a}{b}', 'has two {parameters} with nothing between them'],
    ['org:{a}{b}', 'has two {parameters} with nothing between them'],
    ['org:{a', 'has a { without }'],
    ['org:{', 'has a { without }'],
    ['org:{}', 'has a parameter "" that is not a name'],
    ['org:{1a}', 'has a parameter "1a" that is not a name'],
    ['org:{a-b}', 'has a parameter "a-b" that is not a name'],
    ['org:{a b}', 'has a parameter "a b" that is not a name'],
    ['org:{{a}}', 'has a parameter "{a" that is not a name'],
    ['org:{a}x', 'needs one of : . / after a {parameter}'],
    ['org:{a}-{b}', 'needs one of : . / after a {parameter}'],
    ['org:{a}:{a}', 'uses the parameter "a" twice'],
    ['org:*', 'may only contain letters, digits and _ - = @ , . ; : / outside of {parameters}'],
    ['org: {a}', 'may only contain letters, digits'],
    ['org:é', 'may only contain letters, digits'],
    ['org}', 'may only contain letters, digits'],
    ['auth:{a}', 'starts with the reserved "auth:"'],
    ['auth:', 'starts with the reserved "auth:"'],
    ['auth:a', 'starts with the reserved "auth:"'],
  ])('refuses the pattern %j with a TypeError that quotes it and says that it %s', (pattern, why) => {
    const compile = () => compileRoomPattern(pattern as string)
    expect(compile).toThrow(TypeError)
    expect(compile).toThrow(`room pattern ${JSON.stringify(pattern)} ${why}`)
  })

  it('takes parameters first and last, and the word auth elsewhere', () => {
    expect({ ...compileRoomPattern('{a}:{b}.{c}/d').match('1:2.3/d') }).toEqual({ a: '1', b: '2', c: '3' })
    expect({ ...compileRoomPattern('{a}:auth:').match('x:auth:') }).toEqual({ a: 'x' })
    expect(compileRoomPattern('org.auth:').match('org.auth:')).not.toBe(null)
    expect(compileRoomPattern('org:{a}').source).toBe('org:{a}')
  })

  it.each([
    ['a', true],
    ['A-Z_a-z=0.9@x,y;z:/', true],
    ['a'.repeat(200), true],
    ['a'.repeat(201), false],
    ['', false],
    ['auth:x', false],
    ['a b', false],
    ['a\n', false],
    ['\u212A', false],
    [1, false],
    [null, false],
  ])('takes %j for a room name: %s', (name, expected) => {
    expect(isRoomName(name)).toBe(expected)
  })
})
