/** What a verified signal ends, once: names and moments for `auth.revoke`, and a memory of the signals of late. */

import type { RevocationKey } from '../core/revocation.ts'
import { AuthError } from '../errors.ts'
import { type Ending, endAll, type RevokingAuth, within } from './ending.ts'
import type { SignalSettings } from './signed-token-options.ts'

/** Signals that are remembered; the oldest is forgotten first. Heard twice, one does nothing that it did not do before. */
const MAX_REMEMBERED = 10_000
/** One signal ends no more than this. */
const MAX_KEYS = 100

/** What is to end, and why. */
export interface SignalEnding {
  /** Whose clock `at` was read from. */
  readonly issuer: string
  /** When it happened; epoch seconds. */
  readonly at: number
  readonly keys: () => readonly RevocationKey[] | Promise<readonly RevocationKey[]>
}

export interface SignalEndings {
  /**
   * Ends whatever is under the keys. A principal of `issuer` is dead as of `at`, its whole second included, so that a signal that
   * comes late leaves a new login alone; whatever else, as of now. The same `name` again has the same outcome, and causes
   * nothing; unless it failed.
   *
   * @throws what `auth.revoke` or `keys` threw, as an AuthError
   */
  once(name: string, ending: SignalEnding): Promise<void>
}

export function createSignalEndings(auth: RevokingAuth, settings: SignalSettings): SignalEndings {
  const remembered = new Map<string, Promise<void>>()

  async function end({ issuer, at, keys }: SignalEnding): Promise<void> {
    const found = await askedOf(keys, settings)
    const endings = found.map((key): Ending => {
      const isDated = 'subject' in key && key.issuer === issuer
      // Whole seconds: what was issued in the very second of the event counts as before.
      return isDated ? { key, issuedBefore: Math.floor(at) + 1 } : { key }
    })
    await endAll(auth, endings, settings)
  }

  return {
    once(name, ending) {
      const known = remembered.get(name)
      if (known !== undefined) return known
      const ended = end(ending)
      const [oldest] = remembered.keys()
      if (remembered.size >= MAX_REMEMBERED && oldest !== undefined) remembered.delete(oldest)
      remembered.set(name, ended)
      ended.catch(() => remembered.delete(name))
      return ended
    },
  }
}

/** @throws AuthError AUTH_ERROR when the application's function threw or answered no keys */
async function askedOf(
  keys: SignalEnding['keys'],
  { maxWaitMs, clock }: SignalSettings,
): Promise<readonly RevocationKey[]> {
  let found: unknown
  try {
    found = await within(maxWaitMs, clock, 'keys_of_timeout', async () => keys())
  } catch (cause) {
    throw AuthError.is(cause) ? cause : new AuthError('AUTH_ERROR', { reason: 'keys_of_threw', cause })
  }
  if (
    !Array.isArray(found) ||
    found.length > MAX_KEYS ||
    found.some((key) => typeof key !== 'object' || key === null)
  ) {
    throw new AuthError('AUTH_ERROR', { reason: 'keys_of_answer_malformed' })
  }
  return found
}
