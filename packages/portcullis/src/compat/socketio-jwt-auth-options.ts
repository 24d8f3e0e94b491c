/** The options of socketio-jwt-auth 0.2.1, checked once, when `authenticate` is called. */

import type { LegacyOptions } from './legacy-admission.ts'
import { type LegacyJwtChecks, legacyJwtChecks } from './legacy-jwt-checks.ts'
import { isLegacySecret, type LegacySecret, legacyKey } from './legacy-jwt-key.ts'
import { legacyOptionsOf } from './legacy-jwt-ours.ts'
import type { Untyped } from './legacy-jwt-untyped.ts'

export const LIBRARY = 'socketio-jwt-auth'

/** Those of jwt-simple. */
export type Algorithm = 'HS256' | 'HS384' | 'HS512' | 'RS256'

const ALGORITHMS: readonly string[] = ['HS256', 'HS384', 'HS512', 'RS256']

/** Options of `authenticate`. @deprecated docs/migrate/socketio-jwt-auth.md */
export interface authOptions extends LegacyOptions {
  /** A shared secret; with RS256, a public key in PEM. */
  readonly secret: LegacySecret
  /** `HS256`, `HS384`, `HS512` or `RS256`; what the token itself says never counts. Default `HS256`. */
  readonly algorithm?: string | undefined
  /** Admits sockets without a token, as guests. Default false. */
  readonly succeedWithoutToken?: boolean | undefined
}

/** `done(error)`, `done(null, false, message)` or `done(null, user)`. */
export type Done = (error?: Untyped, user?: Untyped, message?: Untyped) => void

/** Finds the user of a verified payload; `{}` where there was no token. @deprecated docs/migrate/socketio-jwt-auth.md */
export type verifyFunc = (payload: Untyped, done: Done) => unknown

export interface Settings {
  readonly secret: LegacySecret
  readonly checks: LegacyJwtChecks
  readonly succeedWithoutToken: boolean
  readonly verify: verifyFunc
  readonly ours: LegacyOptions
}

/** @throws TypeError quoting the option */
export function settingsOf(options: authOptions, verify: unknown): Settings {
  const given = { ...options }
  const { secret } = given
  if (!secret) throw new TypeError('SocketioJwtAuth requires a secret')
  if (typeof verify !== 'function') throw new TypeError('SocketioJwtAuth requires a verify callback')
  const algorithm = given.algorithm ?? 'HS256'
  if (!ALGORITHMS.includes(algorithm)) {
    throw new TypeError(`${LIBRARY}: "algorithm" must be one of ${ALGORITHMS.join(', ')}`)
  }
  const key = isLegacySecret(secret) ? legacyKey(secret) : null
  if (key === null || !key.algorithms.includes(algorithm)) {
    throw new TypeError(
      `${LIBRARY}: "secret" must be a key for "algorithm" ${algorithm}: a secret, or for RS256 a public key`,
    )
  }
  const ours = legacyOptionsOf(LIBRARY, given)
  return {
    secret,
    checks: legacyJwtChecks(LIBRARY, { algorithms: [algorithm] }),
    succeedWithoutToken: given.succeedWithoutToken === true,
    verify: verify as verifyFunc,
    ours: given.succeedWithoutToken === true ? admittingGuests(ours) : ours,
  }
}

/** Whoever brings no token is let in, and the audit log says so. */
function admittingGuests({ audit, ...rest }: LegacyOptions): LegacyOptions {
  if (audit === undefined) return rest
  return {
    ...rest,
    audit: (event) => {
      const isGuest = event.code === 'AUTH_CREDENTIAL_MISSING'
      return audit(isGuest ? { ...event, effect: 'permit', code: null, reason: 'guest' } : event)
    },
  }
}
