/** Revocation: into the log, then through every socket that it reaches, with a receipt. */

import { randomUUID } from 'node:crypto'
import type { Revocation, RevocationKey } from '../core/revocation.ts'
import type { AuthErrorCode } from '../errors.ts'
import type { Guard } from './guard.ts'
import { type Entry, nameOf } from './registry.ts'

/** Times are epoch seconds. */
export interface RevokeOptions {
  /**
   * Authority issued before this moment is dead. Default: now. JSON Web Tokens carry whole seconds, so a token issued in
   * the very second of the revocation is dead too.
   */
  readonly issuedBefore?: number
  /** Until when the revocation must be remembered. Default: as long as the longest-lived credential may live. */
  readonly until?: number
}

/** What a revocation did on a node. */
export interface NodeReceipt {
  readonly node: string
  readonly state: 'applied'
  readonly closed: number
}

/** Which nodes applied a revocation, and how many sockets that closed. */
export interface Receipt {
  readonly id: string
  readonly nodes: readonly NodeReceipt[]
  readonly closed: number
}

/** @throws TypeError quoting the key or option */
export function toRevocation(
  key: RevocationKey,
  options: RevokeOptions,
  nowSeconds: number,
  maxLifetimeSeconds: number,
): Revocation {
  requireKey(key)
  for (const option of ['issuedBefore', 'until'] as const) {
    const value = options[option]
    if (value !== undefined && !Number.isFinite(value))
      throw new TypeError(`"${option}" must be a number of epoch seconds`)
  }
  return {
    id: randomUUID(),
    name: nameOf(key),
    issuedBefore: options.issuedBefore ?? nowSeconds,
    expiresAt: options.until ?? nowSeconds + maxLifetimeSeconds,
  }
}

/**
 * Puts a revocation into force on this node and returns how many sockets it closed. Sockets that are still connecting are
 * marked: they never connect.
 */
export function applyRevocation(
  guard: Guard,
  revocation: Revocation,
  close: (entry: Entry, code: AuthErrorCode) => void,
): number {
  guard.revocations.prune(guard.clock.now() / 1000)
  guard.revocations.apply(revocation)
  let closed = 0
  for (const entry of guard.registry.under(revocation.name)) {
    if (entry.lease.issuedAt >= revocation.issuedBefore || entry.ended !== null) continue
    closed += 1
    close(entry, 'AUTH_REVOKED')
  }
  return closed
}

function requireKey(key: unknown): asserts key is RevocationKey {
  const shapes = [['issuer', 'subject'], ['session'], ['tokenId'], ['tag']]
  const fields = typeof key === 'object' && key !== null ? Object.keys(key).sort() : []
  const known = shapes.some((shape) => shape.length === fields.length && shape.every((field, i) => fields[i] === field))
  if (!known || !Object.values(key as object).every((value) => typeof value === 'string' && value !== '')) {
    throw new TypeError(
      'revoke: the key must be { issuer, subject }, { session }, { tokenId } or { tag }, of non-empty strings',
    )
  }
}
