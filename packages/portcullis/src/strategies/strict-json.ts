/** JSON objects from a signed token: what two readers could read differently is refused before anyone reads it. */

/** Deeper nesting is refused: code that walks claims may recurse. No token in use comes near. */
export const MAX_JSON_DEPTH = 16

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
/** In valid JSON these are all the tokens that structure consists of. Linear, because every string there is closed. */
const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\]:]/g

export type JsonObject = Readonly<Record<string, unknown>>

/**
 * The object that `bytes` spell, or null when they are not exactly one JSON object in UTF-8 (no byte order mark), when
 * an object at any depth has a member name twice, or when it nests deeper than `MAX_JSON_DEPTH`. A member named
 * `__proto__` is left out at every depth, so that copying claims cannot change a prototype. Does not bound the length.
 *
 * @see RFC 8259 section 4, RFC 7515 section 4 and RFC 7519 section 4: on duplicate names readers disagree
 */
export function parseStrictJson(bytes: Uint8Array): JsonObject | null {
  try {
    const text = UTF8.decode(bytes)
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return null
    const found = scan(text)
    if (found === 'refuse') return null
    return (found === 'prototype' ? JSON.parse(text, withoutPrototype) : value) as JsonObject
  } catch {
    // The error of JSON.parse quotes its input, so it goes no further.
    return null
  }
}

/** The member `name` of `object` itself: a polluted `Object.prototype` lends nothing. */
export function own(object: JsonObject, name: string): unknown {
  return Object.hasOwn(object, name) ? object[name] : undefined
}

/** Sees what `JSON.parse` hides. Only for text that it accepted; no recursion. */
function scan(text: string): 'clean' | 'prototype' | 'refuse' {
  let prototype = false
  let last = ''
  // One entry for each open object or array: the names seen so far. An array has none.
  const open: Set<string>[] = []
  for (const token of text.match(TOKEN) ?? []) {
    if (token === '{' || token === '[') {
      if (open.push(new Set()) > MAX_JSON_DEPTH) return 'refuse'
    } else if (token === '}' || token === ']') {
      open.pop()
    } else if (token === ':') {
      // A colon outside a string follows a name. Decoded, because "sub" and "\u0073ub" are one name.
      const name = JSON.parse(last) as string
      const names = open.at(-1)
      if (names === undefined || names.has(name)) return 'refuse'
      names.add(name)
      prototype ||= name === '__proto__'
    } else {
      last = token
    }
  }
  return prototype ? 'prototype' : 'clean'
}

function withoutPrototype(name: string, value: unknown): unknown {
  return name === '__proto__' ? undefined : value
}
