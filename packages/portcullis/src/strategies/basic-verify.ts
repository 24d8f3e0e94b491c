/** Asking the application about a password: not too often at once, not for ever, and without the password in any error. */

import { inspect } from 'node:util'
import { AuthError } from '../errors.ts'
import type { BasicCredentials } from './basic-credentials.ts'
import type { BasicSettings } from './basic-options.ts'

/**
 * A function that asks `verify`, or rejects with AUTH_UNAVAILABLE at once while `maxConcurrent` are asked already. One that was
 * given up still counts until it ends: a slow hash goes on using its processor.
 */
export function createVerify({ verify, maxConcurrent, verifyTimeoutMs, clock }: BasicSettings) {
  let underWay = 0
  return async function verifyBounded(credentials: BasicCredentials): Promise<unknown> {
    if (underWay >= maxConcurrent) throw new AuthError('AUTH_UNAVAILABLE', { reason: 'verify_busy' })
    underWay += 1
    return new Promise((resolve, reject) => {
      const cancel = clock.setTimer(() => {
        const cause = new Error(`verify did not answer within ${verifyTimeoutMs} ms`)
        reject(new AuthError('AUTH_UNAVAILABLE', { reason: 'verify_timeout', cause }))
      }, verifyTimeoutMs)
      const fail = (error: unknown) => {
        if (AuthError.is(error)) return reject(error)
        const cause = withoutCredentials(error, credentials)
        return reject(new AuthError('AUTH_UNAVAILABLE', { reason: 'verify_failed', cause }))
      }
      Promise.resolve(credentials)
        .then(({ username, password }) => verify(username, password))
        .then(resolve, fail)
        .finally(() => {
          underWay -= 1
          cancel()
        })
    })
  }
}

/** Drivers put the parameters of a failed query on their errors. */
function withoutCredentials(error: unknown, { username, password }: BasicCredentials): unknown {
  const pair = `${username}:${password}`
  const secrets = [pair, Buffer.from(pair).toString('base64'), password].filter((secret) => secret !== '')
  const shown = inspect(error, { depth: 6, customInspect: false, showHidden: true })
  // `inspect` escapes these, so that a password with one of them would not be found.
  const findable = !/['"`\\]/.test(pair)
  if (error instanceof Error && findable && !secrets.some((secret) => shown.includes(secret))) return error
  const message = error instanceof Error ? error.message : 'verify failed'
  return new Error(secrets.reduce((text, secret) => text.replaceAll(secret, '[password]'), message))
}
