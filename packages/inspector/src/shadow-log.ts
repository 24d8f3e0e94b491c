/** The last differences between the policies in force and those in shadow, to be read page by page. */

import { randomBytes } from 'node:crypto'
import type { ShadowDifference as LibraryDifference } from 'portcullis'
import type { Shadow } from './source.ts'

/** Keeps differences. */
export interface ShadowLog extends Shadow {
  /** For `auth.protect(namespace, policy, { shadow: { policy, onDifference } })`; one log takes those of several namespaces. */
  readonly onDifference: (difference: LibraryDifference) => void
}

const MAX_CAPACITY = 100_000

/**
 * Keeps the last differences in memory.
 *
 * @throws TypeError quoting the option
 * @example
 * const shadow = shadowLog()
 * auth.protect(io.of('/chat'), policy, { shadow: { policy: next, onDifference: shadow.onDifference } })
 * createInspector({ source: sourceOf({ auth, decisions, shadow, title: 'Chat' }), users, secret })
 */
export function shadowLog({ capacity = 1_024 }: { readonly capacity?: number } = {}): ShadowLog {
  if (!Number.isInteger(capacity) || capacity < 1 || capacity > MAX_CAPACITY) {
    throw new TypeError(`"capacity" must be a whole number from 1 to ${MAX_CAPACITY}`)
  }
  const name = randomBytes(6).toString('base64url')
  const ring: LibraryDifference[] = []
  let end = 0

  function placeOf(after: string): number {
    const digits = after.startsWith(`${name}.`) ? after.slice(name.length + 1) : ''
    return /^\d{1,15}$/.test(digits) ? Math.min(Number(digits), end) : 0
  }

  return {
    onDifference(difference) {
      ring[end % capacity] = difference
      end += 1
    },
    read({ after, limit }) {
      const oldest = Math.max(0, end - capacity)
      const asked = after === undefined ? Math.max(oldest, end - limit) : placeOf(after)
      const from = Math.max(asked, oldest)
      const to = Math.min(end, from + limit)
      const differences = Array.from({ length: to - from }, (_, i) => ring[(from + i) % capacity] as LibraryDifference)
      return { differences, next: `${name}.${to}`, missed: from - asked }
    },
  }
}
