/** What is remembered of a socket that is away: whose it was, until when, and which rooms it held. */

import type { Identity } from '../core/identity.ts'
import type { Lease } from '../core/lease.ts'

/** Where a record stands among the data of a persisted session. No data of the application may be kept under it. */
export const RECORD_KEY = 'portcullis|away'

/** A position in what a namespace has sent, as its adapter names it; null for "before the first of it". */
export type Mark = string | null

/**
 * Plain JSON, and without credential or claim: it may be kept in Redis, and whoever writes there may have written it. So it
 * gives nobody anything: it only says what the new connection may ask for again.
 */
export interface AwayRecord {
  readonly version: 1
  readonly issuer: string
  readonly subject: string
  /** Of the lease that was. Epoch seconds. */
  readonly issuedAt: number
  readonly expiresAt: number | null
  /** Names under which a revocation would have reached the socket. */
  readonly names: readonly string[]
  /** Every room that it was in, its own included, and since when. */
  readonly rooms: readonly (readonly [room: string, since: Mark])[]
  /** Rooms that it had asked for, each with the end of the grant. Epoch seconds. */
  readonly grants: readonly (readonly [room: string, expiresAt: number | null])[]
  readonly memberships: readonly string[]
}

/** What of a socket goes into its record. Taken before anything of it is let go. */
export interface Departed {
  readonly identity: Identity
  readonly lease: Lease
  readonly names: readonly string[]
  readonly memberships: readonly string[]
  readonly grants: ReadonlyMap<string, { readonly expiresAt: number | null; readonly presented: unknown }>
}

/** More rooms than this are no record of ours. */
const MAX_ROOMS = 10_000

export function writeRecord(
  { identity, lease, names, memberships, grants }: Departed,
  rooms: ReadonlyMap<string, Mark>,
): string {
  return JSON.stringify({
    version: 1,
    issuer: identity.issuer,
    subject: identity.subject,
    issuedAt: lease.issuedAt,
    expiresAt: lease.expiresAt,
    names,
    rooms: [...rooms],
    grants: [...grants].map(([room, { expiresAt }]) => [room, expiresAt] as const),
    memberships,
  } satisfies AwayRecord)
}

/** Null for whatever is no such record. */
export function readRecord(text: unknown): AwayRecord | null {
  if (typeof text !== 'string') return null
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return null
  }
  return isRecord(value) ? value : null
}

function isRecord(value: unknown): value is AwayRecord {
  if (typeof value !== 'object' || value === null) return false
  const record = value as Partial<Record<keyof AwayRecord, unknown>>
  return (
    record.version === 1 &&
    isText(record.issuer) &&
    isText(record.subject) &&
    Number.isFinite(record.issuedAt) &&
    isEnd(record.expiresAt) &&
    isListOf(record.names, isText) &&
    isListOf(record.rooms, (pair) => isPair(pair, (since) => since === null || isText(since))) &&
    isListOf(record.grants, (pair) => isPair(pair, isEnd)) &&
    isListOf(record.memberships, isText)
  )
}

function isText(value: unknown): value is string {
  return typeof value === 'string'
}

function isEnd(value: unknown): boolean {
  return value === null || Number.isFinite(value)
}

function isListOf(value: unknown, isItem: (item: unknown) => boolean): boolean {
  return Array.isArray(value) && value.length <= MAX_ROOMS && value.every(isItem)
}

function isPair(value: unknown, isSecond: (second: unknown) => boolean): boolean {
  return Array.isArray(value) && value.length === 2 && isText(value[0]) && isSecond(value[1])
}
