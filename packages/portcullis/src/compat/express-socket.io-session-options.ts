/** What express-socket.io-session took, and the check of it at start-up. */

import type { Strategy } from 'portcullis'
import type { LiveOptions } from './express-socket.io-session-live.ts'
import type { Middleware } from './express-socket.io-session-run.ts'
import type { LegacyOptions } from './legacy-admission.ts'
import { requireOrigins } from './legacy-origin.ts'

export const LIBRARY = 'express-socket.io-session'

/** All optional. */
export interface SharedSessionOptions extends LegacyOptions {
  /** Saves what handlers change, as they change it. Default false: call `session.save()`. */
  autoSave?: boolean | undefined
  /** Lets `autoSave` store sessions of clients that have none, to which no cookie will lead back. Default false. */
  saveUninitialized?: boolean | undefined
  /** How often the session is read again while a socket lives. Milliseconds, from 1,000; `Infinity` for never. Default 30,000. */
  revalidateEveryMs?: number | undefined
  /** How long a socket outlives a store that fails. Milliseconds. Default 300,000. */
  revalidateGraceMs?: number | undefined
  /** Milliseconds that middleware and store have to answer. Default 5,000. */
  storeTimeoutMs?: number | undefined
  /** Receives why a session could not be saved by `autoSave`. Default: nobody does. */
  onError?: ((error: unknown) => void) | undefined
}

export interface SharedSessionSettings extends LegacyOptions, LiveOptions {
  /** Undefined where none was given: every connection is refused. */
  readonly session: Middleware | undefined
  readonly parser: Middleware | null
  readonly revalidateEveryMs: NonNullable<Strategy['revalidateEveryMs']>
  readonly graceMs: number
}

/** @throws TypeError quoting the option */
export function settingsOf(
  session: unknown,
  second: unknown,
  third: SharedSessionOptions | undefined,
): SharedSessionSettings {
  const isParser = typeof second === 'function'
  const given: unknown = isParser || second === undefined || second === null ? third : second
  const own: SharedSessionOptions = Object.assign(Object.create(null), given)
  if (session !== undefined && typeof session !== 'function') {
    throw new TypeError(`${LIBRARY}: the first argument must be the middleware of express-session`)
  }
  const { revalidateEveryMs = 30_000, revalidateGraceMs = 300_000, storeTimeoutMs = 5_000 } = own
  if (revalidateEveryMs !== Number.POSITIVE_INFINITY) milliseconds(revalidateEveryMs, 'revalidateEveryMs', 1000)
  const origins = requireOrigins(LIBRARY, own.origins)
  return {
    session: session as Middleware | undefined,
    parser: isParser ? (second as Middleware) : null,
    autoSave: own.autoSave === true,
    saveUninitialized: own.saveUninitialized === true,
    revalidateEveryMs,
    graceMs: milliseconds(revalidateGraceMs, 'revalidateGraceMs', 0),
    timeoutMs: milliseconds(storeTimeoutMs, 'storeTimeoutMs', 1),
    onError: own.onError ?? (() => {}),
    ...(own.audit && { audit: own.audit }),
    ...(origins && { origins }),
  }
}

function milliseconds(value: unknown, option: string, least: number): number {
  if (typeof value === 'number' && value >= least && value < 2 ** 31) return value
  throw new TypeError(`${LIBRARY}: "${option}" must be a number of milliseconds from ${least}`)
}
