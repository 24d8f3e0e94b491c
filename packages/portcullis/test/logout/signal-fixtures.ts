/** Logout tokens and Security Event Tokens, good ones and changed ones, and an `auth` that records what it is asked. */

import type { KeyObject } from 'node:crypto'
import { inspect } from 'node:util'
import type { Clock } from 'portcullis'
import { type BackchannelOptions, backchannelLogout, type RevokingAuth } from 'portcullis/logout/backchannel'
import { type SecurityEventsOptions, securityEvents } from 'portcullis/logout/caep'
import { expect } from 'vitest'
import { NOW, rsa, sign } from '../strategies/jwt-fixtures.ts'

export const ISSUER = 'https://login.example'
export const CLIENT_ID = 'my-client'
export const LOGOUT = 'http://schemas.openid.net/event/backchannel-logout'
export const CAEP = 'https://schemas.openid.net/secevent/caep/event-type/'
export const RISC = 'https://schemas.openid.net/secevent/risc/event-type/'

type Json = Record<string, unknown>

/** Stands at `NOW`; timers run by the system. */
export const fixedClock: Clock = {
  now: () => NOW * 1000,
  setTimer(fn, delayMs) {
    const timer = setTimeout(fn, delayMs)
    return () => clearTimeout(timer)
  },
}

let count = 0

/** Claims of a good logout token, with changes; `undefined` takes one away. */
export function logoutClaims(changes: Json = {}): Json {
  count += 1
  const events = { [LOGOUT]: {} }
  return {
    iss: ISSUER,
    aud: CLIENT_ID,
    sub: 'user-42',
    iat: NOW - 1,
    exp: NOW + 120,
    jti: `jti-${count}`,
    events,
    ...changes,
  }
}

/** A logout token; `logout+jwt`, RS256, unless changed. */
export function logoutToken(changes: Json = {}, header: Json = {}, key: KeyObject | Uint8Array = rsa.privateKey) {
  return sign(logoutClaims(changes), { alg: 'RS256', typ: 'logout+jwt', ...header }, key)
}

/** Claims of a good SET about `session-revoked` of `user-42`. */
export function eventClaims(changes: Json = {}): Json {
  count += 1
  return {
    iss: ISSUER,
    aud: CLIENT_ID,
    iat: NOW - 1,
    jti: `jti-${count}`,
    sub_id: { format: 'iss_sub', iss: ISSUER, sub: 'user-42' },
    events: { [`${CAEP}session-revoked`]: { event_timestamp: NOW - 60 } },
    ...changes,
  }
}

export function eventToken(changes: Json = {}, header: Json = {}, key: KeyObject | Uint8Array = rsa.privateKey) {
  return sign(eventClaims(changes), { alg: 'RS256', typ: 'secevent+jwt', ...header }, key)
}

/** What was revoked: keys, and before when. */
export interface Asked {
  readonly key: unknown
  readonly issuedBefore: number | undefined
}

export function recorder(answer: () => Promise<unknown> = async () => {}) {
  const asked: Asked[] = []
  const errors: unknown[] = []
  const auth: RevokingAuth = {
    revoke(key, options = {}) {
      asked.push({ key, issuedBefore: options.issuedBefore })
      return answer()
    },
  }
  return { auth, asked, errors, onError: (error: unknown) => void errors.push(error) }
}

/** Nothing of the token may be in what an operator is told. */
export function expectNoLeak(errors: readonly unknown[], token: string): void {
  const written = inspect(errors, { depth: 9 }) + JSON.stringify(errors)
  for (const part of [token, ...token.split('.')]) if (part.length >= 12) expect(written).not.toContain(part)
}

/** A receiver of logout tokens by the fixed clock, for the RSA key unless the options say otherwise. */
export function logoutReceiverWith(options: object = {}, answer?: () => Promise<unknown>) {
  const recorded = recorder(answer)
  const receiver = backchannelLogout(recorded.auth, optionsWith(recorded.onError, options) as BackchannelOptions)
  const post = (token: string) => receiver.receive(new URLSearchParams({ logout_token: token }))
  return { ...recorded, receiver, post }
}

/** A receiver of Security Event Tokens, likewise. */
export function eventReceiverWith(options: object = {}, answer?: () => Promise<unknown>) {
  const recorded = recorder(answer)
  const { receive } = securityEvents(recorded.auth, optionsWith(recorded.onError, options) as SecurityEventsOptions)
  return { ...recorded, receive }
}

function optionsWith(onError: (error: unknown) => void, options: object): object {
  return { issuer: ISSUER, audience: CLIENT_ID, keys: rsa.publicKey, clock: fixedClock, onError, ...options }
}
