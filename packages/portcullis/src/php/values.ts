/** What PHP's values become: plain data that is frozen, and that no key can make into anything else. */

import { isUtf8 } from 'node:buffer'

/**
 * An object or enum case of PHP, as data: nothing of any class runs. Properties go by their bare names; where a parent class
 * has a private one of the same name, the first that PHP wrote counts. An enum case has the one property `name`. A class
 * that serializes itself (`C:`) shows none.
 */
export class PhpObject {
  readonly className: string
  readonly properties: PhpRecord

  constructor(className: string, properties: PhpRecord) {
    this.className = className
    this.properties = properties
    Object.freeze(this)
  }
}

/** An array with keys; without a prototype, so that no key means anything to JavaScript. */
export interface PhpRecord {
  readonly [key: string]: PhpValue
}

/**
 * What PHP had: integers beyond 2^53 are bigint, strings that are no UTF-8 are bytes, an array with the keys 0, 1, 2 … in
 * this order is an array, an empty one too. Frozen at every depth, without cycles.
 */
export type PhpValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | readonly PhpValue[]
  | PhpRecord
  | PhpObject

/** Says that the bytes are not what PHP writes, or more than is read. Quotes none of them. */
export class PhpFormatError extends Error {
  override readonly name = 'PhpFormatError'
}

/** A name must be text: two that differ in broken bytes only must not become one. */
export function nameOf(content: Uint8Array): string {
  const text = stringOf(content)
  if (typeof text !== 'string') throw new PhpFormatError('a name is no UTF-8')
  return text
}

/** Frozen, and without a prototype. `__proto__` is a key like others there. */
export function recordOf(
  entries: readonly (readonly [number | string, PhpValue])[],
  wins: 'first' | 'last',
): PhpRecord {
  const record: Record<string, PhpValue> = Object.create(null)
  for (const [name, value] of entries) {
    if (wins === 'last' || !Object.hasOwn(record, name)) record[name] = value
  }
  return Object.freeze(record)
}

/** Bytes where they are no UTF-8. */
export function stringOf(content: Uint8Array): string | Uint8Array {
  // Not by a decoder that throws: ten thousand errors take a tenth of a second.
  if (isUtf8(content)) return Buffer.from(content.buffer, content.byteOffset, content.byteLength).toString('utf8')
  // A copy: a Buffer's own `slice` would share the memory of the whole session.
  return Uint8Array.from(content)
}

/** PHP writes `\0*\0role` for a protected property and `\0User\0secret` for a private one. */
export function bareName(name: number | string): string {
  const text = String(name)
  if (!text.startsWith('\0')) return text
  const end = text.indexOf('\0', 1)
  if (end === -1) throw new PhpFormatError('the name of a property is malformed')
  return text.slice(end + 1)
}
