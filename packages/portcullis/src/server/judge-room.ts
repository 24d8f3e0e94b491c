/** May this identity hold this room? */

import { decide } from '../core/decide.ts'
import type { Decision } from '../core/decision.ts'
import { earlier } from '../core/lease.ts'
import { decideOptions, type Guard } from './guard.ts'
import type { Entry } from './registry.ts'

/** How a room ended up: until when it may be held, or why it may not be joined. */
export interface Verdict {
  readonly room: string
  readonly decision: Decision
  /** As the audit log names it. */
  readonly rule: string
}

/** Who asks; an `Entry` is one. */
export interface Asker extends Pick<Entry, 'policy' | 'identity' | 'lease' | 'namespace'> {
  readonly socket: {
    readonly id: string
    readonly nsp: { readonly adapter: { readonly sids: Pick<ReadonlyMap<string, unknown>, 'has'> } }
  }
}

/** Where several patterns match, all must permit, in whatever order they stand; where none does, the room is closed. */
export async function judgeRoom(guard: Guard, asker: Asker, room: string, presented: unknown): Promise<Verdict> {
  const { policy, identity, lease, namespace, socket } = asker
  let expiresAt: number | null = null
  let rule = 'rooms'
  // The private room of a socket carries its id; no pattern may ever open one.
  if (socket.nsp.adapter.sids.has(room)) return { room, rule, decision: { effect: 'deny', code: 'AUTH_FORBIDDEN' } }
  for (const candidate of policy.rooms) {
    const params = candidate.pattern.match(room)
    if (params === null) {
      guard.trace?.check(candidate.name, undefined, performance.now())
      continue
    }
    rule = candidate.name
    const request = { identity, lease, namespace, room, params, socketId: socket.id, presented }
    const decision = await decide(candidate, request, decideOptions(guard))
    if (decision.effect === 'deny') return { room, rule, decision }
    expiresAt = earlier(expiresAt, decision.expiresAt)
  }
  const decided = rule !== 'rooms'
  return {
    room,
    rule,
    decision: decided ? { effect: 'permit', expiresAt } : { effect: 'deny', code: 'AUTH_FORBIDDEN' },
  }
}

/** Why a room may not be held at this moment, or null: a permission that has already ended is none. */
export function codeOfVerdict({ decision }: Verdict, nowSeconds: number) {
  if (decision.effect === 'deny') return decision.code
  return decision.expiresAt !== null && decision.expiresAt <= nowSeconds ? ('AUTH_EXPIRED' as const) : null
}
