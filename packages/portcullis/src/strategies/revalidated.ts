/** Looking again at what a strategy accepted: how often, what for, and one answer for each. */

import type { Identity } from '../core/identity.ts'
import type { Authentication, Revalidated, Strategy } from '../core/strategy.ts'
import { AuthError } from '../errors.ts'
import { LONGEST_TIMER_MS } from '../option-checks.ts'

/** What a strategy that looks again adds to itself, and to what it accepts. */
export interface Revalidating<I extends Identity> {
  /** For the strategy: `revalidateEveryMs` and `revalidate`, or nothing. */
  readonly port: Pick<Strategy<I>, 'revalidateEveryMs' | 'revalidate'>
  /** The same authority with its handle, out of sight of whoever prints it or compares it. A spread leaves it behind. */
  accepted(authentication: Authentication<I>, handle: string): Authentication<I>
}

export interface RevalidatingOptions<I extends Identity> {
  /** From `revalidateEveryMsOf`. */
  readonly everyMs: number
  /** What the handle stands for now; null when nobody does any more. Rejects as `authenticate` does. */
  readonly look: (handle: string) => Promise<Authentication<I> | null>
  /**
   * For a `look` that is a request of its own: how many at once. Those that could not begin soon are AUTH_UNAVAILABLE.
   * Default: all at once, so that a client or a batch makes one round trip of them.
   */
  readonly atOnce?: number
}

const DEFAULT_MS = 30_000
const LEAST_MS = 1_000
/** The server waits for all of them together, five seconds by default: what was answered must not be lost for the rest. */
const BEGIN_WITHIN_MS = 2_500

/** The option `revalidateEveryMs`. @throws TypeError */
export function revalidateEveryMsOf(value: unknown = DEFAULT_MS): number {
  const inRange = typeof value === 'number' && value >= LEAST_MS && value <= LONGEST_TIMER_MS
  if (value !== Number.POSITIVE_INFINITY && !inRange) {
    throw new TypeError(
      `"revalidateEveryMs" must be a number from ${LEAST_MS} to ${LONGEST_TIMER_MS}, or Infinity for never`,
    )
  }
  return value as number
}

export function revalidating<I extends Identity>(options: RevalidatingOptions<I>): Revalidating<I> {
  const { everyMs, look, atOnce = Number.POSITIVE_INFINITY } = options
  if (everyMs === Number.POSITIVE_INFINITY) return { port: {}, accepted: (authentication) => authentication }
  const accepted = (authentication: Authentication<I>, handle: string) =>
    Object.defineProperty(authentication, 'handle', { value: handle }) as Authentication<I>

  async function lookAt(handle: string): Promise<Revalidated<I>> {
    try {
      const found = await look(handle)
      return found === null ? new AuthError('AUTH_CREDENTIAL_MISSING', { reason: 'nobody' }) : accepted(found, handle)
    } catch (error) {
      return AuthError.is(error) ? error : new AuthError('AUTH_ERROR', { reason: 'strategy_threw', cause: error })
    }
  }

  async function revalidate(handles: readonly unknown[]): Promise<readonly Revalidated<I>[]> {
    const answers = new Array<Revalidated<I>>(handles.length)
    const waiting = handles.entries()
    const begunBy = performance.now() + BEGIN_WITHIN_MS
    const take = async () => {
      for (const [i, handle] of waiting) {
        const late = performance.now() > begunBy
        answers[i] = late
          ? new AuthError('AUTH_UNAVAILABLE', { reason: 'not_reached' })
          : await lookAt(handle as string)
      }
    }
    await Promise.all(Array.from({ length: Math.min(atOnce, handles.length) }, take))
    return answers
  }

  return { port: { revalidateEveryMs: everyMs, revalidate }, accepted }
}
