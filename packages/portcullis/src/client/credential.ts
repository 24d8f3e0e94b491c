/** Asks the application for a credential: one question at a time, with a deadline, and any outcome as a promise. */

import type { Refusal } from '../protocol.ts'
import type { ClientClock } from './clock.ts'

/** A string is sent as `{ token }`, an object as it is, null as `{}`: "I have none" (a cookie may still speak). */
export type Credential = string | Readonly<Record<string, unknown>> | null

/**
 * Asked before every connection attempt, and for every refresh of a connection that stands. `refused` is the refusal that
 * a new credential must cure, so a cached one will not do; before a lease ends it is AUTH_EXPIRED. Null means that the
 * usual one will do.
 */
export type AskCredential = (refused: Refusal | null) => Credential | Promise<Credential>

/** Calls made while one is under way share its outcome. A call that throws, or answers too late, is a rejection. */
export function credentialDesk(
  askApplication: AskCredential,
  timeoutMs: number,
  clock: ClientClock,
): (refused: Refusal | null) => Promise<object> {
  let underWay: Promise<object> | null = null

  function askInTime(refused: Refusal | null): Promise<object> {
    return new Promise((resolve, reject) => {
      const cancel = clock.setTimer(() => reject(new Error(`no credential within ${timeoutMs} ms`)), timeoutMs)
      Promise.resolve(refused)
        .then(askApplication)
        .then((credential) => resolve(payloadOf(credential)))
        .catch(reject)
        .finally(cancel)
    })
  }

  return function ask(refused) {
    underWay ??= askInTime(refused).finally(() => {
      underWay = null
    })
    return underWay
  }
}

function payloadOf(credential: Credential): object {
  return typeof credential === 'string' ? { token: credential } : (credential ?? {})
}
