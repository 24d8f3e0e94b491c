/** PHP's `serialize()` format, read as plain data from bytes that may be hostile. */

import { bareName, nameOf, PhpFormatError, PhpObject, type PhpValue, recordOf, stringOf } from './values.ts'

/** More bytes than this are refused. */
export const MAX_PHP_BYTES = 1_048_576
/** Deeper nesting is refused. */
const MAX_DEPTH = 64
/** All values of one reading together; what a reference points to counts again wherever it stands. */
const MAX_NODES = 10_000

/** Reads one value after another. References may point to any value that this reader has read. */
export interface PhpReader {
  readonly position: number
  readonly atEnd: boolean
  /** The next value. @throws PhpFormatError */
  value(): PhpValue
  /** The bytes up to the next `separator`, which is skipped. @throws PhpFormatError when it does not come */
  until(separator: number): Uint8Array
  /** The next `length` bytes. @throws PhpFormatError when there are fewer */
  take(length: number): Uint8Array
}

/** What a reference can point to. `nodes` is null while the value is not finished: pointing there would be a cycle. */
interface Slot {
  value: PhpValue
  nodes: number | null
}

const INTEGER = /^(?:0|-?[1-9]\d{0,18})$/
const FLOAT = /^(?:-?(?:(?:0|[1-9]\d*)(?:\.\d+)?(?:E[+-]?\d+)?|INF)|NAN)$/
const LENGTH = /^(?:0|[1-9]\d{0,6})$/
const MAX_INT64 = 2n ** 63n
/** No number that PHP writes is longer. */
const MAX_NUMBER_LENGTH = 64

const [COLON, SEMICOLON, QUOTE, OPEN, CLOSE] = [0x3a, 0x3b, 0x22, 0x7b, 0x7d]

/**
 * The one value that `bytes` spell, all of them.
 *
 * @throws PhpFormatError when they are anything else, or exceed 1 MiB, a depth of 64 or 10,000 values
 */
export function decodePhpSerialized(bytes: Uint8Array): PhpValue {
  const reader = createPhpReader(bytes)
  const value = reader.value()
  if (!reader.atEnd) throw new PhpFormatError('bytes follow the value')
  return value
}

/** @throws PhpFormatError for more than 1 MiB */
export function createPhpReader(bytes: Uint8Array): PhpReader {
  if (bytes.length > MAX_PHP_BYTES) throw new PhpFormatError('too many bytes')
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let position = 0
  let nodes = 0
  let depth = 0
  // PHP counts from 1, every value but a reference `R:`; keys are not counted.
  const slots: Slot[] = []
  /** How many of them have PHP's number for certain. */
  let numbered = Number.POSITIVE_INFINITY

  function count(more: number): void {
    nodes += more
    if (nodes > MAX_NODES) throw new PhpFormatError('too many values')
  }

  function take(length: number): Uint8Array {
    if (length > bytes.length - position) throw new PhpFormatError('the bytes end early')
    position += length
    return bytes.subarray(position - length, position)
  }

  function until(separator: number): Uint8Array {
    const end = bytes.indexOf(separator, position)
    if (end === -1) throw new PhpFormatError('the bytes end early')
    const found = bytes.subarray(position, end)
    position = end + 1
    return found
  }

  function expect(byte: number): void {
    if (bytes[position] !== byte) throw new PhpFormatError('a byte stands where PHP writes another')
    position += 1
  }

  /** The characters up to `separator`, which are few in everything that PHP writes. */
  function word(separator: number): string {
    let end = position
    while (bytes[end] !== separator) {
      end += 1
      if (end - position > MAX_NUMBER_LENGTH || end >= bytes.length) throw new PhpFormatError('a number is malformed')
    }
    const text = buffer.toString('latin1', position, end)
    position = end + 1
    return text
  }

  function length(separator: number): number {
    const digits = word(separator)
    if (!LENGTH.test(digits)) throw new PhpFormatError('a length is malformed')
    return Number(digits)
  }

  /** `5:"alice"`: lengths are bytes, and what stands between the quotes is never looked into. */
  function quoted(): Uint8Array {
    const size = length(COLON)
    expect(QUOTE)
    const content = take(size)
    expect(QUOTE)
    return content
  }

  function value(): PhpValue {
    const type = bytes[position]
    position += 1
    if (type === 0x52 || type === 0x72) return reference(type === 0x52)
    const slot: Slot = { value: null, nodes: null }
    slots.push(slot)
    const before = nodes
    count(1)
    slot.value = ofType(type)
    slot.nodes = nodes - before
    return slot.value
  }

  function ofType(type: number | undefined): PhpValue {
    if (type === 0x4e) {
      expect(SEMICOLON)
      return null
    }
    expect(COLON)
    switch (type) {
      case 0x62:
        return boolean()
      case 0x69:
        return integer()
      case 0x64:
        return float()
      case 0x73: {
        const content = quoted()
        expect(SEMICOLON)
        return stringOf(content)
      }
      case 0x61:
        return array()
      case 0x4f:
        return object()
      case 0x45:
        return enumCase()
      case 0x43:
        return opaque()
      default:
        throw new PhpFormatError('a type is unknown')
    }
  }

  function boolean(): boolean {
    const digit = word(SEMICOLON)
    if (digit !== '0' && digit !== '1') throw new PhpFormatError('a boolean is malformed')
    return digit === '1'
  }

  function integer(): number | bigint {
    const digits = word(SEMICOLON)
    if (!INTEGER.test(digits)) throw new PhpFormatError('an integer is malformed')
    const number = Number(digits)
    if (Number.isSafeInteger(number)) return number
    const exact = BigInt(digits)
    if (exact >= MAX_INT64 || exact < -MAX_INT64) throw new PhpFormatError('an integer is out of range')
    return exact
  }

  function float(): number {
    const digits = word(SEMICOLON)
    if (!FLOAT.test(digits)) throw new PhpFormatError('a float is malformed')
    return Number(digits.replace('INF', 'Infinity'))
  }

  function array(): PhpValue {
    const entries = members(length(COLON), key)
    const isList = entries.every(([name], i) => name === i)
    if (isList) return Object.freeze(entries.map(([, member]) => member))
    return recordOf(entries, 'last')
  }

  function object(): PhpObject {
    const className = nameOf(quoted())
    expect(COLON)
    const properties = members(length(COLON), () => bareName(key()))
    return new PhpObject(className, recordOf(properties, 'first'))
  }

  function enumCase(): PhpObject {
    const [className, name, ...rest] = nameOf(quoted()).split(':')
    expect(SEMICOLON)
    if (!className || !name || rest.length > 0) throw new PhpFormatError('an enum case is malformed')
    return new PhpObject(className, recordOf([['name', name]], 'first'))
  }

  /**
   * `C:5:"Class":3:{...}`: only the class knows what stands between the braces. What it serialized in there may have taken
   * numbers, so that no reference to a later value can be followed: it could end at what a user typed.
   */
  function opaque(): PhpObject {
    numbered = Math.min(numbered, slots.length)
    const className = nameOf(quoted())
    expect(COLON)
    const size = length(COLON)
    expect(OPEN)
    take(size)
    expect(CLOSE)
    return new PhpObject(className, recordOf([], 'first'))
  }

  function members<Key>(size: number, readKey: () => Key): [Key, PhpValue][] {
    depth += 1
    if (depth > MAX_DEPTH) throw new PhpFormatError('the nesting is too deep')
    expect(OPEN)
    const entries: [Key, PhpValue][] = []
    for (let i = 0; i < size; i += 1) entries.push([readKey(), value()])
    expect(CLOSE)
    depth -= 1
    return entries
  }

  /** Keys are integers or strings, and have no slot. */
  function key(): number | string {
    const type = bytes[position]
    position += 1
    expect(COLON)
    if (type === 0x69) {
      const number = integer()
      return typeof number === 'number' ? number : String(number)
    }
    if (type !== 0x73) throw new PhpFormatError('a key is neither integer nor string')
    const content = quoted()
    expect(SEMICOLON)
    return nameOf(content)
  }

  /** `R:` is the same variable, `r:` the same object. */
  function reference(isVariable: boolean): PhpValue {
    expect(COLON)
    const number = length(SEMICOLON)
    const target = slots[number - 1]
    if (number > numbered) throw new PhpFormatError('a reference points behind a class that serializes itself')
    if (target === undefined) throw new PhpFormatError('a reference points nowhere')
    if (target.nodes === null) throw new PhpFormatError('a reference makes a cycle')
    if (!isVariable && !(target.value instanceof PhpObject)) throw new PhpFormatError('a reference points to no object')
    count(target.nodes)
    if (!isVariable) slots.push(target)
    return target.value
  }

  return {
    get position() {
      return position
    },
    get atEnd() {
      return position === bytes.length
    },
    value,
    until,
    take,
  }
}
