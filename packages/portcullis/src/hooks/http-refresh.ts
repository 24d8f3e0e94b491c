/** Asking again about connected sockets, many at once. An outage leaves them what was last known, within the grace. */

import type { Identity } from '../core/identity.ts'
import type { Authentication, Revalidated } from '../core/strategy.ts'
import { AuthError } from '../errors.ts'
import type { Principal } from './http-forgotten.ts'
import { digestOf } from './http-item.ts'
import type { Kept } from './http-kept.ts'
import type { HttpHooksSettings } from './http-options.ts'
import { undecided } from './http-undecided.ts'

export interface RefreshOptions<I extends Identity> {
  readonly settings: HttpHooksSettings
  readonly kept: Kept<I>
  readonly forget: (principal: Principal) => void
  /** Who it is now; null for nobody. Rejects as `authenticate` does. */
  readonly look: (asked: { readonly text: string; readonly digest: string }) => Promise<Authentication<I> | null>
}

/** What is left to a socket about which nothing can be learned. */
type Outage<I extends Identity> = (name: string, error: AuthError) => Revalidated<I>

/** The server waits for all of them together, five seconds by default: what was answered must not be lost for the rest. */
const BEGIN_WITHIN_MS = 2_500

/** One answer for each handle, in their order. Half of the requests at once at most, which leaves room for those that come. */
export function createRefresh<I extends Identity>(
  options: RefreshOptions<I>,
): (handles: readonly unknown[]) => Promise<readonly Revalidated<I>[]> {
  const { settings, kept, forget, look } = options
  const { batch, maxConcurrent, onError } = settings
  const atOnce = Math.ceil(maxConcurrent / 2)

  async function lookAt(handle: string, outage: Outage<I>): Promise<Revalidated<I>> {
    const name = digestOf(handle)
    const [digest, text] = JSON.parse(handle) as [string, string]
    try {
      const found = await look({ text, digest })
      if (found === null) return ended(name, new AuthError('AUTH_CREDENTIAL_MISSING', { reason: 'nobody' }))
      kept.put(name, found)
      return Object.defineProperty(found, 'handle', { value: handle })
    } catch (error) {
      const known = AuthError.is(error)
        ? error
        : new AuthError('AUTH_ERROR', { reason: 'strategy_threw', cause: error })
      return known.code === 'AUTH_UNAVAILABLE' ? outage(name, known) : ended(name, known)
    }
  }

  function ended(name: string, error: AuthError): AuthError {
    if (error.code === 'AUTH_ERROR') return error
    const last = kept.drop(name)
    // What a connect, or a rule, remembers of him is from before.
    if (last !== undefined) forget(last.identity)
    return error
  }

  return async function revalidate(handles) {
    const answers = new Array<Revalidated<I>>(handles.length)
    const waiting = chunks(handles as readonly string[], batch.size)
    const begunBy = performance.now() + BEGIN_WITHIN_MS
    const late = undecided('not_reached', 'the back end was too slow for all of them')
    let isReported = false

    function outage(name: string, error: AuthError): Revalidated<I> {
      const last = kept.get(name)
      if (last === undefined) return error
      // The server hears of no failure, and an outage fails for each of them alike.
      if (!isReported) onError(error.cause ?? error, 'refresh of hooks')
      isReported = true
      return last
    }

    async function look(chunk: readonly (readonly [number, string])[]): Promise<void> {
      await Promise.all(
        chunk.map(async ([i, handle]) => {
          answers[i] = performance.now() > begunBy ? outage(digestOf(handle), late) : await lookAt(handle, outage)
        }),
      )
    }

    async function work(): Promise<void> {
      for (let chunk = waiting.shift(); chunk !== undefined; chunk = waiting.shift()) await look(chunk)
    }

    await Promise.all(Array.from({ length: Math.min(atOnce, waiting.length) }, work))
    return answers
  }
}

function chunks(handles: readonly string[], size: number): (readonly (readonly [number, string])[])[] {
  const numbered = handles.map((handle, i) => [i, handle] as const)
  return Array.from({ length: Math.ceil(numbered.length / size) }, (_, i) => numbered.slice(i * size, (i + 1) * size))
}
