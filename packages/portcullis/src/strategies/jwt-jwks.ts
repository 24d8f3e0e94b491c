/** Keys from a JWKS URL: when it is asked, how long its answer counts, and what happens while it does not answer. */

import type { Clock } from '../core/clock.ts'
import { AuthError } from '../errors.ts'
import { fetchKeys, jwksUrl, type PublishedKey } from './jwt-jwks-fetch.ts'
import { isHmac, JWT_ALGORITHMS, type JwtAlgorithm } from './jwt-key-hygiene.ts'
import type { KeySource } from './jwt-keys.ts'

/** From this age on a set is fetched again while it serves, so that under traffic nobody ever waits. Milliseconds. */
const REFRESH_AGE_MS = 300_000
/** From this age on a set serves only when its server was asked and did not answer. Milliseconds. */
const MAX_AGE_MS = 600_000
/** How long after that it serves at most. Milliseconds. */
const STALE_MS = 3_600_000
/** An unknown `kid` causes a fetch no sooner than this after the last that an unknown `kid` caused. Milliseconds. */
const COOLDOWN_MS = 5_000
/** After a fetch that failed, the next is not tried for this long. With no keys at all nobody gets in meanwhile. */
const PAUSE_MS = { withKeys: 5_000, withoutKeys: 1_000 } as const
/** For this long after a failure the next fetch is expected to fail as well, and old keys do not wait for it. */
const FAILING_MS = 60_000

interface KeySet {
  readonly keys: readonly PublishedKey[]
  /** Which fetch it came from, counted from 1. */
  readonly fetch: number
  readonly fetchedAtMs: number
}

/**
 * Keys from the JWKS at `url`, fetched at the first token and then for a token that comes when the set is five minutes
 * old, without keeping it waiting. From ten minutes on tokens wait for the fetch, one second at most. When it fails, the
 * last set serves for one more hour, and what it does not hold is AUTH_UNAVAILABLE. All who wait share one fetch.
 *
 * An unknown `kid` causes a fetch of its own, at most every 5 s, whenever the set was last fetched: a new key is found
 * at once, unless such a token came just before it was published.
 *
 * @throws TypeError unless `url` is https, or http to a loopback host
 * @see RFC 7517 section 5, RFC 8725 section 3.10; RFC 5861 for the two uses of what is stale
 */
export function remoteKeys(
  url: URL | string,
  algorithms: readonly JwtAlgorithm[] | undefined,
  clock: Pick<Clock, 'now'>,
): KeySource {
  const allowed = algorithms ?? JWT_ALGORITHMS.filter((algorithm) => !isHmac(algorithm))
  if (allowed.some(isHmac)) throw new TypeError('"algorithms" must name no HMAC algorithm when "keys" is a URL')
  const address = jwksUrl(url)
  let set: KeySet | null = null
  let failure: { readonly atMs: number; readonly cause: unknown } | null = null
  let fetching: Promise<void> | null = null
  let fetches = 0
  let forgottenFetches = 0
  let missedAtMs = Number.NEGATIVE_INFINITY

  /** Resolves when the fetch on its way, or a new one, has ended, well or ill: `failure` says how. */
  function fetched(): Promise<void> {
    fetching ??= fetchSet()
    return fetching
  }

  function fetchSet(): Promise<void> {
    fetches += 1
    const fetch = fetches
    // What the server says may be as old as the question.
    const fetchedAtMs = clock.now()
    const ended = fetchKeys(address, allowed)
      .then(
        (keys) => {
          if (fetch <= forgottenFetches) return
          set = { keys, fetch, fetchedAtMs }
          failure = null
        },
        (cause: unknown) => {
          if (fetch > forgottenFetches) failure = { atMs: clock.now(), cause }
        },
      )
      .finally(() => {
        if (fetching === ended) fetching = null
      })
    return ended
  }

  /** Ages the set by the clock, and drops it at the end of its time. */
  function heldSet(): { readonly set: KeySet | null; readonly ageMs: number } {
    if (set === null) return { set, ageMs: Number.POSITIVE_INFINITY }
    // The clock was set back, so its age is unknown: it counts as just gone stale.
    if (clock.now() < set.fetchedAtMs) set = { ...set, fetchedAtMs: clock.now() - MAX_AGE_MS }
    const ageMs = clock.now() - set.fetchedAtMs
    if (ageMs >= MAX_AGE_MS + STALE_MS) set = null
    return { set, ageMs }
  }

  function isPaused(): boolean {
    return failure !== null && isWithin(failure.atMs, PAUSE_MS[set === null ? 'withoutKeys' : 'withKeys'])
  }

  /** Before it, in a clock that was set back, is not within: no pause may grow by that. */
  function isWithin(sinceMs: number, durationMs: number): boolean {
    const passedMs = clock.now() - sinceMs
    return passedMs >= 0 && passedMs < durationMs
  }

  async function usableSet(): Promise<KeySet> {
    const held = heldSet()
    if (held.set !== null && held.ageMs < REFRESH_AGE_MS) return held.set
    const refreshed = isPaused() ? null : fetched()
    const mayServe = held.ageMs < MAX_AGE_MS || (failure !== null && isWithin(failure.atMs, FAILING_MS))
    if (held.set !== null && mayServe) return held.set
    await refreshed
    const { set: after } = heldSet()
    if (after !== null) return after
    if (isPaused()) throw unavailable()
    // Purged while it waited.
    return await usableSet()
  }

  function unavailable(): AuthError {
    return new AuthError('AUTH_UNAVAILABLE', {
      reason: 'key_set_unavailable',
      retryAfterSeconds: PAUSE_MS[set === null ? 'withoutKeys' : 'withKeys'] / 1000,
      cause: failure?.cause,
    })
  }

  return {
    algorithms: new Set(allowed),
    async find(alg, kid) {
      const before = fetches
      let held = await usableSet()
      let matching = matchingKeys(held, alg, kid)
      // A set that was asked for after this token came is as new as can be.
      while (matching.length === 0 && held.fetch <= before) {
        if (isPaused()) throw unavailable()
        if (fetching === null) {
          if (isWithin(missedAtMs, COOLDOWN_MS)) return []
          missedAtMs = clock.now()
        }
        await fetched()
        held = await usableSet()
        matching = matchingKeys(held, alg, kid)
      }
      // Of several, the token had to name its key (OpenID Connect Core 1.0 section 10.1), or two have one name.
      return matching.length === 1 ? matching.map(({ key }) => key) : []
    },
    purge() {
      set = null
      // A fetch on its way may have been answered before what is to be forgotten was gone.
      fetching = null
      forgottenFetches = fetches
    },
  }
}

function matchingKeys({ keys }: KeySet, alg: string, kid: string | undefined): readonly PublishedKey[] {
  return keys.filter((key) => key.algorithm === alg && (kid === undefined || key.kid === kid))
}
