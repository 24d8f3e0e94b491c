/** The assertions of `strategyContract`: what was asked, what came back, and what must not show in it. */

import assert from 'node:assert/strict'
import { inspect } from 'node:util'
import {
  AuthError,
  type Authentication,
  CODES,
  type Connect,
  type Handshake,
  type Revalidated,
  type Strategy,
} from 'portcullis'

/** What `authenticate` is called with. `connect` is null for the HTTP request. */
export interface StrategyRequest {
  readonly handshake: Handshake
  readonly connect: Connect | null
}

export async function ask(strategy: Strategy, { handshake, connect }: StrategyRequest): Promise<Authentication | null> {
  return strategy.authenticate(handshake, connect)
}

export async function recognised(strategy: Strategy, request: StrategyRequest): Promise<Authentication> {
  const answer = await ask(strategy, request)
  assert.ok(answer !== null, 'the good credential was not recognised')
  return answer
}

/** A strategy that looks again at what it accepted. */
export type RevalidatingStrategy = Strategy & Required<Pick<Strategy, 'revalidate' | 'revalidateEveryMs'>>

export function looksAgain(strategy: Strategy): strategy is RevalidatingStrategy {
  const { revalidate, revalidateEveryMs } = strategy
  if (revalidate === undefined && revalidateEveryMs === undefined) return false
  assert.equal(typeof revalidate, 'function', 'revalidateEveryMs needs revalidate')
  const often = Number.isFinite(revalidateEveryMs) && (revalidateEveryMs as number) >= 1_000
  assert.ok(often, 'revalidateEveryMs must be a number of milliseconds from 1,000')
  return true
}

/** One answer for each of what was accepted. */
export async function lookAgain(
  strategy: RevalidatingStrategy,
  accepted: readonly Authentication[],
): Promise<readonly Revalidated[]> {
  for (const authentication of accepted) {
    assert.notEqual(authentication.handle, undefined, 'what was accepted has no handle to look at it again')
    const shown = Object.keys(authentication).includes('handle')
    assert.ok(!shown, 'the handle must not be enumerable, since what was accepted may be printed')
  }
  const answers = await strategy.revalidate(accepted.map(({ handle }) => handle))
  assert.equal(answers.length, accepted.length, 'there must be one answer for each handle')
  return answers
}

export async function refused(strategy: Strategy, request: StrategyRequest): Promise<AuthError> {
  const outcome = await ask(strategy, request).then(
    (answer) => (answer === null ? 'it fell through to the next strategy' : 'it was accepted'),
    (error: unknown) => (AuthError.is(error) ? error : 'it threw something that is not an AuthError'),
  )
  if (typeof outcome === 'string') assert.fail(`the credential was not refused: ${outcome}`)
  return outcome
}

export function assertWellFormed(strategy: Strategy, { identity, lease, revocableBy = [] }: Authentication): void {
  assert.deepEqual(Object.keys(identity).sort(), ['claims', 'issuer', 'scheme', 'subject'])
  assert.equal(identity.scheme, strategy.scheme)
  const isNamed = strategy.issuers?.includes(identity.issuer) ?? true
  assert.ok(isNamed, 'issuers, where they are named, must hold the issuer of every identity')
  for (const text of [identity.issuer, identity.subject, lease.id]) {
    assert.ok(typeof text === 'string' && text !== '', 'issuer, subject and lease id must be non-empty strings')
  }
  assert.deepEqual(JSON.parse(JSON.stringify(identity)), identity, 'the identity must be plain JSON')
  assert.ok(Number.isFinite(lease.issuedAt) && lease.issuedAt >= 0, 'issuedAt must be epoch seconds')
  const endsLater = lease.expiresAt === null || (Number.isFinite(lease.expiresAt) && lease.expiresAt > lease.issuedAt)
  assert.ok(endsLater, 'expiresAt must be null, or epoch seconds after issuedAt')
  assert.ok(Array.isArray(revocableBy), 'revocableBy must be an array')
}

/** A strategy may count the lease from now: the moment it ends is left out, since two calls differ in it. */
export function undated(answer: Authentication | undefined): unknown {
  return { ...answer, lease: { ...answer?.lease, expiresAt: null } }
}

/** What the request presents, read through the strategy's own sources. Short values would be found anywhere. */
export function credentialsOf(strategy: Strategy, { handshake, connect }: StrategyRequest): readonly string[] {
  return strategy.from.flatMap((source) => {
    try {
      const value = source.read(handshake, connect)
      return value !== null && value.length >= 8 ? [value] : []
    } catch {
      return []
    }
  })
}

/** `cause` included: error trackers and loggers print it. */
export function assertErrorHides(error: AuthError, hidden: readonly string[]): void {
  assert.equal(error.message, CODES[error.code].message, 'the message must be the constant of the table')
  const shown = [error.stack, JSON.stringify(error), error.reason, inspect(error, { depth: 8 })].join('\n')
  assertHidden(shown, hidden, 'error')
}

export function assertHidden(shown: string, hidden: readonly string[], where: string): void {
  // Without the values: an assertion's message ends up in a log too.
  assert.ok(!hidden.some((value) => shown.includes(value)), `the credential shows in the ${where}`)
}
