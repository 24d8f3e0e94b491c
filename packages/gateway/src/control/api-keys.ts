/** API keys of the control API: kept as digests, compared without telling how much of one was right. */

import { createHash, timingSafeEqual } from 'node:crypto'
import { type Caller, PERMISSIONS, type Permission, UNBOUNDED } from './caller.ts'

/** A key and what it is good for. */
export interface ControlKey {
  /** Stands in audit logs in place of the key. */
  readonly name: string
  /** 32 to 1,024 printable ASCII characters without spaces, from a random source. Only its SHA-256 is kept. */
  readonly key: string
  /** `all`, or a list of `PERMISSIONS`. */
  readonly permissions: readonly Permission[] | 'all'
  /**
   * The only namespaces that it may publish to and read of, each exactly as it is called. Such a key cannot have `revoke`,
   * `disconnect` or `explain`, which reach into all. Default: every protected namespace.
   */
  readonly namespaces?: readonly string[]
}

/** Finds out whose key was presented; null when it is nobody's. */
export type FindKey = (presented: string) => Caller | null

/** A longer one is no key, and is not hashed. */
export const MAX_KEY_LENGTH = 1_024
const KEY = /^[\x21-\x7e]{32,1024}$/

/** @throws TypeError quoting the option, never a key */
export function createFindKey(keys: readonly ControlKey[]): FindKey {
  if (!Array.isArray(keys)) throw new TypeError('"keys" must be an array')
  const known = keys.map((key, i) => ({ digest: digestOf(requireKey(key, i)), caller: callerOf(key, i) }))
  for (const [i, { digest, caller }] of known.entries()) {
    const before = known.slice(0, i)
    if (before.some((other) => other.caller.name === caller.name)) throw new TypeError(`"keys[${i}].name" is taken`)
    if (before.some((other) => other.digest.equals(digest))) throw new TypeError(`"keys[${i}].key" is another's key`)
  }
  return function findKey(presented) {
    const digest = digestOf(presented)
    let found: Caller | null = null
    // All of them, always: how long it takes says nothing of which one came close.
    for (const { digest: other, caller } of known) if (timingSafeEqual(digest, other)) found = caller
    return found
  }
}

function requireKey({ name, key }: ControlKey, i: number): string {
  if (typeof name !== 'string' || name === '') throw new TypeError(`"keys[${i}].name" must be a non-empty string`)
  if (typeof key !== 'string' || !KEY.test(key)) {
    throw new TypeError(`"keys[${i}].key" must be 32 to ${MAX_KEY_LENGTH} printable ASCII characters without spaces`)
  }
  return key
}

function callerOf({ name, permissions, namespaces }: ControlKey, i: number): Caller {
  const listed = permissions === 'all' ? PERMISSIONS : permissions
  const isKnown = (permission: unknown) => (PERMISSIONS as readonly unknown[]).includes(permission)
  if (!Array.isArray(listed) || listed.length === 0 || !listed.every(isKnown)) {
    throw new TypeError(`"keys[${i}].permissions" must be "all" or a list of ${PERMISSIONS.join(', ')}`)
  }
  if (namespaces !== undefined) {
    if (!Array.isArray(namespaces) || namespaces.length === 0 || !namespaces.every(isNamespace)) {
      throw new TypeError(`"keys[${i}].namespaces" must be a non-empty list of names that begin with /`)
    }
    const unbounded = UNBOUNDED.find((permission) => listed.includes(permission))
    if (unbounded !== undefined) {
      throw new TypeError(
        `"keys[${i}].permissions" must not hold "${unbounded}" with "namespaces": it reaches into all`,
      )
    }
  }
  return Object.freeze({
    kind: 'key',
    name,
    permissions: new Set<Permission>(listed),
    namespaces: namespaces === undefined ? null : new Set<string>(namespaces),
  })
}

/** True for a namespace as Socket.IO calls it. */
export function isNamespace(value: unknown): value is string {
  return typeof value === 'string' && value.startsWith('/')
}

function digestOf(key: string): Buffer {
  return createHash('sha256').update(key).digest()
}
