/** What a decision says when it refuses, as plain data to compare. */

import { AuthError } from '../../src/errors.ts'

/** `CODE reason` of the AuthError that `act` throws, or what it returns. Whatever else is thrown goes on. */
export function verdict<T>(act: () => T): T | string {
  try {
    return act()
  } catch (error) {
    return told(error)
  }
}

/** The same of a promise. */
export async function settled<T>(promise: Promise<T>): Promise<T | string> {
  return promise.catch(told)
}

function told(error: unknown): string {
  if (!AuthError.is(error)) throw error
  return error.reason === undefined ? error.code : `${error.code} ${error.reason}`
}
