/** A step of somebody else's, in the callback style or with a promise, and after it the end of the sockets. */

import type { RevocationKey } from '../core/revocation.ts'
import { positive } from '../option-checks.ts'
import {
  type EndingOptions,
  type EndingSettings,
  endAll,
  endingSettingsOf,
  type RevokingAuth,
  within,
} from './ending.ts'

/** A callback as of Express, Passport and session stores. */
export type Callback = (error?: unknown) => void

/** Options of `endSocketsWithSessions` and `endSocketsOnLogout`. */
export interface AfterwardsOptions extends EndingOptions {
  /**
   * How long a revocation is remembered, in seconds. Default: as long as the longest-lived credential may live, so that a session
   * that a request of the same moment wrote back is dead for sockets. A store that never does that needs an hour at most.
   */
  readonly rememberSeconds?: number
  /**
   * Told of revocations that failed; what they ended on this node stays ended. Default: the callback of the logout is told, and
   * where there is none, a process warning without the error's message.
   */
  readonly onError?: (error: unknown) => void
}

export interface Afterwards {
  readonly settings: EndingSettings
  /**
   * Calls `work` at once. When it has called back, or has not for `maxWaitMs`, sockets under `keys` end, whether it failed or not;
   * then `callback` hears how it went. Rejects only where there is no callback, and whoever ignores that is not punished.
   */
  after(work: (done: Callback) => unknown, keys: readonly RevocationKey[], callback?: Callback): Promise<void>
}

/** @throws TypeError that quotes the option */
export function createAfterwards(auth: RevokingAuth, options: AfterwardsOptions): Afterwards {
  const settings = endingSettingsOf(auth, options)
  const { onError, rememberSeconds } = options
  if (onError !== undefined && typeof onError !== 'function') throw new TypeError('"onError" must be a function')
  if (rememberSeconds !== undefined) positive(rememberSeconds, 'rememberSeconds')

  async function end(keys: readonly RevocationKey[]): Promise<unknown> {
    const nowSeconds = settings.clock.now() / 1000
    const until = rememberSeconds === undefined ? {} : { until: nowSeconds + rememberSeconds }
    try {
      await endAll(
        auth,
        keys.map((key) => ({ key, ...until })),
        settings,
      )
      return null
    } catch (error) {
      return error
    }
  }

  async function outcome(work: (done: Callback) => unknown, keys: readonly RevocationKey[], heard: boolean) {
    const done = outcomeOf(work)
    // Whoever keeps a logout waiting does not keep the sockets.
    await within(settings.maxWaitMs, settings.clock, 'logout_timeout', () => done).catch(() => null)
    const failure = await end(keys)
    const error = await done
    if (failure === null) return error
    if (onError === undefined && error === null && heard) return failure
    report(failure, onError)
    return error
  }

  return {
    settings,
    after(work, keys, callback) {
      const ended = outcome(work, keys, true)
      if (callback === undefined) {
        const promise = ended.then((error) => {
          if (error !== null) throw error
        })
        promise.catch((error: unknown) => report(error, undefined))
        return promise
      }
      // In a tick of its own: what the callback throws is the application's, not a rejection of ours.
      return ended.then((error) => void setImmediate(callback, error))
    },
  }
}

/** What `work` fails with, or null. An asynchronous store may reject without calling back; that it resolves says nothing. */
function outcomeOf(work: (done: Callback) => unknown): Promise<unknown> {
  return new Promise((resolve) => {
    const fail = (error: unknown) => resolve(error ?? new Error('failed without a reason'))
    try {
      const returned = work((error) => resolve(error ?? null))
      if (isThenable(returned)) returned.then(undefined, fail)
    } catch (error) {
      fail(error)
    }
  })
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function'
}

function report(error: unknown, onError: ((error: unknown) => void) | undefined): void {
  try {
    if (onError !== undefined) onError(error)
    // Its message may quote what a store was asked for.
    else process.emitWarning('a logout failed, or did not end its sockets everywhere', { code: 'PORTCULLIS_LOGOUT' })
  } catch {
    // Whoever is told of an error does not decide about the logout.
  }
}
