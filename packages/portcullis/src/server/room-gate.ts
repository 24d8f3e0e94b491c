/** `auth:join`, `auth:leave` and `auth:whoami`: the rooms that a client asks for, each held under a grant. */

import { decide } from '../core/decide.ts'
import type { Decision } from '../core/decision.ts'
import { earlier } from '../core/lease.ts'
import { isRoomName } from '../core/room-pattern.ts'
import { AuthError, type AuthErrorCode, refusalOf } from '../errors.ts'
import {
  JOIN,
  type JoinReply,
  LEAVE,
  LEFT,
  type LeaveReply,
  type LeftNotice,
  WHOAMI,
  type WhoamiReply,
} from '../protocol.ts'
import type { ProtocolRequest } from './event-gate.ts'
import { decideOptions, endOfEntry, type Guard } from './guard.ts'
import type { Entry, Grant } from './registry.ts'

/** How a room ended up: until when it may be held, or why it may not be joined. */
interface Verdict {
  readonly room: string
  readonly decision: Decision
  readonly rule: string
}

export function createRoomGate(guard: Guard): ProtocolRequest {
  const options = decideOptions(guard)

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
    const rooms = admissible(entry, asked, startedMs)
    const verdicts = await Promise.all(rooms.map((room) => judge(entry, room, presented)))
    const ended = endOfEntry(guard, entry)
    const now = guard.clock.now() / 1000
    const codes = verdicts.map(({ decision }) => ended ?? codeOf(decision, now))
    for (const [i, { room, rule }] of verdicts.entries()) record(entry, room, rule, codes[i] ?? null, startedMs)
    const refused = codes.find((code) => code !== null)
    if (refused !== undefined) throw new AuthError(refused, { reason: 'room' })
    await entry.socket.join([...rooms])
    // Whoever was disconnected meanwhile has left all rooms, and holds none.
    if (entry.state !== 'connected') throw new AuthError('AUTH_EXPIRED', { reason: 'disconnected' })
    let end: number | null = entry.lease.expiresAt
    for (const { room, decision } of verdicts) {
      const expiresAt = decision.effect === 'permit' ? earlier(decision.expiresAt, entry.lease.expiresAt) : null
      hold(entry, room, expiresAt)
      end = earlier(end, expiresAt)
    }
    return { joined: rooms, expiresAt: end }
  }

  /** The names asked for, when there are not too many of them and each can be one. */
  function admissible(entry: Entry, asked: unknown, startedMs: number): readonly string[] {
    try {
      const rooms = roomNames(asked)
      const more = rooms.filter((room) => !entry.grants.has(room)).length
      if (entry.grants.size + more <= guard.limits.maxRooms) return rooms
      throw new AuthError('AUTH_RATE_LIMITED', { reason: 'rooms' })
    } catch (error) {
      if (AuthError.is(error)) record(entry, null, 'rooms', error.code, startedMs, 'join', error.reason)
      throw error
    }
  }

  /** Where several patterns match, all must permit, in whatever order they stand; where none does, the room is closed. */
  async function judge(entry: Entry, room: string, presented: unknown): Promise<Verdict> {
    const { identity, lease, namespace } = entry
    let expiresAt: number | null = null
    let rule = 'rooms'
    // The private room of a socket carries its id; no pattern may ever open one.
    if (entry.socket.nsp.adapter.sids.has(room))
      return { room, rule, decision: { effect: 'deny', code: 'AUTH_FORBIDDEN' } }
    for (const candidate of entry.policy.rooms) {
      const params = candidate.pattern.match(room)
      if (params === null) continue
      rule = candidate.name
      const request = { identity, lease, namespace, room, params, socketId: entry.socket.id, presented }
      const decision = await decide(candidate.rule, request, candidate.where, options)
      if (decision.effect === 'deny') return { room, rule, decision }
      expiresAt = earlier(expiresAt, decision.expiresAt)
    }
    return {
      room,
      rule,
      decision: rule === 'rooms' ? { effect: 'deny', code: 'AUTH_FORBIDDEN' } : { effect: 'permit', expiresAt },
    }
  }

  function hold(entry: Entry, room: string, expiresAt: number | null): void {
    const known = entry.grants.get(room)
    if (known?.expiring) guard.leases.delete(known.expiring)
    // A grant as long as the lease needs no end of its own: the socket's end is its end.
    const ownEnd = expiresAt !== null && expiresAt !== entry.lease.expiresAt
    const expiring = ownEnd ? { expiresAt, expire: () => drop(entry, room) } : null
    if (expiring !== null) guard.leases.add(expiring)
    entry.grants.set(room, { expiresAt, expiring } satisfies Grant)
  }

  function drop(entry: Entry, room: string): void {
    if (!entry.grants.delete(room) || entry.state !== 'connected') return
    if (!entry.memberships.includes(room)) entry.socket.leave(room)
    record(entry, room, 'grant', 'AUTH_EXPIRED', performance.now(), 'expire')
    entry.socket.emit(LEFT, { ...refusalOf('AUTH_EXPIRED'), room } satisfies LeftNotice)
  }

  function leave(entry: Entry, asked: unknown): LeaveReply {
    const left = roomNames(asked).filter((room) => entry.grants.has(room))
    for (const room of left) {
      const grant = entry.grants.get(room)
      if (grant?.expiring) guard.leases.delete(grant.expiring)
      entry.grants.delete(room)
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
    { namespace, socket, identity }: Entry,
    room: string | null,
    rule: string,
    code: AuthErrorCode | null,
    startedMs: number,
    stage: 'join' | 'expire' = 'join',
    reason?: string,
  ): void {
    if (!guard.audit.enabled) return
    const known = { ...(room === null ? {} : { room }), ...(reason === undefined ? {} : { reason }) }
    guard.audit.record({ stage, namespace, socketId: socket.id, ...known, identity, code, rule, startedMs })
  }
}

/** A permission that has already ended is none. */
function codeOf(decision: Decision, nowSeconds: number): AuthErrorCode | null {
  if (decision.effect === 'deny') return decision.code
  return decision.expiresAt !== null && decision.expiresAt <= nowSeconds ? 'AUTH_EXPIRED' : null
}

/** A room that cannot exist gets the same answer as one that is closed. */
function roomNames(asked: unknown): readonly string[] {
  const rooms = [...new Set(Array.isArray(asked) ? asked : [asked])]
  if (rooms.length === 0 || !rooms.every(isRoomName)) {
    throw new AuthError('AUTH_FORBIDDEN', { reason: 'room_name' })
  }
  return rooms
}
