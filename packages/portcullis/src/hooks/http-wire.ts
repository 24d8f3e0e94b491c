/** What travels between this server and a back end that hooks ask: the questions, and what each may be answered with. */

import type { WebhookAnswer } from '../strategies/webhook-answer.ts'

/** Whom a question is about: what a strategy found, claims included. */
export interface HookIdentity {
  readonly scheme: string
  readonly issuer: string
  readonly subject: string
  readonly claims: unknown
}

/** Who presents what; `refresh` asks again about a socket that is connected. Answered with `HookConnectAnswer`. */
export interface HookConnectItem {
  readonly id: string
  readonly type: 'connect' | 'refresh'
  /** From the configured sources; null when only cookies, or only `auth`, were presented. */
  readonly credential: string | null
  /** The payload of the CONNECT packet, with `forward.auth`; null otherwise, and for the handshake. */
  readonly auth: Readonly<Record<string, unknown>> | null
  readonly cookies: Readonly<Record<string, string>>
  /** Claims of the client, all of them. */
  readonly headers: Readonly<Record<string, string>>
  readonly address: string
  readonly secure: boolean
  /** Null for the handshake, which opens every namespace. */
  readonly namespace: string | null
}

/** May this identity join this room? Answered with `HookDecisionAnswer`. */
export interface HookJoinItem {
  readonly id: string
  readonly type: 'join'
  readonly identity: HookIdentity
  readonly namespace: string
  readonly room: string
  readonly params: Readonly<Record<string, string>>
  /** What the client handed over with `auth:join`; left out when it handed over nothing. */
  readonly presented?: unknown
}

/** May this identity send this event? Answered with `HookDecisionAnswer`. */
export interface HookEventItem {
  readonly id: string
  readonly type: 'event'
  readonly identity: HookIdentity
  readonly namespace: string
  readonly event: string
  readonly args: readonly unknown[]
}

/** An event that was permitted, to be acted upon. The id names it: when it comes twice, it is the same. Answered with `HookHandledAnswer`. */
export interface HookHandleItem {
  readonly id: string
  readonly type: 'handle'
  readonly identity: HookIdentity
  readonly namespace: string
  readonly event: string
  readonly args: readonly unknown[]
  /** Null when the caller named none. */
  readonly socketId: string | null
}

/** Which rooms follow from who this is? Answered with `HookMembershipsAnswer`. */
export interface HookMembershipsItem {
  readonly id: string
  readonly type: 'memberships'
  readonly identity: HookIdentity
}

/** A socket is gone. Nobody waits for an answer: any status of 2xx is one. Repeated with the same id when there was none. */
export interface HookDisconnectItem {
  readonly id: string
  readonly type: 'disconnect'
  readonly identity: HookIdentity
  readonly namespace: string
  readonly socketId: string
  readonly reason: string
  /** Epoch seconds. */
  readonly at: number
}

/** One question, by its `type`. */
export type HookItem =
  | HookConnectItem
  | HookJoinItem
  | HookEventItem
  | HookHandleItem
  | HookMembershipsItem
  | HookDisconnectItem

/** The body of a request, as JSON. */
export interface HookRequest {
  readonly version: 1
  /** Names the request; not that of the signature, which is another each time it is sent. */
  readonly id: string
  readonly items: readonly HookItem[]
}

/** Codes that a decision may be denied with. */
export type HookDenyCode = 'AUTH_FORBIDDEN' | 'AUTH_INSUFFICIENT_SCOPE' | 'AUTH_ARGUMENTS_INVALID' | 'AUTH_RATE_LIMITED'

/** What every answer to one question has. Members that are not listed make it unusable, so that a misspelt limit is noticed. */
interface Answered {
  /** That of the question. */
  readonly id: string
}

/** What may be remembered says so: for how many seconds. Counts before the `Cache-Control` of the whole answer. */
interface Remembered extends Answered {
  readonly maxAgeSeconds?: number
}

/** The answer to `connect` and `refresh`: as that of the `webhook` strategy. `permit: null` is "no credential of mine". */
export type HookConnectAnswer = Remembered & WebhookAnswer

/** The answer to `join` and `event`. `expiresAt` is epoch seconds: a room is left then. */
export type HookDecisionAnswer =
  | (Remembered & { readonly permit: true; readonly expiresAt?: number })
  | (Remembered & { readonly permit: false; readonly code?: HookDenyCode })

/** The answer to `handle`. `reply` are the arguments of the client's acknowledgement. */
export type HookHandledAnswer =
  | (Answered & {
      readonly permit: true
      readonly reply?: readonly unknown[]
      readonly publish?: readonly HookPublication[]
    })
  | (Answered & { readonly permit: false; readonly code?: HookDenyCode })

/** Something to send to others: to a room, to all sockets of a user, or to everybody in the namespace. */
export interface HookPublication {
  /** Default: that of the event. */
  readonly namespace?: string
  readonly to: HookTarget
  readonly event: string
  readonly args: readonly unknown[]
}

/** Exactly one of the three. */
export type HookTarget =
  | { readonly room: string }
  | { readonly user: { readonly issuer: string; readonly subject: string } }
  | { readonly namespace: true }

/** The answer to `memberships`. It is never remembered. */
export interface HookMembershipsAnswer extends Answered {
  readonly rooms: readonly string[]
}

/** The body of an answer of status 200, as JSON. A question without an item is one that the back end could not decide. */
export interface HookResponse {
  readonly items: readonly (HookConnectAnswer | HookDecisionAnswer | HookHandledAnswer | HookMembershipsAnswer)[]
}
