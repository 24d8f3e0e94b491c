/** Keys, tokens and requests for the tests of the `jwt` strategy. */

import { createHmac, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { inspect } from 'node:util'
import { CompactSign } from 'jose'
import { handshakeOf } from 'portcullis/testing'
import { expect } from 'vitest'
import type { Connect } from '../../src/core/handshake.ts'
import type { Authentication, Strategy } from '../../src/core/strategy.ts'
import { AuthError, type AuthErrorCode } from '../../src/errors.ts'
import { type JwtOptions, jwt } from '../../src/strategies/jwt.ts'
import { planted } from '../planted.ts'

export const NOW = 1_800_000_000
export const clock = { now: () => NOW * 1000 }
export const ISSUER = 'https://login.example'
export const AUDIENCE = 'chat'

export const secret = Buffer.from(planted('hmac-secret'))
export const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
export const otherRsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
export const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
export const ed25519 = generateKeyPairSync('ed25519')

type Json = Record<string, unknown>

/** Claims of a good token, with changes; `undefined` takes one away. */
export function claimsWith(changes: Json = {}): Json {
  return { iss: ISSUER, aud: AUDIENCE, sub: 'user-42', iat: NOW - 10, exp: NOW + 600, ...changes }
}

/** A token signed by jose. */
export async function sign(claims: Json, header: Json = {}, key: KeyObject | Uint8Array = secret): Promise<string> {
  const payload = new TextEncoder().encode(JSON.stringify(claims))
  return await new CompactSign(payload)
    .setProtectedHeader({ alg: 'HS256', planted: planted('jwt'), ...header })
    .sign(key)
}

/** A token with a good HS256 signature over whatever bytes are given: jose would not write these. */
export function signRaw(header: string | Uint8Array, payload: string | Uint8Array, key: Uint8Array = secret): string {
  const input = `${Buffer.from(header).toString('base64url')}.${Buffer.from(payload).toString('base64url')}`
  return `${input}.${createHmac('sha256', key).update(input).digest('base64url')}`
}

export const HS256_HEADER = '{"alg":"HS256"}'

/** Milliseconds of the fastest of ten runs: what the work takes, whatever else the machine does. */
export function fastestMs(work: () => unknown): number {
  const runs = Array.from({ length: 10 }, () => {
    const start = performance.now()
    work()
    return performance.now() - start
  })
  return Math.min(...runs)
}

/** A strategy for HS256 with the fixed clock, or as the options say. */
export function strategyWith(options: Partial<JwtOptions> = {}) {
  return jwt({ issuer: ISSUER, audience: AUDIENCE, keys: secret, clock, ...options })
}

export function connectWith(token: unknown): Connect {
  return { namespace: '/', auth: { token } }
}

/** What the strategy makes of a token in the header, and of the same token in the CONNECT packet. */
export function present<S extends Strategy>(strategy: S, token: string): Promise<PromiseSettledResult<unknown>[]> {
  return Promise.allSettled([
    strategy.authenticate(handshakeOf({ headers: { authorization: `Bearer ${token}` } }), null),
    strategy.authenticate(handshakeOf(), connectWith(token)),
  ])
}

/** Both ways must accept, with the same result, which is returned. */
export async function accepted(strategy: Strategy, token: string): Promise<Authentication> {
  const [header, auth] = (await present(strategy, token)).map((result) => {
    if (result.status === 'rejected') throw result.reason
    return result.value
  })
  expect(header).not.toBeNull()
  expect(auth).toEqual(header)
  return header as Authentication
}

/** Both ways must refuse with this code and reason, and must not repeat the token. */
export async function refused(strategy: Strategy, token: string, reason?: string, code?: AuthErrorCode): Promise<void> {
  for (const result of await present(strategy, token)) {
    expectRefusal(result, token, reason, code)
  }
}

export function expectRefusal(
  result: PromiseSettledResult<unknown> | undefined,
  token: string,
  reason?: string,
  code: AuthErrorCode = 'AUTH_CREDENTIAL_INVALID',
): void {
  const error = result?.status === 'rejected' ? result.reason : undefined
  if (!AuthError.is(error)) throw new Error('was not refused with an AuthError', { cause: error ?? result })
  expect({ code: error.code, ...(reason === undefined ? {} : { reason: error.reason }) }).toEqual({
    code,
    ...(reason === undefined ? {} : { reason }),
  })
  const written = [error.message, error.stack, JSON.stringify(error), inspect(error, { depth: 9 })].join('\n')
  for (const part of [token, ...token.split('.')]) {
    if (part.length >= 12) expect(written.includes(part)).toBe(false)
  }
}
