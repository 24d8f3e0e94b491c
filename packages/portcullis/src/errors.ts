/** `AuthError` and the one table of codes: HTTP status, what the client should do, and the public message of each. */

import type { Refusal, Retry } from './protocol.ts'

interface CodeEntry {
  readonly http: number
  readonly retry: Retry
  readonly message: string
  readonly spec: string
}

/** Every code, in one place. Types, HTTP statuses, wire messages and documentation pages are derived from it. */
export const CODES = {
  AUTH_CREDENTIAL_MISSING: {
    http: 401,
    retry: 'refresh',
    message: 'No credential was presented.',
    spec: 'RFC 9110 section 15.5.2',
  },
  AUTH_CREDENTIAL_INVALID: {
    http: 401,
    retry: 'refresh',
    message: 'The credential was not accepted.',
    spec: 'RFC 6750 section 3.1',
  },
  AUTH_EXPIRED: {
    http: 401,
    retry: 'refresh',
    message: 'The credential has expired.',
    spec: 'RFC 6750 section 3.1',
  },
  AUTH_REVOKED: {
    http: 401,
    retry: 'refresh',
    message: 'The credential was revoked.',
    spec: 'RFC 7009 section 2',
  },
  AUTH_SUBJECT_CHANGED: {
    http: 403,
    retry: 'never',
    message: 'The new credential belongs to someone else.',
    spec: 'RFC 9110 section 15.5.4',
  },
  AUTH_FORBIDDEN: {
    http: 403,
    retry: 'never',
    message: 'This is not permitted.',
    spec: 'RFC 9110 section 15.5.4',
  },
  AUTH_INSUFFICIENT_SCOPE: {
    http: 403,
    retry: 'never',
    message: 'The credential lacks a required scope.',
    spec: 'RFC 6750 section 3.1',
  },
  AUTH_ORIGIN_REFUSED: {
    http: 403,
    retry: 'never',
    message: 'Connections from this origin are not permitted.',
    spec: 'RFC 6455 section 10.2',
  },
  AUTH_REPLACED: {
    http: 409,
    retry: 'never',
    message: 'Another connection took the place of this one.',
    spec: 'RFC 9110 section 15.5.10',
  },
  AUTH_ARGUMENTS_INVALID: {
    http: 400,
    retry: 'never',
    message: 'The arguments do not fit what is expected.',
    spec: 'RFC 9110 section 15.5.1',
  },
  AUTH_RATE_LIMITED: {
    http: 429,
    retry: 'backoff',
    message: 'Too many attempts. Wait before trying again.',
    spec: 'RFC 6585 section 4',
  },
  AUTH_UNAVAILABLE: {
    http: 503,
    retry: 'backoff',
    message: 'The credential could not be checked now. Try again later.',
    spec: 'RFC 9110 section 15.6.4',
  },
  AUTH_ERROR: {
    http: 500,
    retry: 'never',
    message: 'The server failed to decide.',
    spec: 'RFC 9110 section 15.6.1',
  },
} as const satisfies Record<string, CodeEntry>

/** Every code of the table. */
export type AuthErrorCode = keyof typeof CODES

/** Marks errors of every copy of this module, so that nothing depends on `instanceof`. */
const BRAND = 'portcullis.AuthError'

/** What an `AuthError` may carry for the audit log; none of it reaches a client. */
export interface AuthErrorOptions {
  /** A fixed word for the audit log that says which check failed, such as `signature`. Never a value from outside. */
  readonly reason?: string
  /** The error that led here. Goes to `onError`, never to a client. */
  readonly cause?: unknown
  /** Seconds after which trying again makes sense; sent as `Retry-After` over HTTP. */
  readonly retryAfterSeconds?: number
}

/**
 * The one error of this library. `message` is the table's constant and safe to send; the true reason is in `reason` and
 * `cause`. Compare `error.code`, or use `AuthError.is(error)`; `instanceof` fails across two copies of the package.
 *
 * @example throw new AuthError('AUTH_UNAVAILABLE', { cause: error })
 */
export class AuthError extends Error {
  readonly code: AuthErrorCode
  readonly reason: string | undefined
  readonly retryAfterSeconds: number | undefined
  readonly brand: string = BRAND

  constructor(code: AuthErrorCode, options: AuthErrorOptions = {}) {
    super(CODES[code].message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'AuthError'
    this.code = code
    this.reason = options.reason
    this.retryAfterSeconds = options.retryAfterSeconds
    Object.defineProperty(this, 'brand', { enumerable: false })
  }

  /** HTTP status of the code. */
  get status(): number {
    return CODES[this.code].http
  }

  /** What the client should do next. */
  get retry(): Retry {
    return CODES[this.code].retry
  }

  /** True for an `AuthError` of any copy of this package, with a code that this copy knows. */
  static is(value: unknown): value is AuthError {
    return (
      value instanceof Error &&
      (value as { brand?: unknown }).brand === BRAND &&
      Object.hasOwn(CODES, (value as { code?: unknown }).code as PropertyKey)
    )
  }
}

const refusals = new Map<AuthErrorCode, Refusal<AuthErrorCode>>(
  (Object.keys(CODES) as AuthErrorCode[]).map((code) => [
    code,
    Object.freeze({ code, message: CODES[code].message, retry: CODES[code].retry }),
  ]),
)

/** The public body for a code: always the same frozen object, so nothing else can slip into it. */
export function refusalOf(code: AuthErrorCode): Refusal<AuthErrorCode> {
  return refusals.get(code) as Refusal<AuthErrorCode>
}
