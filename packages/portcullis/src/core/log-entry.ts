/** What nodes tell one another through the revocation log, and how it is written down. */

import type { Revocation } from './revocation.ts'

/** Written by clocks that differ by no more than this. Seconds. */
export const MAX_SKEW_SECONDS = 60

const VERSION = 1

export type ParsedEntry =
  | { readonly entry: Revocation; readonly fault: null }
  | { readonly entry: null; readonly fault: 'malformed' | 'version' | 'future' }

/** At most 4,000 characters, since names are short: see `revoke`. */
export function writeEntry(entry: Revocation): string {
  return JSON.stringify({ v: VERSION, ...entry })
}

/**
 * Reads an entry that carried the right seal, or says what is wrong with it. One that is dated more than a minute ahead is not
 * believed: either a clock is wrong, or somebody prepares a revocation that outlasts its time.
 */
export function readEntry(text: string, nowSeconds: number): ParsedEntry {
  const value = parse(text)
  if (value === null) return { entry: null, fault: 'malformed' }
  if (value.v !== VERSION) return { entry: null, fault: 'version' }
  const { id, name, issuedBefore, expiresAt, at, effect, exceptSocket = null, graceMs = 0 } = value
  const sound =
    isText(id) &&
    isText(name) &&
    isTime(issuedBefore) &&
    isTime(expiresAt) &&
    isTime(at) &&
    (effect === 'revoke' || effect === 'disconnect') &&
    (exceptSocket === null || isText(exceptSocket)) &&
    isTime(graceMs) &&
    graceMs >= 0
  if (!sound) return { entry: null, fault: 'malformed' }
  if (at > nowSeconds + MAX_SKEW_SECONDS) return { entry: null, fault: 'future' }
  return { entry: { id, name, issuedBefore, expiresAt, at, effect, exceptSocket, graceMs }, fault: null }
}

function parse(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null
  } catch {
    return null
  }
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}

function isTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value)
}
