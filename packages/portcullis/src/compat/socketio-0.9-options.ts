/** Options of ours beside the old API, checked when they are given. */

import type { AuditSink } from 'portcullis'
import type { LegacyOptions } from './legacy-admission.ts'
import { requireOrigins } from './legacy-origin.ts'
import type { HandshakeData } from './socketio-0.9-handshake.ts'

/** Who a connection stands for. */
export interface LegacyPerson {
  readonly subject: string
  /** Default `socketio-0.9`. */
  readonly issuer?: string
  /** Plain JSON, never a credential. Default `{}`. */
  readonly claims?: unknown
  /** Epoch seconds at which its sockets are disconnected. Default null: never. */
  readonly expiresAt?: number | null
}

/** Options of `authorization`, `legacyServer` and `listen`. */
export interface AuthorizationOptions extends LegacyOptions {
  /**
   * Names who was authorized, from what the authorization functions put on `handshakeData`; asked for each socket, after
   * them. Null for nobody in particular. Default: nobody in particular, which is a random subject for each connection: 0.9
   * authorized requests, and knew no users. What it throws refuses.
   */
  readonly identify?: (handshakeData: HandshakeData) => LegacyPerson | null | Promise<LegacyPerson | null>
  /** How long an authorization function may take. Milliseconds, default 30 000; then the answer is 500. */
  readonly timeoutMs?: number
  /**
   * `handshake`, the default, answers the HTTP request with 403 or 500, as 0.9 did. `namespace` opens the connection and refuses
   * every namespace instead: socket.io-client 3 and 4 then hear `connect_error` once, where they would retry for ever.
   */
  readonly refuseAt?: 'handshake' | 'namespace'
  /** Receives what authorization functions throw, reject with or pass on as an `Error`. Default: a warning of the process. */
  readonly onError?: (error: unknown) => void
}

export interface Settings {
  readonly audit: AuditSink | undefined
  readonly origins: readonly string[] | undefined
  readonly identify: AuthorizationOptions['identify']
  readonly timeoutMs: number
  readonly refuseAt: 'handshake' | 'namespace'
  readonly onError: (error: unknown) => void
}

export const LIBRARY = 'socketio-0.9'

/** @throws TypeError quoting the option */
export function readSettings(options: AuthorizationOptions): Settings {
  const { audit, identify, timeoutMs = 30_000, refuseAt = 'handshake', onError } = options
  for (const [name, fn] of Object.entries({ audit, identify, onError })) {
    if (fn !== undefined && typeof fn !== 'function') throw new TypeError(`${LIBRARY}: "${name}" must be a function`)
  }
  if (!(typeof timeoutMs === 'number' && timeoutMs > 0 && timeoutMs < 2 ** 31)) {
    throw new TypeError(`${LIBRARY}: "timeoutMs" must be a number of milliseconds above 0 and below 2^31`)
  }
  if (refuseAt !== 'handshake' && refuseAt !== 'namespace') {
    throw new TypeError(`${LIBRARY}: "refuseAt" must be 'handshake' or 'namespace'`)
  }
  const origins = requireOrigins(LIBRARY, options.origins)
  return { audit, origins, identify, timeoutMs, refuseAt, onError: neverThrowing(onError ?? warn) }
}

function neverThrowing(onError: (error: unknown) => void): (error: unknown) => void {
  return function report(error) {
    try {
      onError(error)
    } catch {
      // Being told of an error never changes a decision.
    }
  }
}

function warn(error: unknown): void {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
  process.emitWarning(`${LIBRARY}: ${text}`, { code: 'PORTCULLIS_COMPAT_AUTHORIZATION' })
}
