/** The options of `createInspector`, checked. */

import { type ClientOf, createClientOf } from './client-of.ts'
import type { InspectorRequest } from './http.ts'
import type { Operator } from './operator.ts'
import { parseHash } from './password-hash.ts'
import type { InspectorSource } from './source.ts'

/** Somebody who logs in at the inspector's own form. */
export interface InspectorUser {
  readonly name: string
  /** Made by `hashPassword`. */
  readonly passwordHash: string
  /** Whether revoke and disconnect are theirs to use. Default false: they look, and change nothing. */
  readonly mayRevoke?: boolean
}

/** Who sends a request; null for nobody who may look. */
export type Authenticate = (req: InspectorRequest) => Promise<Operator | null> | Operator | null

/** Options of `createInspector`: `source`, and either `users` with `secret`, or `authenticate`. */
export interface InspectorOptions {
  readonly source: InspectorSource
  /** Who may log in at the inspector's own form. At least one. */
  readonly users?: readonly InspectorUser[]
  /** Signs the cookie of `users`. At least 32 bytes; the same on every node where several serve the page. */
  readonly secret?: string | Uint8Array
  /**
   * Says who sends a request, where the application has log-ins of its own; null for nobody who may look. Asked at every request, and
   * every 15 seconds of a live feed. Where a cookie of the application names them, POST requests are still refused from other sites.
   */
  readonly authenticate?: Authenticate
  /** How long a log-in of `users` lasts. Seconds, default 8 hours, at most 7 days. */
  readonly sessionSeconds?: number
  /**
   * Addresses and ranges of proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed, where no framework reads them. Default:
   * what `req.ip` and `req.secure` of Express say, or the other end of the connection; behind a proxy that is one address for everybody.
   */
  readonly trustedProxies?: readonly string[]
  /** Receives what the source or `authenticate` threw. Default: nothing is told. */
  readonly onError?: (error: unknown) => void
}

/** The options, with defaults. */
export interface Settings {
  readonly source: InspectorSource
  readonly users: ReadonlyMap<string, InspectorUser>
  readonly secret: string | Uint8Array
  readonly authenticate: Authenticate | null
  readonly sessionSeconds: number
  readonly clientOf: ClientOf
  readonly onError: (error: unknown) => void
  readonly nowSeconds: () => number
}

const OPTIONS = new Set(['source', 'users', 'secret', 'authenticate', 'sessionSeconds', 'trustedProxies', 'onError'])
const MIN_SECRET_BYTES = 32
const WEEK_SECONDS = 604_800

/** @throws TypeError quoting the option */
export function checkOptions(options: InspectorOptions): Settings {
  if (typeof options !== 'object' || options === null)
    throw new TypeError('createInspector: the options must be an object')
  for (const option of Object.keys(options)) {
    if (!OPTIONS.has(option)) throw new TypeError(`"${option}" is not an option of createInspector`)
  }
  const { source, users, secret, authenticate = null, sessionSeconds = 28_800, onError = () => {} } = options
  if (typeof source?.overview !== 'function') throw new TypeError('"source" must be an InspectorSource')
  if (typeof onError !== 'function') throw new TypeError('"onError" must be a function')
  if (!(Number.isFinite(sessionSeconds) && sessionSeconds >= 60 && sessionSeconds <= WEEK_SECONDS)) {
    throw new TypeError(`"sessionSeconds" must be a number from 60 to ${WEEK_SECONDS}`)
  }
  const common = {
    source,
    sessionSeconds,
    clientOf: createClientOf(options.trustedProxies),
    onError: quietly(onError),
    nowSeconds: () => Date.now() / 1000,
  }
  if (authenticate !== null) {
    if (typeof authenticate !== 'function') throw new TypeError('"authenticate" must be a function')
    if (users !== undefined) throw new TypeError('"users" and "authenticate" exclude each other')
    return { ...common, authenticate, users: new Map(), secret: '' }
  }
  return { ...common, authenticate: null, users: checkUsers(users), secret: checkSecret(secret) }
}

function checkUsers(users: unknown): ReadonlyMap<string, InspectorUser> {
  if (!Array.isArray(users) || users.length === 0) {
    throw new TypeError('"users" must be a list of at least one { name, passwordHash }, or "authenticate" be given')
  }
  const known = new Map<string, InspectorUser>()
  for (const [i, user] of (users as readonly Partial<InspectorUser>[]).entries()) {
    const { name, passwordHash, mayRevoke = false } = user ?? {}
    if (typeof name !== 'string' || name === '' || name.length > 256) {
      throw new TypeError(`"users[${i}].name" must be a string of 1 to 256 characters`)
    }
    if (known.has(name)) throw new TypeError(`"users[${i}].name" stands there twice`)
    if (typeof passwordHash !== 'string' || parseHash(passwordHash) === null) {
      throw new TypeError(`"users[${i}].passwordHash" must be made by hashPassword`)
    }
    if (typeof mayRevoke !== 'boolean') throw new TypeError(`"users[${i}].mayRevoke" must be true or false`)
    known.set(name, { name, passwordHash, mayRevoke })
  }
  return known
}

function checkSecret(secret: unknown): string | Uint8Array {
  const isSecret = typeof secret === 'string' || secret instanceof Uint8Array
  if (!isSecret || Buffer.byteLength(secret) < MIN_SECRET_BYTES) {
    throw new TypeError(`"secret" must have at least ${MIN_SECRET_BYTES} bytes`)
  }
  return secret
}

function quietly(onError: (error: unknown) => void): (error: unknown) => void {
  return (error) => {
    try {
      onError(error)
    } catch {
      // Whoever is told of an error does not make another.
    }
  }
}
