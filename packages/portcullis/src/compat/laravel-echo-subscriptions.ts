/** Which channels a socket is in: asked for, granted for a time, and asked for again. */

import type { AuditSink, AuthErrorCode } from 'portcullis'
import type { Socket } from 'socket.io'
import { createBucket } from './laravel-echo-bucket.ts'
import { credentialsOf, identifyByCredential, identifyByMember } from './laravel-echo-credentials.ts'
import type { Answer, Endpoint } from './laravel-echo-endpoint.ts'
import type { ReadHeaders } from './laravel-echo-headers.ts'
import { field, isName, isPresence, needsAuthorization, roomOf } from './laravel-echo-names.ts'
import type { Settings } from './laravel-echo-options.ts'
import { type Entry, type Member, memberOf, type Presence, userOf } from './laravel-echo-presence.ts'
import { recordLegacy } from './legacy-audit.ts'

export interface SubscriptionParts {
  readonly endpoint: Endpoint
  readonly presence: Presence
  readonly settings: Settings
  readonly readHeaders: ReadHeaders
  readonly origins: readonly string[] | undefined
  readonly audit: AuditSink | undefined
  readonly sendSocketId: boolean
  /** One more, or one fewer, is in a channel of this node. */
  readonly counted: (channel: string, difference: 1 | -1) => void
}

/** The channels of one socket. */
export interface Subscriptions {
  subscribe(payload: unknown): void
  unsubscribe(payload: unknown): void
  /** Whether it is in the channel, by a grant where one is needed. */
  holds(channel: string): boolean
  /** Leaves everything; nothing that is still asked for comes to be. */
  end(): Promise<void>
}

interface Subscription {
  readonly channel: string
  headers: Readonly<Record<string, string>>
  /** Changes with each question, so that only the last one's answer counts. */
  asked: number
  /** When the application last said yes; null until it has. `performance.now()`. */
  grantedMs: number | null
  member: Member | null
  timer: NodeJS.Timeout | null
}

/** How soon the application is asked again after it could not be. */
const RETRY_MS = 15_000
const RULE = 'compat/laravel-echo'

export function subscriptionsOf(socket: Socket, parts: SubscriptionParts): Subscriptions {
  const { endpoint, presence, settings, readHeaders, origins, audit, sendSocketId, counted } = parts
  const { reauthorizeEveryMs, outageGraceMs, maxChannels, subscribesPerSecond } = settings
  const known = new Map<string, Subscription>()
  const take = createBucket(subscribesPerSecond, Math.max(subscribesPerSecond, maxChannels))
  let ended = false

  function record(room: string, code: AuthErrorCode | null, startedMs: number, reason?: string): void {
    const identity = socket.data.identity ?? null
    recordLegacy(audit, socket, { stage: 'join', rule: RULE, identity, code, room, reason, startedMs })
  }

  function refuse(channel: string, status: number, code: AuthErrorCode, startedMs: number, reason?: string): void {
    record(channel, code, startedMs, reason)
    socket.emit('subscription_error', channel, status)
  }

  function subscribe(payload: unknown) {
    const startedMs = performance.now()
    const channel = field(payload, 'channel')
    if (!isName(channel) || ended) return
    if (!take()) return refuse(channel, 429, 'AUTH_RATE_LIMITED', startedMs, 'too_often')
    const before = known.get(channel)
    if (before === undefined && known.size >= maxChannels) {
      return refuse(channel, 429, 'AUTH_RATE_LIMITED', startedMs, 'too_many_channels')
    }
    if (!needsAuthorization(channel)) {
      if (before === undefined) hold(remember(channel, {}), startedMs)
      return
    }
    const credentials = credentialsOf(socket, field(payload, 'auth'), readHeaders, origins)
    if ('refused' in credentials) {
      const { refused } = credentials
      if (refused === 'malformed') return refuse(channel, 400, 'AUTH_ARGUMENTS_INVALID', startedMs, refused)
      return refuse(channel, 403, 'AUTH_ORIGIN_REFUSED', startedMs, refused)
    }
    const subscription = before ?? remember(channel, credentials.headers)
    subscription.headers = credentials.headers
    ask(subscription, true)
  }

  function remember(channel: string, headers: Subscription['headers']): Subscription {
    const made: Subscription = { channel, headers, asked: 0, grantedMs: null, member: null, timer: null }
    known.set(channel, made)
    return made
  }

  /** `announce`: the client has asked, and is to hear who is there. */
  function ask(subscription: Subscription, announce: boolean): void {
    const startedMs = performance.now()
    const { channel, headers } = subscription
    subscription.asked += 1
    const { asked } = subscription
    if (subscription.timer !== null) clearTimeout(subscription.timer)
    const form = sendSocketId ? { channel_name: channel, socket_id: socket.id } : { channel_name: channel }
    void endpoint.ask({ form, headers }).then((answer) => {
      // It was left, or asked for anew, meanwhile: the client's last word counts.
      if (ended || known.get(channel) !== subscription || subscription.asked !== asked) return
      heard(subscription, answer, announce, startedMs)
    })
  }

  function heard(subscription: Subscription, answer: Answer, announce: boolean, startedMs: number) {
    const { channel } = subscription
    if (answer.is === 'away') return unanswered(subscription, answer, startedMs)
    if (answer.is === 'refused') return drop(subscription, answer.status, 'AUTH_FORBIDDEN', startedMs)
    if (isPresence(channel)) {
      const member = memberOf(answer.body)
      if (member === null) return drop(subscription, 0, 'AUTH_ERROR', startedMs, 'member_missing')
      const { member: before } = subscription
      if (before !== null && userOf(before) !== userOf(member)) {
        return drop(subscription, 403, 'AUTH_SUBJECT_CHANGED', startedMs)
      }
      subscription.member = member
      identifyByMember(socket, member)
    } else identifyByCredential(socket, subscription.headers)
    if (subscription.grantedMs === null) hold(subscription, startedMs)
    else record(channel, null, startedMs, 'reauthorized')
    subscription.grantedMs = performance.now()
    again(subscription, reauthorizeEveryMs)
    if (announce) arrive(subscription)
  }

  function hold(subscription: Subscription, startedMs: number): void {
    subscription.grantedMs = performance.now()
    void socket.join(roomOf(subscription.channel))
    counted(subscription.channel, 1)
    record(subscription.channel, null, startedMs)
  }

  function arrive(subscription: Subscription): void {
    const entry = entryOf(subscription)
    if (entry === null) return
    void presence.join(socket, entry).then((told) => {
      if (told || ended || known.get(subscription.channel) !== subscription) return
      drop(subscription, 503, 'AUTH_UNAVAILABLE', performance.now(), 'presence')
    })
  }

  function unanswered(subscription: Subscription, { status, reason }: Answer & { is: 'away' }, startedMs: number) {
    const { channel, grantedMs } = subscription
    const endsMs = grantedMs === null ? 0 : grantedMs + reauthorizeEveryMs + outageGraceMs
    const leftMs = endsMs - performance.now()
    if (leftMs <= 0) return drop(subscription, status, 'AUTH_UNAVAILABLE', startedMs, reason)
    record(channel, 'AUTH_UNAVAILABLE', startedMs, 'kept_for_now')
    again(subscription, Math.min(RETRY_MS, reauthorizeEveryMs, leftMs))
  }

  /** Spread, so that sockets which came together do not ask together. */
  function again(subscription: Subscription, withinMs: number): void {
    if (subscription.timer !== null) clearTimeout(subscription.timer)
    subscription.timer = setTimeout(() => ask(subscription, false), withinMs * (0.9 + Math.random() * 0.1))
    subscription.timer.unref()
  }

  function drop(subscription: Subscription, status: number, code: AuthErrorCode, startedMs: number, reason?: string) {
    void leave(subscription)
    refuse(subscription.channel, status, code, startedMs, reason)
  }

  async function leave(subscription: Subscription): Promise<void> {
    const { channel, grantedMs, timer } = subscription
    known.delete(channel)
    if (timer !== null) clearTimeout(timer)
    if (grantedMs === null) return
    void socket.leave(roomOf(channel))
    counted(channel, -1)
    const entry = entryOf(subscription)
    if (entry !== null) await presence.leave(entry)
  }

  const entryOf = ({ channel, member }: Subscription): Entry | null =>
    member === null ? null : { channel, socketId: socket.id, member }

  return {
    subscribe,
    unsubscribe(payload) {
      const channel = field(payload, 'channel')
      const subscription = typeof channel === 'string' ? known.get(channel) : undefined
      if (subscription !== undefined) void leave(subscription)
    },
    holds: (channel) => (known.get(channel)?.grantedMs ?? null) !== null,
    async end() {
      ended = true
      await Promise.all([...known.values()].map(leave))
    },
  }
}
