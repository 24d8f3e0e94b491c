/** Copies of what rules are asked with: a second policy may change its own, and nobody else's. */

import type { Identity } from '../core/identity.ts'
import type { Lease } from '../core/lease.ts'

/** One copy for each identity: rules remember things by its claims. */
const copies = new WeakMap<Identity, Identity>()

/** @throws DataCloneError for claims that are no plain data */
export function copyOfIdentity(identity: Identity): Identity {
  const known = copies.get(identity)
  if (known !== undefined) return known
  const { scheme, issuer, subject, claims } = identity
  const copied: unknown = structuredClone(claims)
  if (typeof copied === 'object' && copied !== null) Object.freeze(copied)
  const copy = Object.freeze({ scheme, issuer, subject, claims: copied })
  copies.set(identity, copy)
  return copy
}

export function copyOfLease({ id, issuedAt, expiresAt }: Lease): Lease {
  return Object.freeze({ id, issuedAt, expiresAt })
}

/**
 * A copy of what a parser of Socket.IO made of a packet. `structuredClone` alone would make other arrays of `Buffer`s, which a schema
 * may tell apart.
 *
 * @throws RangeError for what is nested too deeply; DataCloneError for what is no data
 */
export function copyOfWire(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) {
    if (typeof value === 'function' || typeof value === 'symbol') throw new TypeError('no data')
    return value
  }
  if (Buffer.isBuffer(value)) return Buffer.from(value)
  if (Array.isArray(value)) return value.map(copyOfWire)
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return structuredClone(value)
  // A member called `__proto__` stays a member.
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, copyOfWire(member)]))
}
