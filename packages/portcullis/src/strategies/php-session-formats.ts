/** The formats in which PHP keeps a session (`session.serialize_handler`), and telling them apart. */

import { createPhpReader } from '../php/serialized.ts'
import { nameOf, PhpFormatError, type PhpRecord, type PhpValue, recordOf } from '../php/values.ts'

/** PHP's own handlers that can be read. `igbinary` and `msgpack` cannot. */
export type PhpHandler = 'php' | 'php_serialize' | 'php_binary'

export const PHP_HANDLERS: readonly PhpHandler[] = ['php', 'php_serialize', 'php_binary']

/** What a session's bytes turned out to be. `other` names the handler that they seem to come from. */
export type DecodedSession =
  | { readonly session: PhpRecord }
  | { readonly session: null; readonly other: PhpHandler | 'igbinary' | 'msgpack' | null }

const PIPE = 0x7c

const READERS: Record<PhpHandler, (bytes: Uint8Array) => PhpRecord> = {
  php: readPhp,
  php_serialize: readPhpSerialize,
  php_binary: readPhpBinary,
}

/**
 * Reads a session that `handler` wrote. Bytes that another handler may have written are not read, even where they can be:
 * what a user typed could then become a variable of its own.
 */
export function decodePhpSession(bytes: Uint8Array, handler: PhpHandler): DecodedSession {
  const other = foreignHandler(bytes, handler)
  const session = other === null ? attempt(bytes, handler) : null
  return session === null ? { session, other } : { session }
}

function foreignHandler(bytes: Uint8Array, handler: PhpHandler): PhpHandler | 'igbinary' | 'msgpack' | null {
  if (bytes.length === 0) return null
  const [first = 0, second, third, version] = bytes
  // An igbinary header; no variable has an empty name, as php_binary would read it.
  if (first === 0 && second === 0 && third === 0 && (version === 1 || version === 2)) return 'igbinary'
  // A short map or array: no UTF-8 begins with such a byte.
  if (first >= 0x80 && first <= 0x9f) return 'msgpack'
  for (const candidate of PHP_HANDLERS) {
    if (candidate !== handler && attempt(bytes, candidate) !== null) return candidate
  }
  // A long one, unless it is the first letter of a name.
  return first >= 0xdc && first <= 0xdf && attempt(bytes, handler) === null ? 'msgpack' : null
}

function attempt(bytes: Uint8Array, handler: PhpHandler): PhpRecord | null {
  try {
    return READERS[handler](bytes)
  } catch (error) {
    if (error instanceof PhpFormatError) return null
    throw error
  }
}

/** `name|value` again and again; one set of references for all of them. */
function readPhp(bytes: Uint8Array): PhpRecord {
  const reader = createPhpReader(bytes)
  const entries: [string, PhpValue][] = []
  while (!reader.atEnd) {
    entries.push([variableName(reader.until(PIPE)), reader.value()])
  }
  return recordOf(entries, 'last')
}

/** One serialized array. */
function readPhpSerialize(bytes: Uint8Array): PhpRecord {
  // PHP writes nothing at all for a session that has never held anything.
  if (bytes.length === 0) return recordOf([], 'last')
  if (bytes[0] !== 0x61) throw new PhpFormatError('no serialized array')
  const reader = createPhpReader(bytes)
  const value = reader.value()
  if (!reader.atEnd) throw new PhpFormatError('bytes follow the array')
  return recordOf(Object.entries(value as PhpRecord), 'last')
}

/** A byte with the length of the name, the name and its value, again and again. */
function readPhpBinary(bytes: Uint8Array): PhpRecord {
  const reader = createPhpReader(bytes)
  const entries: [string, PhpValue][] = []
  while (!reader.atEnd) {
    const [length = 0] = reader.take(1)
    // The highest bit says that there is no value: current versions of PHP never set it.
    if (length > 127) throw new PhpFormatError('a length is out of range')
    entries.push([variableName(reader.take(length)), reader.value()])
  }
  return recordOf(entries, 'last')
}

/**
 * What a user typed stands behind a quote in every format. A name with one is the beginning of another handler's session,
 * which need not be one that can be read: a cycle in it would hide from `foreignHandler` whose it is.
 */
function variableName(bytes: Uint8Array): string {
  const name = nameOf(bytes)
  if (name.includes('"')) throw new PhpFormatError('a quote stands in the name of a variable')
  return name
}
