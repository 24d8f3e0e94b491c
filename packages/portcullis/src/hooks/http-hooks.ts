/** What the hooks of one back end offer: a strategy, rules, and what is told. */

import type { Identity } from '../core/identity.ts'
import type { EventRequest, RoomRequest, Rule } from '../core/policy.ts'
import type { Strategy } from '../core/strategy.ts'
import type { HttpCallState } from '../outbound/http-call.ts'
import type { WebhookClaims } from '../strategies/webhook.ts'
import type { HandledEvent } from './http-answer.ts'
import type { HookConnectOptions } from './http-connect.ts'
import type { Principal } from './http-forgotten.ts'
import type { NoticesState } from './http-notices.ts'
import type { HandleRequest } from './http-rules.ts'

/** A socket that is gone. */
export interface DisconnectNotice {
  readonly identity: Identity
  readonly namespace: string
  readonly socketId: string
  /** Socket.IO's word, such as `transport close`. */
  readonly reason: string
}

/** How the calls fare, and what is remembered. */
export interface HttpHooksState {
  /** Of questions about those who are connected, which go together. */
  readonly questions: HttpCallState
  /** Of questions about those who connect, which go together. */
  readonly connects: HttpCallState
  /** Of questions of those who made a request fail. */
  readonly apart: HttpCallState
  /** Of events to act upon. */
  readonly events: HttpCallState
  readonly notices: NoticesState
  /** Answers of all kinds. */
  readonly remembered: number
}

/** The hooks of one back end. Made by `httpHooks`. */
export interface HttpHooks {
  /** A strategy that asks who presents what. */
  readonly connect: <Claims = WebhookClaims, const Scheme extends string = 'hook'>(
    options: HookConnectOptions<Claims, Scheme>,
  ) => Strategy<Identity<Scheme, Claims>>
  /** A rule for rooms. */
  readonly join: Rule<RoomRequest>
  /** A rule for events. It says whether an event may be sent, and not what comes of it. */
  readonly event: Rule<EventRequest>
  /** For `memberships` of a policy. */
  readonly memberships: (identity: Identity) => Promise<readonly string[]>
  /**
   * Has the back end act upon an event that was permitted. A request of its own, sent once. Order is the caller's: wait for the
   * first before the second.
   *
   * @throws AuthError the code of the answer; AUTH_ARGUMENTS_INVALID for binary data, and above 256 KiB; AUTH_UNAVAILABLE when there is no
   * usable answer, and the back end may have acted all the same
   */
  readonly handle: (request: HandleRequest) => Promise<HandledEvent>
  /** Tells the back end that a socket is gone: later, with others, and perhaps never. Does not throw. */
  readonly disconnect: (notice: DisconnectNotice) => void
  /** Forgets what is remembered about one principal: what is asked from now on is asked of the back end. For after a revocation or a change of rights. */
  readonly forget: (principal: Principal) => void
  /** For metrics. */
  readonly state: () => HttpHooksState
  /** Sends the notices that wait, once, and takes no more. */
  readonly close: () => Promise<void>
}
