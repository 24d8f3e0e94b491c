/** Signed cookies, a store that counts, and a clock that tests move. */

import { inspect } from 'node:util'
import { sign } from 'cookie-signature'
import expressSession from 'express-session'
import { AuthError, type AuthErrorCode, type Clock, type Handshake, type Strategy } from 'portcullis'
import { handshakeOf } from 'portcullis/testing'
import { expect } from 'vitest'
import { planted } from '../planted.ts'

export const SECRET = planted('cookie-secret')
export const OLD_SECRET = 'an older secret, also longer than 32 bytes'
export const SID = planted('session-id')
export const START = Date.UTC(2026, 0, 1)

export function signed(sid: string, secret = SECRET): string {
  return `s:${sign(sid, secret)}`
}

/** A handshake with one session cookie, escaped as express-session escapes it. */
export function withCookie(value: string, name = 'connect.sid'): Handshake {
  return handshakeOf({ headers: { cookie: `${name}=${encodeURIComponent(value)}` } })
}

export function withHeader(cookie: string): Handshake {
  return handshakeOf({ headers: { cookie } })
}

/** express-session's own store, which also says what it was asked, and answers with `answer` where one is set. */
export class CountingStore extends expressSession.MemoryStore {
  readonly asked: string[] = []
  readonly written: string[] = []

  override get(sid: string, callback: (error: unknown, session?: expressSession.SessionData | null) => void): void {
    this.asked.push(sid)
    super.get(sid, callback)
  }
  override set(sid: string, session: expressSession.SessionData, callback?: (error?: unknown) => void): void {
    this.written.push(`set ${sid}`)
    super.set(sid, session, callback)
  }
  override touch(sid: string, session: expressSession.SessionData, callback?: () => void): void {
    this.written.push(`touch ${sid}`)
    super.touch(sid, session, callback)
  }
  override destroy(sid: string, callback?: (error?: unknown) => void): void {
    this.written.push(`destroy ${sid}`)
    super.destroy(sid, callback)
  }
}

/** A store that answers every question with the same thing. */
export function storeOf(session: unknown) {
  const asked: string[] = []
  return {
    asked,
    get(sid: string, callback: (error: unknown, session?: unknown) => void) {
      asked.push(sid)
      queueMicrotask(() => callback(null, session))
    },
  }
}

export function manualClock(): Clock & { advance(ms: number): void; readonly pending: number } {
  let now = START
  const timers = new Set<{ readonly at: number; readonly fn: () => void }>()
  return {
    now: () => now,
    setTimer(fn, delayMs) {
      const timer = { at: now + delayMs, fn }
      timers.add(timer)
      return () => timers.delete(timer)
    },
    advance(ms) {
      now += ms
      for (const timer of [...timers]) {
        if (timer.at > now) continue
        timers.delete(timer)
        timer.fn()
      }
    },
    get pending() {
      return timers.size
    },
  }
}

/** The error with which the strategy refuses: its code, its reason, and neither cookie nor session id in its text. */
export async function refusal(
  strategy: Strategy,
  handshake: Handshake,
  [code, reason]: readonly [AuthErrorCode, string],
  hidden: readonly string[] = [SID],
): Promise<AuthError> {
  const outcome: unknown = await strategy.authenticate(handshake, null).catch((error: unknown) => error)
  if (!AuthError.is(outcome)) throw new Error(`not refused: ${inspect(outcome)}`)
  expect([outcome.code, outcome.reason]).toEqual([code, reason])
  const cookie = handshake.headers.cookie
  const shown = `${inspect(outcome, { depth: 8 })}\n${JSON.stringify(outcome)}\n${outcome.stack}`
  for (const value of [...hidden, ...(typeof cookie === 'string' ? [cookie] : [])]) expect(shown).not.toContain(value)
  return outcome
}
