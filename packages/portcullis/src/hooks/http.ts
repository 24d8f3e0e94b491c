/** A back end in any language that decides, over HTTP, about connections, rooms and events, and acts upon events. */

import { monotonicMs } from '../core/clock.ts'
import type { Decision } from '../core/decision.ts'
import { createHttpCall } from '../outbound/http-call.ts'
import type { Verdict } from '../strategies/webhook-answer.ts'
import { type AskFor, createApart } from './http-apart.ts'
import { createBatch, createSingle } from './http-batch.ts'
import { createConnect } from './http-connect.ts'
import { createForgotten, type Principal } from './http-forgotten.ts'
import type { HttpHooks } from './http-hooks.ts'
import { identityOf, itemOf, textOf } from './http-item.ts'
import { createKepts } from './http-kept.ts'
import { createMemory } from './http-memory.ts'
import { createNotices } from './http-notices.ts'
import { type HttpHooksOptions, settingsOf } from './http-options.ts'
import { createPost, notify } from './http-post.ts'
import {
  createEventRule,
  createHandle,
  createJoinRule,
  createMemberships,
  readDecision,
  readVerdict,
} from './http-rules.ts'

export type { HandledEvent } from './http-answer.ts'
export type { HookConnectOptions } from './http-connect.ts'
export type { DisconnectNotice, HttpHooks, HttpHooksState } from './http-hooks.ts'
export type { HookBatch, HookCache, HttpHooksOptions } from './http-options.ts'
export type { HookForward } from './http-presented.ts'
export type { HandleRequest } from './http-rules.ts'
export { type VerifiedHookRequest, type VerifyHookRequestOptions, verifyHookRequest } from './http-verify.ts'
export type {
  HookConnectAnswer,
  HookConnectItem,
  HookDecisionAnswer,
  HookDenyCode,
  HookDisconnectItem,
  HookEventItem,
  HookHandledAnswer,
  HookHandleItem,
  HookIdentity,
  HookItem,
  HookJoinItem,
  HookMembershipsAnswer,
  HookMembershipsItem,
  HookPublication,
  HookRequest,
  HookResponse,
  HookTarget,
} from './http-wire.ts'

/**
 * Asks a back end with signed POST requests, each with up to `batch.size` questions. What permits nothing explicitly permits nothing.
 * No answer within `timeoutMs`, another status than 200, an unusable answer: AUTH_UNAVAILABLE, which admits nobody and ends nothing
 * that there is. One unusable item is that to nobody else.
 *
 * Requests are signed as Standard Webhooks has it; the back end must verify that (`verifyHookRequest` here, twenty lines in PHP).
 * Questions that are the same are one question while they are under way, and remembered for as long as the back end permits.
 *
 * Does not check: what the back end says of anybody, and whether forwarded headers are true. Follows no redirect, and refuses a host whose
 * name resolves to a private address unless `allowPrivateAddresses`.
 *
 * @throws TypeError at once, when an option is missing or malformed
 *
 * @example
 * const hooks = httpHooks({ url: 'https://app.example/hooks', secret: process.env.HOOK_SECRET ?? '' })
 * const auth = createAuth({ origins, strategies: [hooks.connect({ issuer: 'https://app.example', forward: { cookies: ['PHPSESSID'] } })] })
 * auth.protect(io, { events: { 'message:send': hooks.event }, rooms: { 'organization:{id}': hooks.join } })
 *
 * @see docs/hooks.md; https://www.standardwebhooks.com, RFC 9111 section 5.2.2; subpath `portcullis/hooks/http`
 */
export function httpHooks(options: HttpHooksOptions): HttpHooks {
  // Without a prototype, so that a polluted one configures nothing.
  const settings = settingsOf(Object.assign(Object.create(null), options))
  const { batch, cache, clock, maxConcurrent, maxNotices, onError } = settings
  // The breaker keeps the clock that everything else here does.
  const system = options.clock === undefined ? {} : { now: () => monotonicMs(clock) }
  const questions = createHttpCall(settings.call, system)
  // Apart, because strangers ask these: whoever makes the back end fail by what he presents shuts out no one who is connected.
  const strangers = createHttpCall(settings.call, system)
  // Apart, because what is slow to act upon must not hold up what is to be decided.
  const events = createHttpCall(settings.call, system)
  // Apart as well: whoever makes the back end fail must open nobody else's breaker.
  const apart = createHttpCall({ ...settings.call, maxConcurrent: Math.ceil(maxConcurrent / 4) }, system)
  const told = createHttpCall({ ...settings.call, maxConcurrent: 1 }, system)

  const alone = createSingle(createPost(apart, settings, true))
  const [ask, askForStrangers] = [questions, strangers].map((call) =>
    createApart({
      together: createBatch(createPost(call, settings, true), batch),
      alone,
      now: () => monotonicMs(clock),
    }),
  ) as [AskFor, AskFor]
  const keepMs = cache.maxSeconds * 1000 + settings.timeoutMs + batch.waitMs
  const forgotten = createForgotten(() => clock.now(), keepMs, purge)
  const shared = { ask, cache, clock, forgotten }
  const joins = createMemory<Decision>({ ...shared, read: readDecision })
  const permissions = createMemory<Decision>({ ...shared, read: readDecision })
  // The issuer is the strategy's to say, and one subject forgotten for two issuers is asked for once more.
  const logins = createMemory<Verdict>({
    ...shared,
    ask: askForStrangers,
    askAnew: ask,
    read: readVerdict,
    aboutOf: subjectOf,
  })
  const keptOf = createKepts(() => clock.now(), settings.graceMs)
  const memories = [joins, permissions, logins]
  const notices = createNotices({
    send: (items) => notify(told, settings, items),
    clock,
    onError,
    size: batch.size,
    waitMs: batch.waitMs,
    limit: maxNotices,
  })

  function purge(): void {
    for (const memory of memories) memory.purge()
  }

  function forget({ issuer, subject }: Principal): void {
    forgotten.forget({ issuer, subject })
    forgotten.forget({ issuer: '', subject })
  }

  return Object.freeze({
    connect: (given) => createConnect(given, { settings, memory: logins, keptOf, forget }),
    join: createJoinRule(joins),
    event: createEventRule(permissions),
    memberships: createMemberships(ask),
    handle: createHandle(createSingle(createPost(events, settings, false))),
    disconnect({ identity, namespace, socketId, reason }) {
      const at = clock.now() / 1000
      try {
        notices.put(
          itemOf(textOf({ type: 'disconnect', identity: identityOf(identity), namespace, socketId, reason, at })),
        )
      } catch (error) {
        onError(error, 'a notice of hooks')
      }
    },
    forget,
    state: () => ({
      questions: questions.state(),
      connects: strangers.state(),
      apart: apart.state(),
      events: events.state(),
      notices: notices.state(),
      remembered: memories.reduce((sum, memory) => sum + memory.size(), 0),
    }),
    close: notices.close,
  } satisfies HttpHooks)
}

function subjectOf(verdict: Verdict): Principal | null {
  return verdict.permit === true ? { issuer: '', subject: verdict.subject } : null
}
