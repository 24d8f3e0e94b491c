import fc from 'fast-check'
import { compileRoomPattern } from 'portcullis'
import { describe, expect, it } from 'vitest'
import { isRoomName } from '../../src/core/room-pattern.ts'
import { anyText, crowd, runs } from './runs.ts'

const SEPARATORS = [':', '.', '/']
const LETTERS = [...'abcXYZ019_-=@,;']

const literal = fc.string({ unit: fc.constantFrom(...LETTERS, ...SEPARATORS), minLength: 1, maxLength: 6 })
const value = fc.string({ unit: fc.constantFrom(...LETTERS), minLength: 1, maxLength: 8 })

interface Piece {
  readonly literal: string
  readonly value: string
}

/** Literals and values in turn: the pattern has a parameter for each value, the room the value itself. */
const pieces = fc
  .tuple(
    fc.array(fc.record({ literal, value, separator: fc.constantFrom(...SEPARATORS) }), { minLength: 1, maxLength: 5 }),
    fc.option(fc.tuple(fc.constantFrom(...SEPARATORS), literal), { nil: undefined }),
  )
  .map(([all, last]) => ({
    // A parameter reaches up to the next separator, so each literal after the first begins with one.
    pieces: all.map((one, i): Piece => ({ ...one, literal: i === 0 ? one.literal : one.separator + one.literal })),
    last: last === undefined ? '' : last.join(''),
  }))
  .filter(({ pieces: all }) => !all[0]?.literal.startsWith('auth:'))

/** What the documentation says a pattern means, in another language: linear here, since nothing in it is ambiguous. */
function reference(pattern: string): RegExp {
  const source = pattern.replaceAll(/\{(\w+)\}|[^{}]/g, (part, name) =>
    name === undefined ? part.replace(/[.*+?^$()|[\]\\/-]/g, '\\$&') : `(?<${name}>[^:./]+)`,
  )
  return new RegExp(`^${source}$`, 's')
}

describe('D12: a room pattern', () => {
  it('gives back the parameters that a name was made of', () => {
    fc.assert(
      fc.property(pieces, ({ pieces: all, last }) => {
        const pattern = all.map((piece, i) => `${piece.literal}{p${i}}`).join('') + last
        const room = all.map((piece) => piece.literal + piece.value).join('') + last
        const params = compileRoomPattern(pattern).match(room)
        expect(params && { ...params }).toEqual(Object.fromEntries(all.map((piece, i) => [`p${i}`, piece.value])))
      }),
      runs(300),
    )
  })

  it('matches what the reference matches, with the same parameters', () => {
    const short = (units: readonly string[]) => fc.string({ unit: fc.constantFrom(...units), maxLength: 8 })
    const pattern = fc
      .array(fc.oneof(fc.constantFrom('{a}', '{b}', ':', '.', '/'), short(['a', 'b', ':', '.', '/', '-'])), {
        maxLength: 6,
      })
      .map((parts) => parts.join(''))
    const room = fc.oneof({ weight: 4, arbitrary: short(['a', 'b', 'c', ':', '.', '/', '-']) }, anyText(6))
    let compared = 0
    fc.assert(
      fc.property(pattern, fc.array(room, { minLength: 6, maxLength: 6 }), (source, rooms) => {
        const compiled = attempt(() => compileRoomPattern(source))
        if (compiled === null) return
        const expected = reference(source)
        // Names that differ little from one that matches say more than names that have nothing in common with it.
        const near = source.replaceAll(/\{\w+\}/g, 'ab')
        for (const name of [...rooms, near, `${near}:`, near.slice(1), near.replace('ab', 'a.b'), `${near}\n`]) {
          const groups = expected.exec(name)
          const params = compiled.match(name)
          expect(params && { ...params }).toEqual(groups && { ...groups.groups })
          compared += 1
        }
      }),
      runs(150),
    )
    expect(compared).toBeGreaterThan(400)
  })

  it('never puts a separator into a parameter, nor anything into a prototype', () => {
    const source = fc.constantFrom('org:{org}', 'org:{org}:room:{id}', '{a}.{b}/{c}', 'user-{id}', '{__proto__}:x')
    const room = fc.string({ unit: fc.constantFrom(...'orgumse-:./', '__proto__', 'x'), maxLength: 24 })
    fc.assert(
      fc.property(source, room, (pattern, name) => {
        const params = compileRoomPattern(pattern).match(name)
        if (params === null) return
        expect(Object.getPrototypeOf(params)).toBeNull()
        for (const found of Object.values(params)) {
          expect(found).not.toBe('')
          expect(SEPARATORS.some((separator) => found.includes(separator))).toBe(false)
        }
        // What was found, put into the pattern again, is the name: nothing was skipped and nothing read twice.
        expect(pattern.replaceAll(/\{(\w+)\}/g, (_, parameter) => params[parameter] ?? '')).toBe(name)
      }),
      runs(300, { examples: [['{__proto__}:x', '__proto__:x']] }),
    )
  })

  it('is compiled, or refused with a TypeError that quotes it', () => {
    const unit = fc.constantFrom('{', '}', 'a', 'b', ':', '.', '/', '*', ' ', 'é', '\\', '(', '__proto__', 'auth:')
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit, maxLength: 12 }), anyText()), (source) => {
        try {
          expect(compileRoomPattern(source).source).toBe(source)
        } catch (error) {
          expect(error).toBeInstanceOf(TypeError)
          expect((error as Error).message).toContain(JSON.stringify(source))
        }
      }),
      runs(300),
    )
  })

  it('reads a hostile name of 100 KB in less than 1 ms, and twice the name in about twice the time', {
    retry: 3,
  }, () => {
    const patterns = ['a{x}', 'a{x}:b{y}:c{z}', '{a}.{b}.{c}.{d}', 'aaaa{x}:a'].map(compileRoomPattern)
    const hostile = fc.string({ unit: fc.constantFrom('a', 'b', ':', '.'), minLength: 1, maxLength: 5 })
    const fastest = (name: string) =>
      Math.min(
        ...Array.from({ length: 5 }, () => {
          const started = performance.now()
          for (const pattern of patterns) pattern.match(name)
          return (performance.now() - started) / patterns.length
        }),
      )
    for (let i = 0; i < 50; i += 1) fastest('a'.repeat(10_000))
    fc.assert(
      fc.property(hostile, (unit) => {
        const name = (length: number) => unit.repeat(Math.ceil(length / unit.length)).slice(0, length)
        const ms = fastest(name(100_000))
        expect(ms).toBeLessThan(crowd())
        expect(fastest(name(200_000))).toBeLessThan(Math.max(0.2, ms * 6) * crowd())
        expect(isRoomName(name(100_000))).toBe(false)
      }),
      runs(25, { examples: [['a'], ['a:'], ['a.']] }),
    )
  })
})

function attempt<Made>(make: () => Made): Made | null {
  try {
    return make()
  } catch {
    return null
  }
}
