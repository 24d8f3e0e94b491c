/** `auth:join`, `auth:leave` and `auth:whoami`: the rooms that a client asks for, each held under a grant. */

import { earlier } from '../core/lease.ts'
import { isRoomName } from '../core/room-pattern.ts'
import { AuthError, type AuthErrorCode } from '../errors.ts'
import { JOIN, type JoinReply, LEAVE, type LeaveReply, WHOAMI, type WhoamiReply } from '../protocol.ts'
import { type Bucket, createBucket } from './bucket.ts'
import type { ProtocolRequest } from './event-gate.ts'
import { forgetGrant, holdGrant } from './grants.ts'
import { endOfEntry, type Guard } from './guard.ts'
import { codeOfVerdict, judgeRoom, type Verdict } from './judge-room.ts'
import type { Entry } from './registry.ts'
import { isLargerThan } from './wire-size.ts'

/** It is kept for as long as the room is held, and longer for explanations. */
const MAX_PRESENTED_BYTES = 16_384
/** A client that has come back asks for all its rooms at once. */
const JOINS_AT_ONCE_SECONDS = 10

export function createRoomGate(guard: Guard): ProtocolRequest {
  const { joinsPerSecond, maxRooms } = guard.limits
  const atOnce = Math.max(maxRooms, JOINS_AT_ONCE_SECONDS * joinsPerSecond)
  const joins = new WeakMap<Entry, Bucket>()

  return function answer(entry, event, args) {
    switch (event) {
      case JOIN:
        return join(entry, args[0], args[1])
      case LEAVE:
        return leave(entry, args[0])
      case WHOAMI:
        return whoami(entry)
      default:
        throw new AuthError('AUTH_FORBIDDEN', { reason: 'unknown_request' })
    }
  }

  /** All or nothing: of several rooms, one that is refused leaves every one of them unjoined. */
  async function join(entry: Entry, asked: unknown, presented: unknown): Promise<JoinReply> {
    const startedMs = performance.now()
    const rooms = admissible(entry, asked, presented, startedMs)
    const verdicts = await judge(entry, rooms, presented)
    const ended = endOfEntry(guard, entry)
    const now = guard.clock.now() / 1000
    const codes = verdicts.map((verdict) => ended ?? codeOfVerdict(verdict, now))
    for (const [i, { room, rule }] of verdicts.entries())
      record(entry, room, rule, codes[i] ?? null, startedMs, { presented })
    const shadow = guard.shadows.of(entry.socket.nsp)
    if (shadow !== undefined) for (const verdict of verdicts) shadow.join(entry, verdict, presented)
    const refused = codes.find((code) => code !== null)
    if (refused !== undefined) throw new AuthError(refused, { reason: 'room' })
    // Whoever was disconnected meanwhile can hold nothing.
    if (entry.state !== 'connected') throw new AuthError('AUTH_EXPIRED', { reason: 'disconnected' })
    let end: number | null = entry.lease.expiresAt
    for (const { room, decision } of verdicts) {
      const expiresAt = decision.effect === 'permit' ? decision.expiresAt : null
      holdGrant(guard, entry, room, expiresAt, presented)
      end = earlier(end, expiresAt)
    }
    await entry.socket.join([...rooms])
    // What ended meanwhile, the connection included, has ended the grants with it.
    for (const room of rooms) {
      if (!entry.grants.has(room) && !entry.memberships.includes(room)) entry.socket.leave(room)
    }
    return { joined: rooms, expiresAt: end }
  }

  /** Under the authority that there is when all have answered: one that is being renewed meanwhile may permit less. */
  async function judge(entry: Entry, rooms: readonly string[], presented: unknown): Promise<readonly Verdict[]> {
    for (;;) {
      while (entry.renewal !== null) await entry.renewal.catch(() => {})
      const { lease, policy } = entry
      const verdicts = await Promise.all(rooms.map((room) => judgeRoom(guard, entry, room, presented)))
      if (entry.renewal === null && entry.lease === lease && entry.policy === policy) return verdicts
    }
  }

  function admissible(entry: Entry, asked: unknown, presented: unknown, startedMs: number): readonly string[] {
    try {
      const rooms = admissibleRooms(guard, entry.grants, asked, presented)
      if (mayAsk(entry, rooms.length)) return rooms
      throw new AuthError('AUTH_RATE_LIMITED', { reason: 'joins' })
    } catch (error) {
      if (AuthError.is(error)) record(entry, null, 'rooms', error.code, startedMs, { reason: error.reason })
      throw error
    }
  }

  /** Each room asked for costs a rule its time, whether or not it is joined. */
  function mayAsk(entry: Entry, count: number): boolean {
    if (joinsPerSecond === Number.POSITIVE_INFINITY) return true
    const take = joins.get(entry) ?? createBucket(guard.clock, joinsPerSecond, atOnce)
    joins.set(entry, take)
    return take(count)
  }

  function leave(entry: Entry, asked: unknown): LeaveReply {
    const left = roomNames(asked).filter((room) => entry.grants.has(room))
    for (const room of left) {
      forgetGrant(guard, entry, room)
      if (!entry.memberships.includes(room)) entry.socket.leave(room)
    }
    return { left }
  }

  function whoami({ identity, lease, grants, memberships }: Entry): WhoamiReply {
    return {
      scheme: identity.scheme,
      issuer: identity.issuer,
      subject: identity.subject,
      issuedAt: lease.issuedAt,
      expiresAt: lease.expiresAt,
      serverTime: guard.clock.now() / 1000,
      rooms: [...new Set([...memberships, ...grants.keys()])],
    }
  }

  function record(
    entry: Entry,
    room: string | null,
    rule: string,
    code: AuthErrorCode | null,
    startedMs: number,
    { reason, presented }: { readonly reason?: string | undefined; readonly presented?: unknown },
  ): void {
    if (!guard.audit.enabled) return
    const { namespace, socket, identity } = entry
    const named = { ...(room === null ? {} : { room }), ...(reason === undefined ? {} : { reason }) }
    const known = presented === undefined ? named : { ...named, presented }
    guard.audit.record({
      stage: 'join',
      namespace,
      socketId: socket.id,
      ...known,
      identity,
      code,
      rule,
      startedMs,
      of: entry,
    })
  }
}

/**
 * The names asked for, when there are not too many of them and each can be one, and what is shown for them is not too large.
 *
 * @throws AuthError AUTH_FORBIDDEN, AUTH_RATE_LIMITED or AUTH_ARGUMENTS_INVALID
 */
export function admissibleRooms(
  { limits }: Pick<Guard, 'limits'>,
  grants: ReadonlyMap<string, unknown>,
  asked: unknown,
  presented: unknown,
): readonly string[] {
  const rooms = roomNames(asked)
  if (isLargerThan(presented, MAX_PRESENTED_BYTES)) {
    throw new AuthError('AUTH_ARGUMENTS_INVALID', { reason: 'presented_too_large' })
  }
  const more = rooms.filter((room) => !grants.has(room)).length
  if (grants.size + more <= limits.maxRooms) return rooms
  throw new AuthError('AUTH_RATE_LIMITED', { reason: 'rooms' })
}

/** A room that cannot exist gets the same answer as one that is closed. */
function roomNames(asked: unknown): readonly string[] {
  const rooms = [...new Set(Array.isArray(asked) ? asked : [asked])]
  if (rooms.length === 0 || !rooms.every(isRoomName)) {
    throw new AuthError('AUTH_FORBIDDEN', { reason: 'room_name' })
  }
  return rooms
}
