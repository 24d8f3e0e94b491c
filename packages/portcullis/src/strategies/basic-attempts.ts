/** How often somebody may guess: failures counted by a name together with an address, and by an address alone. */

import { createHash } from 'node:crypto'
import { networkOf, normalizeAddress } from '../address-ranges.ts'
import type { Clock } from '../core/clock.ts'
import { AuthError } from '../errors.ts'

export interface AttemptLimits {
  readonly maxFailures: number
  readonly maxFailuresPerAddress: number
  readonly failureWindowSeconds: number
  /** How many attempts of one name and address may wait for those under way. */
  readonly maxConcurrent: number
  readonly clock: Pick<Clock, 'now'>
}

/**
 * Runs an attempt, unless there were too many failures. What it answers is a success, after which the name's failures at this
 * address are forgotten; an `AuthError` of status 401 is a failure; anything else says nothing about the password.
 *
 * Attempts under way count as failures until they end, and who comes meanwhile waits for them: else a hundred guesses at once
 * would be a hundred guesses, and a hundred good logins at once would be refused.
 *
 * @throws AuthError AUTH_RATE_LIMITED with the seconds to wait; AUTH_UNAVAILABLE when too many wait; whatever `attempt` throws
 */
export type LimitAttempts = <T>(address: string, username: string, attempt: () => Promise<T>) => Promise<T>

interface Count {
  failures: number
  /** Epoch milliseconds of the first failure. */
  sinceMs: number
  underWay: number
  readonly waiting: (() => void)[]
}

/** Of each kind. Who has more addresses than this can make the oldest forgotten, and has that many guesses anyway. */
const MAX_COUNTS = 10_000

export function createAttempts(limits: AttemptLimits): LimitAttempts {
  const pairs = new Map<string, Count>()
  const addresses = new Map<string, Count>()
  const { maxFailures, maxFailuresPerAddress, clock } = limits
  const windowMs = limits.failureWindowSeconds * 1000

  /** The count of a key, if its window is open or somebody is under way. */
  function liveCount(counts: Map<string, Count>, key: string): Count {
    const known = counts.get(key)
    if (known !== undefined && clock.now() >= known.sinceMs + windowMs) known.failures = 0
    const count = known ?? { failures: 0, sinceMs: 0, underWay: 0, waiting: [] }
    // Last in the order of insertion: what has gone unused for longest is forgotten first.
    counts.delete(key)
    counts.set(key, count)
    if (counts.size > MAX_COUNTS) counts.delete(counts.keys().next().value ?? '')
    return count
  }

  async function begin(counts: Map<string, Count>, key: string, max: number, reason: string): Promise<Count> {
    for (;;) {
      const count = liveCount(counts, key)
      if (count.failures >= max) {
        const retryAfterSeconds = Math.max(1, Math.ceil((count.sinceMs + windowMs - clock.now()) / 1000))
        throw new AuthError('AUTH_RATE_LIMITED', { reason, retryAfterSeconds })
      }
      if (count.failures + count.underWay < max) {
        count.underWay += 1
        return count
      }
      if (count.waiting.length >= limits.maxConcurrent)
        throw new AuthError('AUTH_UNAVAILABLE', { reason: 'verify_busy' })
      await new Promise<void>((resolve) => count.waiting.push(resolve))
    }
  }

  function end(counts: Map<string, Count>, key: string, count: Count, wrong: boolean): void {
    count.underWay -= 1
    if (wrong) {
      if (count.failures === 0) count.sinceMs = clock.now()
      count.failures += 1
    }
    if (count.failures === 0 && count.underWay === 0 && count.waiting.length === 0 && counts.get(key) === count) {
      counts.delete(key)
    }
    for (const proceed of count.waiting.splice(0)) proceed()
  }

  return async function limitAttempts(address, username, attempt) {
    const network = networkOf(normalizeAddress(address))
    // A digest: names may be long, and may be passwords that were typed in the wrong field.
    const pair = createHash('sha256')
      .update(JSON.stringify([network, username]))
      .digest('base64url')
    const ofAddress = await begin(addresses, network, maxFailuresPerAddress, 'failures_of_address')
    let wrong = false
    try {
      const ofPair = await begin(pairs, pair, maxFailures, 'failures_of_name')
      try {
        const answer = await attempt()
        ofPair.failures = 0
        return answer
      } catch (error) {
        wrong = AuthError.is(error) && error.status === 401
        throw error
      } finally {
        end(pairs, pair, ofPair, wrong)
      }
    } finally {
      end(addresses, network, ofAddress, wrong)
    }
  }
}
