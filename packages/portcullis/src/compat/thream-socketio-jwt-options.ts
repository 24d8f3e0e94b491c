/** The options of @thream/socketio-jwt 3.1.4, checked once, when `authorize` is called. */

import type { LegacyOptions } from './legacy-admission.ts'
import { type LegacyJwtChecks, legacyJwtChecks } from './legacy-jwt-checks.ts'
import { isLegacySecret, type LegacySecret, legacyKey } from './legacy-jwt-key.ts'
import { legacyOptionsOf } from './legacy-jwt-ours.ts'
import type { Untyped } from './legacy-jwt-untyped.ts'

export const LIBRARY = 'thream-socketio-jwt'

/** The algorithms of jsonwebtoken. `none` is refused at start-up. */
export type Algorithm =
  | 'HS256'
  | 'HS384'
  | 'HS512'
  | 'RS256'
  | 'RS384'
  | 'RS512'
  | 'ES256'
  | 'ES384'
  | 'ES512'
  | 'PS256'
  | 'PS384'
  | 'PS512'
  | 'none'

/** A token that was taken apart, of which nothing is verified yet. @deprecated docs/migrate/thream-socketio-jwt.md */
export interface CompleteDecodedToken {
  readonly header: { readonly alg: Algorithm; readonly [name: string]: Untyped }
  readonly payload: Untyped
}

/** Finds the secret, or the public key, of a token. @deprecated docs/migrate/thream-socketio-jwt.md */
export type SecretCallback = (decodedToken: CompleteDecodedToken) => Promise<LegacySecret> | LegacySecret

/** Options of `authorize`. @deprecated docs/migrate/thream-socketio-jwt.md */
export interface AuthorizeOptions extends LegacyOptions {
  /** A shared secret, a public key in PEM, a KeyObject, or a function of the token that returns one. */
  readonly secret: LegacySecret | SecretCallback
  /** Default: HS256 for a shared secret; for a public key, the algorithms of its kind. */
  readonly algorithms?: readonly Algorithm[] | undefined
  /** Called with the payload of a verified token; what it returns becomes `socket.user`, and what it throws refuses the socket. */
  readonly onAuthentication?: ((decodedToken: Untyped) => Untyped) | undefined
}

export interface Settings {
  readonly secret: LegacySecret | SecretCallback
  /** By the kind of key. */
  readonly shared: LegacyJwtChecks
  readonly public: LegacyJwtChecks
  readonly onAuthentication: ((decodedToken: Untyped) => Untyped) | null
  readonly ours: LegacyOptions
}

/** @throws TypeError quoting the option */
export function settingsOf(options: AuthorizeOptions): Settings {
  const { secret, algorithms, onAuthentication } = { ...options }
  if (typeof secret !== 'function' && !(isLegacySecret(secret) && legacyKey(secret) !== null)) {
    throw new TypeError(`${LIBRARY}: "secret" must be a non-empty secret, a public key in PEM, or a function`)
  }
  if (onAuthentication !== undefined && typeof onAuthentication !== 'function') {
    throw new TypeError(`${LIBRARY}: "onAuthentication" must be a function`)
  }
  return {
    secret,
    shared: legacyJwtChecks(LIBRARY, { algorithms: algorithms ?? ['HS256'] }),
    public: legacyJwtChecks(LIBRARY, { algorithms }),
    onAuthentication: onAuthentication ?? null,
    ours: legacyOptionsOf(LIBRARY, { ...options }),
  }
}
