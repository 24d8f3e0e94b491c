/** Ending sockets after something else was done: a session destroyed, a user logged out, a signal received. */

import type { Clock } from '../core/clock.ts'
import type { RevocationKey } from '../core/revocation.ts'
import { AuthError } from '../errors.ts'
import { LONGEST_TIMER_MS, positive, systemClock } from '../option-checks.ts'

/** What is needed of what `createAuth` makes. */
export interface RevokingAuth {
  revoke(
    key: RevocationKey,
    options?: { readonly issuedBefore?: number; readonly until?: number; readonly timeoutMs?: number },
  ): Promise<unknown>
}

/** Options of whatever ends sockets. */
export interface EndingOptions {
  /**
   * How long a logout waits: for the store, before the sockets are ended all the same, and then for the receipt of every node. A node
   * that is silent for longer applies the revocation when it reads the log, or stops serving. Milliseconds, default 1000.
   */
  readonly maxWaitMs?: number
  /** For tests. Default: the system's. */
  readonly clock?: Clock
}

export interface EndingSettings {
  readonly maxWaitMs: number
  readonly clock: Clock
}

/** A revocation and how long it is remembered: epoch seconds, as of `auth.revoke`. */
export interface Ending {
  readonly key: RevocationKey
  readonly issuedBefore?: number
  readonly until?: number
}

/** How much longer than `maxWaitMs` an `auth` is waited for that was told of it. Milliseconds. */
const SLACK_MS = 250
/** Revocations of one call that are under way at the same time. */
const PARALLEL = 32

/** @throws TypeError that quotes the option */
export function endingSettingsOf(
  auth: RevokingAuth,
  { maxWaitMs = 1000, clock = systemClock }: EndingOptions,
): EndingSettings {
  if (typeof auth?.revoke !== 'function') throw new TypeError('"auth" must be what createAuth made')
  if (typeof clock?.now !== 'function' || typeof clock.setTimer !== 'function') {
    throw new TypeError('"clock" must have the functions "now" and "setTimer"')
  }
  return Object.freeze({ maxWaitMs: positive(maxWaitMs, 'maxWaitMs', LONGEST_TIMER_MS - SLACK_MS), clock })
}

/**
 * Revokes them all. The first ones are in force on this node before the call returns to the event loop.
 *
 * @throws what `auth.revoke` threw first; AuthError AUTH_UNAVAILABLE when it did not answer at all. The others are tried all the same
 */
export async function endAll(auth: RevokingAuth, endings: readonly Ending[], settings: EndingSettings): Promise<void> {
  const failures: unknown[] = []
  for (let i = 0; i < endings.length; i += PARALLEL) {
    const asked = endings
      .slice(i, i + PARALLEL)
      .map(({ key, ...options }) =>
        within(settings.maxWaitMs + SLACK_MS, settings.clock, 'revocation_timeout', () =>
          auth.revoke(key, { ...options, timeoutMs: settings.maxWaitMs }),
        ).catch((error: unknown) => failures.push(error)),
      )
    await Promise.all(asked)
  }
  if (failures.length > 0) throw failures[0]
}

/**
 * What `work`, called at once, answers, if it does so in time.
 *
 * @throws what it threw; AuthError AUTH_UNAVAILABLE with this reason when it takes longer
 */
export function within<Value>(
  delayMs: number,
  clock: Clock,
  reason: string,
  work: () => Value | PromiseLike<Value>,
): Promise<Value> {
  return new Promise((resolve, reject) => {
    const cancel = clock.setTimer(() => reject(new AuthError('AUTH_UNAVAILABLE', { reason })), delayMs)
    new Promise<Value>((done) => done(work())).then(resolve, reject).finally(cancel)
  })
}
