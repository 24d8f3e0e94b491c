/** The shapes of the claims that RFC 7519 section 4.1 registers, for whoever reads them. */

/** Subjects and token ids travel between nodes and into names: printable, well-formed and of bounded length. */
const MAX_NAME_LENGTH = 256
const UNPRINTABLE = /[\p{Cc}\p{Cs}]/u

/** A string, or an array of strings, of which one is exactly the audience. */
export function namesAudience(value: unknown, audience: string): boolean {
  const names: readonly unknown[] = Array.isArray(value) ? value : [value]
  return names.every((name) => typeof name === 'string') && names.includes(audience)
}

/** A subject or an id: 1 to 256 printable characters. */
export function isName(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= MAX_NAME_LENGTH && !UNPRINTABLE.test(value)
}

/** A NumericDate (RFC 7519 section 2): a number, finite, not before the epoch. Fractions are fine. */
export function isDate(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0
}
