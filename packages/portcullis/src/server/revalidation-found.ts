/** An authority that was looked at again, put into force: a later end where nothing else changed, a renewal where it did. */

import type { Identity } from '../core/identity.ts'
import type { Authentication } from '../core/strategy.ts'
import { isUndecided } from './apply-policy.ts'
import { endEntry } from './end-entry.ts'
import { asAuthError, type Guard } from './guard.ts'
import { type Entry, namesOf } from './registry.ts'
import { extend, renew } from './renew.ts'
import { endedBy } from './revalidation-ask.ts'

/**
 * False when a rule could not decide, and all is as it was. `isStill` says whether the question was about the authority that the
 * socket has at the moment: after a refresh, it no longer is. Somebody else's authority closes the socket with AUTH_SUBJECT_CHANGED.
 */
export async function applyFound(
  guard: Guard,
  entry: Entry,
  found: Authentication,
  isStill: () => boolean,
): Promise<boolean> {
  while (entry.renewal !== null) await entry.renewal.then(ignore, ignore)
  if (!isStill()) return true
  const isSame = saysTheSame(entry, found)
  try {
    await (isSame ? extend(guard, entry, found) : renew(guard, entry, found))
    return true
  } catch (cause) {
    const error = asAuthError(cause, `revalidation in ${entry.namespace}`, guard.onError)
    if (isUndecided(error.code)) return false
    // A revocation that has not closed it spares it, or has given it time.
    if (isSame && error.code === 'AUTH_REVOKED') return true
    endEntry(guard, entry, endedBy(error.code))
    return true
  }
}

/** Whether any rule could decide otherwise, or a revocation reach it otherwise. */
function saysTheSame({ identity, names }: Entry, found: Authentication): boolean {
  const now = namesOf(found)
  if (now.length !== names.length || !now.every((name, i) => name === names[i])) return false
  try {
    return jsonOf(identity) === jsonOf(found.identity)
  } catch {
    // Not JSON, which claims should be: no telling.
    return false
  }
}

function jsonOf({ scheme, issuer, subject, claims }: Identity): string {
  return JSON.stringify([scheme, issuer, subject, claims])
}

function ignore(): void {}
