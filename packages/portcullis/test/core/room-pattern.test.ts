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

  it('D12: matches a hostile name in linear time', { retry: 3 }, () => {
    const pattern = compileRoomPattern('a{x}:b{y}:c{z}')
    const started = performance.now()
    expect(pattern.match(`a${'a'.repeat(100_000)}`)).toBe(null)
    expect(performance.now() - started).toBeLessThan(100)
  })

  it.each([
    '',
    '{id}',
    '{a}{b}',
    'org:{a',
    'org:{}',
    'org:{1a}',
    'org:{a}x',
    'org:{a}:{a}',
    'org:*',
    'org: {a}',
    'auth:{a}',
    'org:é',
  ])('refuses the pattern %j with a TypeError that quotes it', (pattern) => {
    expect(() => compileRoomPattern(pattern)).toThrow(TypeError)
    expect(() => compileRoomPattern(pattern)).toThrow(JSON.stringify(pattern))
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
