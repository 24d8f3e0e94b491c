/** Rules and memberships that a back end decides. */

import type { Decision } from '../core/decision.ts'
import type { Identity } from '../core/identity.ts'
import type { EventRequest, RoomRequest, Rule } from '../core/policy.ts'
import { AuthError } from '../errors.ts'
import type { JsonObject } from '../strategies/strict-json.ts'
import { type Verdict, verdictIn } from '../strategies/webhook-answer.ts'
import { bareOf, decisionOf, type HandledEvent, handledOf, roomsOf } from './http-answer.ts'
import type { AskFor } from './http-apart.ts'
import type { Ask } from './http-batch.ts'
import { nameOf } from './http-forgotten.ts'
import { identityOf, textOf } from './http-item.ts'
import type { Memory, Read } from './http-memory.ts'

/** An event that the policy permitted, for the back end to act upon. */
export interface HandleRequest extends Pick<EventRequest, 'identity' | 'namespace' | 'event' | 'args'> {
  readonly socketId?: string
}

export function createJoinRule(memory: Memory<Decision>): Rule<RoomRequest> {
  return async function joinHook({ identity, namespace, room, params, presented }) {
    const question = { type: 'join' as const, identity: identityOf(identity), namespace, room, params }
    const text = textOf(presented === undefined ? question : { ...question, presented })
    return (await memory.ask(text, identity)).value
  }
}

export function createEventRule(memory: Memory<Decision>): Rule<EventRequest> {
  return async function eventHook({ identity, namespace, event, args }) {
    const text = textOf({ type: 'event', identity: identityOf(identity), namespace, event, args })
    return (await memory.ask(text, identity)).value
  }
}

/** Never remembered, nor shared: whoever reconciles asks because something has changed, and on other nodes too. */
export function createMemberships(ask: AskFor): (identity: Identity) => Promise<readonly string[]> {
  return async function membershipsHook(identity) {
    const text = textOf({ type: 'memberships', identity: identityOf(identity) })
    return roomsOf((await ask(text, nameOf(identity))).answer)
  }
}

/** Each event is a request of its own, which waits for no other. */
export function createHandle(ask: Ask): (request: HandleRequest) => Promise<HandledEvent> {
  return async function handleHook({ identity, namespace, event, args, socketId = null }) {
    const text = textOf({ type: 'handle', identity: identityOf(identity), namespace, event, args, socketId })
    const handled = handledOf((await ask(text)).answer)
    if (typeof handled === 'string') throw new AuthError(handled, { reason: 'refused_by_back_end' })
    return handled
  }
}

export function readDecision(answer: JsonObject): Read<Decision> {
  const value = decisionOf(answer)
  return { value, negative: value.effect === 'deny', endsAt: value.effect === 'permit' ? value.expiresAt : null }
}

export function readVerdict(answer: JsonObject): Read<Verdict> {
  const value = verdictIn(bareOf(answer))
  const endsAt = value.permit === true ? (value.expiresAt ?? null) : null
  return { value, negative: value.permit !== true, endsAt }
}
