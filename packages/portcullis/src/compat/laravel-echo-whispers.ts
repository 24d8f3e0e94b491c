/** What one client says to the others of a channel. */

import type { AuditSink } from 'portcullis'
import type { Socket } from 'socket.io'
import { createBucket } from './laravel-echo-bucket.ts'
import { field, isClientEvent, needsAuthorization } from './laravel-echo-names.ts'
import type { Settings } from './laravel-echo-options.ts'
import type { ToChannel } from './laravel-echo-presence.ts'
import type { Subscriptions } from './laravel-echo-subscriptions.ts'
import { recordLegacy } from './legacy-audit.ts'

export interface WhisperParts {
  readonly subscriptions: Subscriptions
  readonly settings: Settings
  readonly toChannel: ToChannel
  readonly audit: AuditSink | undefined
}

/** Takes what a client sent as `client event`: `{ channel, event, data }`, or the JSON of it. What may not be is dropped. */
export function whispersOf(
  socket: Socket,
  { subscriptions, settings, toChannel, audit }: WhisperParts,
): (payload: unknown) => void {
  const { whispersPerSecond, maxWhisperBytes } = settings
  const take = createBucket(whispersPerSecond, whispersPerSecond * 2)

  function drop(startedMs: number, reason: string): void {
    const identity = socket.data.identity ?? null
    const code = reason === 'too_often' ? 'AUTH_RATE_LIMITED' : 'AUTH_FORBIDDEN'
    recordLegacy(audit, socket, { stage: 'event', rule: 'compat/laravel-echo', identity, code, reason, startedMs })
  }

  return function whisper(payload) {
    const startedMs = performance.now()
    if (!take()) return drop(startedMs, 'too_often')
    const said = typeof payload === 'string' ? parsed(payload, maxWhisperBytes) : payload
    const channel = field(said, 'channel')
    const event = field(said, 'event')
    if (typeof channel !== 'string' || !isClientEvent(event)) return drop(startedMs, 'malformed')
    if (!needsAuthorization(channel) || !subscriptions.holds(channel)) return drop(startedMs, 'not_a_member')
    const data = plain(field(said, 'data'), maxWhisperBytes)
    if (data === TOO_MUCH) return drop(startedMs, 'data')
    toChannel(channel, event, data, socket.id)
  }
}

const TOO_MUCH = Symbol('too much')

/** The value as JSON has it. */
function plain(value: unknown, maxBytes: number): unknown {
  if (value === undefined) return undefined
  try {
    const text = JSON.stringify(value)
    return text === undefined || Buffer.byteLength(text) > maxBytes ? TOO_MUCH : JSON.parse(text)
  } catch {
    return TOO_MUCH
  }
}

/** Names may be as long again as the data. */
function parsed(text: string, maxBytes: number): unknown {
  if (text.length > maxBytes + 1024) return null
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
