/** The options of socketio-jwt 4.6.2, checked once, when `authorize` is called. */

import type { IncomingHttpHeaders } from 'node:http'
import type { Socket } from 'socket.io'
import type { LegacyOptions } from './legacy-admission.ts'
import { type LegacyJwtChecks, type LegacyJwtOptions, legacyJwtChecks } from './legacy-jwt-checks.ts'
import { isLegacySecret, type LegacySecret, legacyKey } from './legacy-jwt-key.ts'
import { legacyOptionsOf } from './legacy-jwt-ours.ts'
import type { Untyped } from './legacy-jwt-untyped.ts'
import type { UnauthorizedError } from './socketio-jwt-error.ts'

export const LIBRARY = 'socketio-jwt'

/** `(request, payload, callback)`; one of four parameters is called with `(request, header, payload, callback)`. */
export type SecretFunction = (
  request: Untyped,
  headerOrPayload: Untyped,
  payloadOrCallback: Untyped,
  callback: Untyped,
) => unknown

/** Options of `authorize`. @deprecated docs/migrate/socketio-jwt.md lists what each of them has become. */
export interface IOptions extends LegacyOptions, LegacyJwtOptions {
  /** A shared secret, a public key in PEM, a KeyObject, or a function that calls back with one. */
  readonly secret: LegacySecret | SecretFunction
  /** True: the token comes with the handshake, and `authorize` makes a middleware. Default false: a second roundtrip. */
  readonly handshake?: boolean | undefined
  /** Second roundtrip: whether a socket that does not authenticate is disconnected, and shielded until then. Default true. */
  readonly required?: boolean | undefined
  /** Second roundtrip: milliseconds until the token must have been accepted. Default 5000. */
  readonly timeout?: number | undefined
  /**
   * Second roundtrip: how long a refused client may take to acknowledge `unauthorized` before it is disconnected; milliseconds,
   * false for not at all. Default 5000.
   */
  readonly callback?: boolean | number | undefined
  /** Second roundtrip: the token is in this cookie. */
  readonly cookie?: string | undefined
  /** Only the `Authorization` header counts. */
  readonly auth_header_required?: boolean | undefined
  readonly decodedPropertyName?: string | undefined
  readonly encodedPropertyName?: string | undefined
  /** What becomes the decoded token. */
  readonly customDecoded?: ((decoded: Untyped) => unknown) | undefined
  readonly additional_auth?:
    | ((decoded: Untyped, onSuccess: () => void, onError: (error: Untyped, code?: Untyped) => void) => unknown)
    | undefined
  /** Handshake: called in place of `accept()`. */
  readonly success?: ((socket: Untyped, accept: Accept) => unknown) | undefined
  /** Handshake: called in place of `accept(error)`. */
  readonly fail?: ((error: UnauthorizedError, socket: Untyped, accept: Accept) => unknown) | undefined
}

/** `next` of a middleware; with Socket.IO 0.9's second argument for whoever still passes one. */
export type Accept = (error?: Untyped, authorized?: boolean) => void

/** What Socket.IO 0.9 called `handshakeData`, and the request that 1 and 2 gave in its place. */
export interface HandshakeData {
  readonly headers?: IncomingHttpHeaders
  readonly query?: unknown
  readonly _query?: unknown
}

/**
 * A middleware, or with a second roundtrip the listener of `connection`; with handshake data, what `io.set('authorization', …)` took.
 *
 * @deprecated docs/migrate/socketio-jwt.md
 */
export interface ISocketIOMiddleware {
  (socket: Socket, fn?: (error?: Untyped) => void): void
  (data: HandshakeData, accept: Accept): void
}

/** What the client is to read of a refusal. @deprecated docs/migrate/socketio-jwt.md */
export interface ISocketIOError {
  readonly code: string
  readonly message: string
}

/** What a `secret` function calls back. @deprecated docs/migrate/socketio-jwt.md */
export type ISocketCallback = (error: ISocketIOError | null, success: string) => void

export interface Settings {
  readonly secret: LegacySecret | SecretFunction
  readonly checks: LegacyJwtChecks
  readonly handshake: boolean
  readonly required: boolean
  readonly timeoutMs: number
  /** How long after `unauthorized` a client may stay; 0 for not at all. */
  readonly lingerMs: number
  readonly cookie: string | null
  readonly headerOnly: boolean
  readonly decodedName: string
  readonly encodedName: string
  readonly customDecoded: ((decoded: Untyped) => unknown) | null
  readonly additionalAuth: NonNullable<IOptions['additional_auth']> | null
  readonly success: IOptions['success']
  readonly fail: IOptions['fail']
  readonly ours: LegacyOptions
}

const DEFAULT_TIMEOUT_MS = 5_000
const DEFAULT_LINGER_MS = 5_000
/** Timers past this fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1

/** @throws TypeError quoting the option; of a secret, never what it is */
export function settingsOf(options: IOptions): Settings {
  const given = { ...options }
  const { secret, cookie } = given
  if (typeof secret !== 'function' && !isLegacySecret(secret)) {
    const shown = secret === undefined || secret === null ? String(secret) : `of type ${typeof secret}`
    throw new TypeError(`Provided secret ${shown} is invalid, must be of type string or function.`)
  }
  if (typeof secret !== 'function' && legacyKey(secret) === null) {
    throw new TypeError(`${LIBRARY}: "secret" must be a non-empty secret, or a public key in PEM`)
  }
  if (cookie !== undefined && (typeof cookie !== 'string' || cookie === '')) {
    throw new TypeError(`${LIBRARY}: "cookie" must be the name of a cookie; leave it out to read the event's token`)
  }
  return {
    secret,
    checks: legacyJwtChecks(LIBRARY, given),
    handshake: Boolean(given.handshake),
    required: given.required === undefined || Boolean(given.required),
    timeoutMs: milliseconds('timeout', given.timeout) || DEFAULT_TIMEOUT_MS,
    lingerMs: lingerOf(given.callback),
    cookie: cookie ?? null,
    headerOnly: Boolean(given.auth_header_required),
    decodedName: propertyName('decodedPropertyName', given.decodedPropertyName, 'decoded_token'),
    encodedName: propertyName('encodedPropertyName', given.encodedPropertyName, 'encoded_token'),
    customDecoded: callable('customDecoded', given.customDecoded),
    additionalAuth: callable('additional_auth', given.additional_auth),
    success: callable('success', given.success) ?? undefined,
    fail: callable('fail', given.fail) ?? undefined,
    ours: legacyOptionsOf(LIBRARY, given),
  }
}

function lingerOf(callback: unknown): number {
  if (callback === false) return 0
  if (typeof callback !== 'number') return DEFAULT_LINGER_MS
  return milliseconds('callback', Math.abs(callback))
}

function milliseconds(name: string, value: unknown): number {
  const number = value === undefined || value === null ? 0 : Number(value)
  if (number >= 0) return Math.min(number, MAX_TIMER_MS)
  throw new TypeError(`${LIBRARY}: "${name}" must be a number of milliseconds`)
}

/** These would take the place of what the socket itself needs. */
function propertyName(option: string, value: unknown, otherwise: string): string {
  const name = value ?? otherwise
  const own = ['__proto__', 'constructor', 'prototype', 'data', 'nsp', 'id', 'emit', 'on', 'request', 'handshake']
  if (typeof name === 'string' && name !== '' && !own.includes(name)) return name
  throw new TypeError(`${LIBRARY}: "${option}" must be a name that the socket does not use itself`)
}

function callable<F>(option: string, value: F | undefined | null): F | null {
  if (value === undefined || value === null) return null
  if (typeof value === 'function') return value
  throw new TypeError(`${LIBRARY}: "${option}" must be a function`)
}
