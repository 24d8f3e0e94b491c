/** Bringing two changes of one session together: what a socket's handler changed, and what HTTP did meanwhile. */

import { isDeepStrictEqual } from 'node:util'

export type Data = Record<string, unknown>

/**
 * `theirs` with the changes that `mine` has over `base`, field by field, also within plain objects. Where both changed the same
 * field, `wins` has it. Lists and values count as one. All three are JSON.
 */
export function merge(base: Data, mine: Data, theirs: Data, wins: 'theirs' | 'mine' = 'theirs'): Data {
  const merged: Data = {}
  for (const key of new Set([...Object.keys(theirs), ...Object.keys(mine)])) {
    const [was, is, there] = [ownField(base, key), ownField(mine, key), ownField(theirs, key)]
    const value = chosen(was, is, there, wins)
    // A field named `__proto__` would be a prototype.
    if (value !== undefined)
      Object.defineProperty(merged, key, { value, writable: true, enumerable: true, configurable: true })
  }
  return merged
}

function chosen(was: unknown, is: unknown, there: unknown, wins: 'theirs' | 'mine'): unknown {
  if (isDeepStrictEqual(is, was)) return there
  if (isDeepStrictEqual(there, was)) return is
  if (isPlain(is) && isPlain(there)) return merge(isPlain(was) ? was : {}, is, there, wins)
  return wins === 'theirs' ? there : is
}

/** The session as its JSON, as a store keeps it, without the cookie, which is no data. */
export function dataOf(session: object): Data {
  const { cookie: _, ...data } = JSON.parse(JSON.stringify(session)) as Data
  return data
}

/** express-session itself ends the process over a session of some thousands of levels. */
const MAX_DEPTH = 200

/**
 * As `dataOf`, for what is to be saved: part of it may be as a client has sent it.
 *
 * @throws RangeError for what is nested too deeply
 */
export function savableDataOf(session: object): Data {
  const data = dataOf(session)
  if (isDeeper(data, MAX_DEPTH)) throw new RangeError(`a session nested in more than ${MAX_DEPTH} levels is not saved`)
  return data
}

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false
  return levels === 0 || Object.values(value).some((each) => isDeeper(each, levels - 1))
}

/**
 * Makes the fields of a live session those of `data`, leaving alone what is equal as JSON, and what JSON does not have: handlers
 * may hold on to it, and go on to use a `Date` as one.
 */
export function assign(session: object, data: Data): void {
  const live = session as Data
  for (const key of Object.keys(live)) {
    if (key !== 'cookie' && !Object.hasOwn(data, key) && jsonOf(live[key]) !== undefined) {
      Reflect.deleteProperty(live, key)
    }
  }
  for (const [key, value] of Object.entries(data)) {
    if (key !== 'cookie' && !isDeepStrictEqual(jsonOf(ownField(live, key)), value)) {
      Object.defineProperty(live, key, { value, writable: true, enumerable: true, configurable: true })
    }
  }
}

function jsonOf(value: unknown): unknown {
  const text = JSON.stringify(value)
  return text === undefined ? undefined : JSON.parse(text)
}

export function isPlain(value: unknown): value is Data {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

const ownField = (of: Data, key: string): unknown => (Object.hasOwn(of, key) ? of[key] : undefined)
