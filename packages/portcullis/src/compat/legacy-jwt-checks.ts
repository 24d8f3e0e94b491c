/** The options that old APIs handed on to jsonwebtoken's `verify`, checked once at start-up. */

import { isKnownAlgorithm } from './legacy-jwt-key.ts'

/** As jsonwebtoken has them; what is left out is not checked. */
export interface LegacyJwtOptions {
  /** Default: all of the key's kind. */
  readonly algorithms?: readonly string[] | undefined
  readonly audience?: string | RegExp | readonly (string | RegExp)[] | undefined
  readonly issuer?: string | readonly string[] | undefined
  readonly subject?: string | undefined
  readonly jwtid?: string | undefined
  readonly nonce?: string | undefined
  /** A number of seconds, or a text with a unit, such as `2 days` or `20h`. */
  readonly maxAge?: number | string | undefined
  /** Seconds. Default 0. */
  readonly clockTolerance?: number | undefined
  /** Hand on header, payload and signature in place of the payload. */
  readonly complete?: boolean | undefined
}

export interface LegacyJwtChecks {
  /** Null where the key alone decides. */
  readonly algorithms: readonly string[] | null
  readonly audience: readonly (string | RegExp)[] | null
  readonly issuer: readonly string[] | null
  readonly subject: string | null
  readonly jwtid: string | null
  readonly nonce: string | null
  readonly maxAgeSeconds: number | null
  readonly toleranceSeconds: number
  readonly complete: boolean
}

/** What would let a token outlive its end, and what to write instead. */
const REFUSED: Readonly<Record<string, string>> = {
  ignoreExpiration: 'leave it out, and sign tokens that last as long as they should',
  ignoreNotBefore: 'leave it out, and give "clockTolerance" where clocks differ',
  clockTimestamp: 'leave it out: tokens are compared with the clock of the server',
}

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800, y: 31_557_600 }
const DURATION =
  /^(\d+(?:\.\d+)?) ?(?:s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?|w|weeks?|y|yrs?|years?)$/i

/** @throws TypeError quoting the option */
export function legacyJwtChecks(library: string, options: LegacyJwtOptions): LegacyJwtChecks {
  for (const [name, instead] of Object.entries(REFUSED)) {
    if ((options as Record<string, unknown>)[name]) throw new TypeError(`${library}: "${name}" is refused; ${instead}`)
  }
  const { algorithms, audience, issuer, clockTolerance = 0, complete } = options
  if (algorithms !== undefined && !(isFilledArray(algorithms) && algorithms.every(isKnownAlgorithm))) {
    throw new TypeError(`${library}: "algorithms" must be an array of algorithms such as 'HS256'; there is no 'none'`)
  }
  if (typeof clockTolerance !== 'number' || !Number.isFinite(clockTolerance) || clockTolerance < 0) {
    throw new TypeError(`${library}: "clockTolerance" must be a number of seconds`)
  }
  return {
    algorithms: algorithms === undefined ? null : [...algorithms],
    audience:
      listOf(library, 'audience', audience, (each) => isText(each) || each instanceof RegExp)?.map(stateless) ?? null,
    issuer: listOf(library, 'issuer', issuer, isText),
    subject: textOf(library, 'subject', options.subject),
    jwtid: textOf(library, 'jwtid', options.jwtid),
    nonce: textOf(library, 'nonce', options.nonce),
    maxAgeSeconds: secondsOf(library, options.maxAge),
    toleranceSeconds: clockTolerance,
    complete: complete === true,
  }
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== ''
const isFilledArray = (value: unknown): value is readonly unknown[] => Array.isArray(value) && value.length > 0

/** An empty text would have meant "not checked" to jsonwebtoken: a missing environment variable must not mean that. */
function listOf<T>(
  library: string,
  name: string,
  value: T | readonly T[] | undefined,
  fits: (each: T) => boolean,
): readonly T[] | null {
  if (value === undefined) return null
  const list = Array.isArray(value) ? [...(value as readonly T[])] : [value as T]
  if (list.length > 0 && list.every(fits)) return list
  throw new TypeError(`${library}: "${name}" must not be empty; leave it out where it is not checked`)
}

function textOf(library: string, name: string, value: unknown): string | null {
  if (value === undefined) return null
  if (isText(value)) return value
  throw new TypeError(`${library}: "${name}" must be a non-empty string; leave it out where it is not checked`)
}

/** A pattern with `g` or `y` would answer differently each time. */
function stateless(pattern: string | RegExp): string | RegExp {
  return typeof pattern === 'string' ? pattern : new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, ''))
}

function secondsOf(library: string, maxAge: unknown): number | null {
  if (maxAge === undefined) return null
  const matched = typeof maxAge === 'string' ? DURATION.exec(maxAge.trim()) : null
  const unit = UNITS[/[a-z]/i.exec(matched?.[0] ?? '')?.[0].toLowerCase() ?? ''] ?? Number.NaN
  const seconds = typeof maxAge === 'number' ? maxAge : Number(matched?.[1]) * unit
  if (Number.isFinite(seconds) && seconds > 0) return seconds
  throw new TypeError(`${library}: "maxAge" must be a number of seconds, or a text with a unit, such as '2 days'`)
}
