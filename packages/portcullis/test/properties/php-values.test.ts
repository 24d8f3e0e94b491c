import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodePhpSerialized } from '../../src/php/serialized.ts'
import { PhpFormatError, PhpObject } from '../../src/php/values.ts'
import { decodePhpSession, PHP_HANDLERS } from '../../src/strategies/php-session-formats.ts'
import { runs } from './runs.ts'

/** A value, the bytes in which PHP writes it (latin1, so that one character is one byte), and what it is read as. */
interface Written {
  readonly bytes: string
  readonly read: unknown
}

const latin1 = (text: string) => Buffer.from(text).toString('latin1')
const quoted = (bytes: string) => `${bytes.length}:"${bytes}"`

const scalar: fc.Arbitrary<Written> = fc.oneof(
  fc.constant({ bytes: 'N;', read: null }),
  fc.boolean().map((read) => ({ bytes: `b:${read ? 1 : 0};`, read })),
  fc.maxSafeInteger().map((read) => ({ bytes: `i:${read};`, read: read === 0 ? 0 : read })),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((big) => ({
    bytes: `i:${big};`,
    read: Number.isSafeInteger(Number(big)) ? Number(big) : big,
  })),
  fc.double({ noNaN: false }).map((read) => ({ bytes: `d:${phpFloat(read)};`, read })),
  fc.string({ unit: 'grapheme' }).map((read) => ({ bytes: `s:${quoted(latin1(read))};`, read })),
  fc.uint8Array().map((content) => {
    const text = Buffer.from(content).toString('utf8')
    const isText = Buffer.from(text).equals(Buffer.from(content))
    return { bytes: `s:${quoted(Buffer.from(content).toString('latin1'))};`, read: isText ? text : content }
  }),
)

const name = fc.oneof(
  fc.constantFrom('id', '__proto__', 'constructor', 'a|b', '";i:1;', 'é'),
  fc.string({ unit: 'grapheme', maxLength: 6 }),
)

const { value } = fc.letrec<{ value: Written }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    { weight: 3, arbitrary: scalar },
    fc.array(tie('value'), { maxLength: 5 }).map((members) => ({
      bytes: `a:${members.length}:{${members.map(({ bytes }, i) => `i:${i};${bytes}`).join('')}}`,
      read: members.map(({ read }) => read),
    })),
    fc
      .uniqueArray(fc.tuple(name, tie('value')), { minLength: 1, maxLength: 5, selector: ([key]) => key })
      .map((all) => ({
        bytes: `a:${all.length}:{${all.map(([key, { bytes }]) => `s:${quoted(latin1(key))};${bytes}`).join('')}}`,
        read: record(all),
      })),
    // With integers for keys, which make a list only as 0, 1, 2 … in this order.
    fc
      .uniqueArray(fc.tuple(fc.integer({ min: -1, max: 4 }), tie('value')), { maxLength: 4, selector: ([key]) => key })
      .map((all) => ({
        bytes: `a:${all.length}:{${all.map(([key, { bytes }]) => `i:${key};${bytes}`).join('')}}`,
        read: all.every(([key], i) => key === i)
          ? all.map(([, { read }]) => read)
          : record(all.map(([key, one]) => [String(key), one])),
      })),
    fc.uniqueArray(fc.tuple(name, tie('value')), { maxLength: 4, selector: ([key]) => key }).map((all) => {
      const named = all.filter(([key]) => !key.startsWith('\0'))
      const properties = named.map(([key, { bytes }], i) => {
        const full = ['', '\0*\0', '\0App\\User\0'][i % 3] + latin1(key)
        return `s:${quoted(full)};${bytes}`
      })
      return {
        bytes: `O:${quoted('App\\User')}:${named.length}:{${properties.join('')}}`,
        read: new PhpObject('App\\User', record(named) as never),
      }
    }),
  ),
}))

describe('P02: bytes of PHP', () => {
  it('give back the value that was written', () => {
    fc.assert(
      fc.property(value, ({ bytes, read }) => {
        expect(plain(decodePhpSerialized(Buffer.from(bytes, 'latin1')))).toStrictEqual(plain(read))
      }),
      runs(400),
    )
  })

  it('give back the variables of a session, whichever of the three handlers wrote it', () => {
    const variable = fc.string({ unit: fc.constantFrom(...'abcdefXYZ_19'), minLength: 1, maxLength: 20 })
    const session = fc.uniqueArray(fc.tuple(variable, value), { minLength: 1, maxLength: 4, selector: ([key]) => key })
    fc.assert(
      fc.property(fc.constantFrom(...PHP_HANDLERS), session, (handler, variables) => {
        const bytes = Buffer.from(writers[handler](variables), 'latin1')
        const decoded = decodePhpSession(bytes, handler)
        // What another handler may have written as well is not read; it is said whose it may be.
        if (decoded.session === null) expect(decoded.other).not.toBeNull()
        else expect(plain(decoded.session)).toStrictEqual(plain(record(variables)))
      }),
      runs(200),
    )
  })

  it('are refused with PhpFormatError when they are anything else, and with nothing else', () => {
    const mutated = fc
      .tuple(value, fc.array(fc.tuple(fc.nat(), fc.nat(4), fc.uint8Array({ maxLength: 4 })), { maxLength: 3 }))
      .map(([{ bytes }, edits]) =>
        edits.reduce(
          (buffer, [at, cut, put]) => {
            const place = at % (buffer.length + 1)
            return Buffer.concat([buffer.subarray(0, place), put, buffer.subarray(place + cut)])
          },
          Buffer.from(bytes, 'latin1'),
        ),
      )
    const grammar = fc
      .array(
        fc.constantFrom(...['a', 'O', 's', 'i', 'R', 'r', 'C', 'E', ':', ';', '{', '}', '"', '1', '2', '9', '|']),
        {
          maxLength: 40,
        },
      )
      .map((parts) => Buffer.from(parts.join('')))
    const input = fc.oneof(mutated, grammar, fc.uint8Array({ maxLength: 60 }))
    fc.assert(
      fc.property(input, (bytes) => {
        try {
          decodePhpSerialized(bytes)
        } catch (error) {
          if (!(error instanceof PhpFormatError)) throw error
        }
        for (const handler of PHP_HANDLERS) decodePhpSession(bytes, handler)
      }),
      runs<[Uint8Array]>(800, {
        examples: [[Buffer.from('a:1:{i:0;R:1;}')], [Buffer.from('r:1;')], [Buffer.from('a:9999999:{')]],
      }),
    )
  })
})

type Variables = readonly (readonly [string, Written])[]

const writers = {
  php: (all: Variables) => all.map(([key, { bytes }]) => `${key}|${bytes}`).join(''),
  php_serialize: (all: Variables) =>
    `a:${all.length}:{${all.map(([key, { bytes }]) => `s:${quoted(key)};${bytes}`).join('')}}`,
  php_binary: (all: Variables) => all.map(([key, { bytes }]) => String.fromCharCode(key.length) + key + bytes).join(''),
}

/** As PHP prints a float: `serialize_precision` of -1 gives what JavaScript gives, in other letters. */
function phpFloat(number: number): string {
  if (Number.isNaN(number)) return 'NAN'
  if (!Number.isFinite(number)) return number > 0 ? 'INF' : '-INF'
  if (Object.is(number, -0)) return '-0'
  const [digits = '', exponent] = String(number).split('e')
  return exponent === undefined ? digits : `${digits.includes('.') ? digits : `${digits}.0`}E${exponent}`
}

function record(all: Variables): object {
  const made: Record<string, unknown> = Object.create(null)
  for (const [key, { read }] of all) made[key] = read
  return made
}

/** Comparable: objects by class and entries, since a record has no prototype at every depth. */
function plain(read: unknown): unknown {
  if (read instanceof PhpObject) return ['object', read.className, plain(read.properties)]
  if (read instanceof Uint8Array) return ['bytes', ...read]
  if (Array.isArray(read)) return ['list', ...read.map(plain)]
  if (typeof read === 'object' && read !== null) {
    return ['record', ...Object.entries(read).map(([key, member]) => [key, plain(member)])]
  }
  return read
}
