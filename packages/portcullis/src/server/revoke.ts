/** Revocation on one node: what is asked for as an entry of the log, and an entry put into force. */

import { randomBytes } from 'node:crypto'
import type { Revocation, RevocationKey } from '../core/revocation.ts'
import { EXPIRING, type ExpiringNotice } from '../protocol.ts'
import { endEntry } from './end-entry.ts'
import type { Guard } from './guard.ts'
import { notify } from './packet.ts'
import { type Entry, nameOf } from './registry.ts'

/** Who stays, and for how long the receipt is waited for. */
export interface DisconnectOptions {
  /** The id of one socket that stays: "all my other devices". */
  readonly exceptSocket?: string
  /**
   * How long to wait until every node has applied it. Milliseconds. Default: until those that are silent must have fenced
   * themselves, `maxStalenessMs` and a tenth, and a second more.
   */
  readonly timeoutMs?: number
}

/** Times are epoch seconds. */
export interface RevokeOptions extends DisconnectOptions {
  /**
   * Authority issued before this moment is dead. Default: now. JSON Web Tokens carry whole seconds, so a token issued in
   * the very second of the revocation is dead too. To block somebody for a while, give the same future moment as `until`.
   */
  readonly issuedBefore?: number
  /** Until when the revocation must be remembered. Default: as long as the longest-lived credential may live. */
  readonly until?: number
  /**
   * How long connected sockets may go on, at most an hour: they are told by `auth:expiring`, and a newer credential saves them. New
   * connections are refused at once. Milliseconds, default 0.
   */
  readonly graceMs?: number
}

const MAX_GRACE_MS = 3_600_000
/** Session ids and the like are kept as digests; what is longer is no name. Characters. */
const MAX_KEY_LENGTH = 1_024
/** A disconnection concerns who is connected, and is history soon. */
const DISCONNECT_SECONDS = 60

/** @throws TypeError quoting the key or option */
export function revokeEntry(
  key: RevocationKey,
  options: RevokeOptions,
  nowSeconds: number,
  maxLifetimeSeconds: number,
): Revocation {
  requireKey(key)
  const { issuedBefore = nowSeconds, until = nowSeconds + maxLifetimeSeconds, graceMs = 0 } = options
  for (const [option, value] of Object.entries({ issuedBefore, until })) {
    if (!Number.isFinite(value)) throw new TypeError(`"${option}" must be a number of epoch seconds`)
  }
  if (!(graceMs >= 0 && graceMs <= MAX_GRACE_MS)) {
    throw new TypeError(`"graceMs" must be a number of milliseconds from 0 to ${MAX_GRACE_MS}`)
  }
  return {
    ...common(key, options, nowSeconds),
    issuedBefore,
    // Authority of up to `issuedBefore` may be presented as long as any lives.
    expiresAt: until,
    effect: 'revoke',
    graceMs,
  }
}

/**
 * Ends who connected at `connectedUntil` (epoch seconds) or before.
 *
 * @throws TypeError quoting the key or option
 */
export function disconnectEntry(
  key: RevocationKey,
  options: DisconnectOptions,
  nowSeconds: number,
  connectedUntil: number = nowSeconds,
): Revocation {
  requireKey(key)
  return {
    ...common(key, options, nowSeconds),
    issuedBefore: connectedUntil,
    expiresAt: nowSeconds + DISCONNECT_SECONDS,
    effect: 'disconnect',
    graceMs: 0,
  }
}

function common(key: RevocationKey, { exceptSocket, timeoutMs }: DisconnectOptions, nowSeconds: number) {
  if (exceptSocket !== undefined && (typeof exceptSocket !== 'string' || exceptSocket === '')) {
    throw new TypeError('"exceptSocket" must be the id of a socket')
  }
  if (timeoutMs !== undefined && !(timeoutMs > 0 && timeoutMs < 2 ** 31)) {
    throw new TypeError('"timeoutMs" must be a number of milliseconds above 0 and below 2^31')
  }
  return {
    id: randomBytes(16).toString('base64url'),
    at: nowSeconds,
    name: nameOf(key),
    exceptSocket: exceptSocket ?? null,
  }
}

/**
 * Puts an entry into force on this node and returns how many sockets it closed, or will close at the end of its grace. Sockets
 * that are still connecting are marked: they never connect.
 */
export function applyEntry(guard: Guard, given: Revocation): number {
  const now = guard.clock.now() / 1000
  guard.revocations.prune(now)
  if (given.expiresAt <= now) return 0
  if (given.effect === 'revoke') guard.revocations.apply(given)
  let closed = 0
  for (const entry of guard.registry.under(given.name)) {
    if (!covers(given, entry)) continue
    closed += 1
    const code = given.effect === 'revoke' ? 'AUTH_REVOKED' : 'AUTH_REPLACED'
    // Where the clock is behind that of whoever wrote it, the grace is no longer for that.
    const graceEnd = Math.min(given.at, now) + given.graceMs / 1000
    if (graceEnd <= now) {
      endEntry(guard, entry, code)
      continue
    }
    if (entry.state === 'connected') {
      const expiresInMs = Math.round((graceEnd - now) * 1000)
      notify(entry.socket, EXPIRING, { expiresAt: graceEnd, expiresInMs } satisfies ExpiringNotice)
    }
    guard.leases.add({ expiresAt: graceEnd, expire: () => void (covers(given, entry) && endEntry(guard, entry, code)) })
  }
  return closed
}

function covers({ name, effect, issuedBefore, exceptSocket }: Revocation, entry: Entry): boolean {
  if (entry.ended !== null || entry.state === 'closed') return false
  // One connection may have sockets in several namespaces; whoever names it means them all.
  if (entry.socket.id === exceptSocket || entry.connection.engineSocket.id === exceptSocket) return false
  // It may have another credential by now, under other names.
  if (!entry.names.includes(name)) return false
  return effect === 'revoke' ? entry.lease.issuedAt < issuedBefore : entry.since <= issuedBefore
}

/** @throws TypeError */
export function requireKey(key: unknown): asserts key is RevocationKey {
  const shapes = [['issuer', 'subject'], ['session'], ['tokenId'], ['tag']]
  const fields = typeof key === 'object' && key !== null ? Object.keys(key).sort() : []
  const known = shapes.some((shape) => shape.length === fields.length && shape.every((field, i) => fields[i] === field))
  const isName = (value: unknown) => typeof value === 'string' && value !== '' && value.length <= MAX_KEY_LENGTH
  if (!known || !Object.values(key as object).every(isName)) {
    throw new TypeError(
      'revoke: the key must be { issuer, subject }, { session }, { tokenId } or { tag }, of strings of 1 to 1,024 characters',
    )
  }
}
