/** A revocation log for one process. Nothing survives the process: with sessions or long tokens, use a shared log. */

import type { LogPosition, Revocation, RevocationLog, Unsubscribe } from '../core/revocation.ts'

/**
 * Keeps revocations in this process. Suits one node whose credentials are short-lived; a restart forgets every
 * revocation, and other nodes never hear of one.
 *
 * @example createAuth({ revocations: memory(), … }) // the default
 */
export function memory(): RevocationLog {
  const entries: { readonly position: LogPosition; readonly revocation: Revocation }[] = []
  const followers = new Set<(revocation: Revocation, position: LogPosition) => void>()
  let count = 0
  return {
    async append(revocation) {
      forget(entries, Date.now() / 1000)
      count += 1
      const position = String(count)
      entries.push({ position, revocation })
      for (const apply of [...followers]) apply(revocation, position)
      return position
    },
    async follow(apply): Promise<Unsubscribe> {
      for (const { revocation, position } of entries) apply(revocation, position)
      followers.add(apply)
      return async () => {
        followers.delete(apply)
      }
    },
  }
}

/** Entries are few and mostly in order of expiry; dropping the expired on append bounds the list. */
function forget(entries: { readonly revocation: Revocation }[], nowSeconds: number): void {
  for (let i = entries.length - 1; i >= 0; i -= 1) {
    const entry = entries[i]
    if (entry !== undefined && entry.revocation.expiresAt <= nowSeconds) entries.splice(i, 1)
  }
}
