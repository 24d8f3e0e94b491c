/** The checks that the options of several strategies need. Each throws a `TypeError` that quotes the option, never its value. */

import type { Clock } from './core/clock.ts'
import type { CredentialSource } from './core/handshake.ts'

export const THIRTY_DAYS_SECONDS = 2_592_000
/** Node fires a longer timer at once. */
export const LONGEST_TIMER_MS = 2_147_483_647

export const systemClock: Clock = {
  now: () => Date.now(),
  setTimer(fn, delayMs) {
    const timer = setTimeout(fn, delayMs)
    return () => clearTimeout(timer)
  },
}

/** A misspelt option would otherwise be a default in silence. */
export function knownOptions(options: object, known: ReadonlySet<string>, factory: string): void {
  const unknown = Object.keys(options).find((name) => !known.has(name))
  if (unknown !== undefined) throw new TypeError(`"${unknown}" is not an option of ${factory}()`)
}

export function text(value: unknown, option: string): string {
  if (typeof value !== 'string' || value === '') throw new TypeError(`"${option}" must be a non-empty string`)
  return value
}

export function positive(value: unknown, option: string, limit: number = Number.MAX_SAFE_INTEGER): number {
  if (typeof value !== 'number' || !(value > 0 && value <= limit)) {
    throw new TypeError(`"${option}" must be a number above 0 and at most ${limit}`)
  }
  return value
}

/** A frozen copy of `from`. */
export function credentialSources(from: readonly CredentialSource[]): readonly CredentialSource[] {
  if (!Array.isArray(from) || from.length === 0 || from.some((source) => typeof source?.read !== 'function')) {
    throw new TypeError('"from" must be a non-empty array of credential sources')
  }
  return Object.freeze([...from])
}

/**
 * A test that accepts a session id only as a whole, whether or not the pattern is anchored.
 *
 * @throws TypeError when the pattern keeps state between calls (`g`, `y`) or matches line by line (`m`)
 */
export function wholeMatch(pattern: RegExp, option: string): (value: string) => boolean {
  if (!(pattern instanceof RegExp) || /[gmy]/.test(pattern.flags)) {
    throw new TypeError(`"${option}" must be a RegExp without the flags g, m and y`)
  }
  const whole = new RegExp(`^(?:${pattern.source})$`, pattern.flags)
  return (value) => whole.test(value)
}
