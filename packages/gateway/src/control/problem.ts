/** Refusals of the control API as problem documents (RFC 9457), and the one table of their codes. */

import { AuthError, CODES } from 'portcullis'

interface ProblemKind {
  readonly status: number
  readonly title: string
}

/** What the control API refuses by its own word; codes that begin with `AUTH_` are the library's. */
const OWN = {
  BODY_INVALID: { status: 400, title: 'The body is not the JSON that is expected.' },
  IDEMPOTENCY_KEY_INVALID: { status: 400, title: 'The Idempotency-Key is malformed.' },
  PATH_INVALID: { status: 400, title: 'The path cannot be decoded.' },
  NAMESPACE_FORBIDDEN: { status: 403, title: 'This credential does not reach so far.' },
  NAMESPACE_UNKNOWN: { status: 404, title: 'There is no such protected namespace.' },
  NOT_CONFIGURED: { status: 404, title: 'This gateway is not configured for that.' },
  NOT_FOUND: { status: 404, title: 'There is nothing here.' },
  METHOD_NOT_ALLOWED: { status: 405, title: 'The method is not allowed here.' },
  IDEMPOTENCY_IN_PROGRESS: { status: 409, title: 'A request with this Idempotency-Key is under way.' },
  BODY_TOO_LARGE: { status: 413, title: 'The body is too large.' },
  MEDIA_TYPE_UNSUPPORTED: { status: 415, title: 'The body must be application/json, in UTF-8 and not compressed.' },
  IDEMPOTENCY_KEY_REUSED: { status: 422, title: 'The Idempotency-Key was used for another request.' },
  REQUEST_INVALID: { status: 422, title: 'The request does not fit what is expected.' },
  RECEIPT_INCOMPLETE: { status: 503, title: 'Not every node has shown that it is done.' },
} as const satisfies Record<string, ProblemKind>

/** Every code that a problem document may carry. */
export type ProblemCode = keyof typeof OWN | keyof typeof CODES

/** What is wrong in a request, and where: in the body by JSON pointer (RFC 6901), or in the query or path by name. */
export type ProblemError =
  | { readonly pointer: string; readonly detail: string }
  | { readonly parameter: string; readonly detail: string }

/** What a problem says beyond its code. None of it may hold a credential or a claim. */
export interface ProblemOptions {
  /** A sentence on this occurrence. */
  readonly detail?: string
  readonly errors?: readonly ProblemError[]
  /** Sent as `Retry-After`. Seconds; default 1 for what may be tried again. */
  readonly retryAfterSeconds?: number
  /** Sent as `Allow`. */
  readonly allow?: string
  /** Further members of the document (RFC 9457 section 3.2). */
  readonly members?: Readonly<Record<string, unknown>>
  /** For `onError`; never sent. */
  readonly cause?: unknown
}

/** A refusal by the control API. */
export class Problem extends Error {
  readonly code: ProblemCode
  readonly options: ProblemOptions

  constructor(code: ProblemCode, options: ProblemOptions = {}) {
    super(kindOf(code).title, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'Problem'
    this.code = code
    this.options = options
  }

  /** HTTP status of the code. */
  get status(): number {
    return kindOf(this.code).status
  }
}

/** A problem as it goes out. */
export interface ProblemAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Readonly<Record<string, unknown>>
}

/** Whatever was thrown, as a problem: errors that nobody foresaw are AUTH_ERROR, and say nothing. */
export function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error
  if (AuthError.is(error)) {
    const { code, retryAfterSeconds, cause } = error
    return new Problem(code, {
      ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
      cause: cause ?? error,
    })
  }
  // Express's router gives it to a path that is no percent-encoding.
  if (error instanceof URIError) return new Problem('PATH_INVALID')
  return new Problem('AUTH_ERROR', { cause: error })
}

/** The document and its headers. `requestId` names the occurrence. */
export function answerOf(problem: Problem, requestId: string): ProblemAnswer {
  const { code, status, options } = problem
  const { detail, errors, members, allow, retryAfterSeconds = 1 } = options
  const mayTryAgain = status === 429 || status === 503 || code === 'IDEMPOTENCY_IN_PROGRESS'
  return {
    status,
    headers: {
      'Content-Type': 'application/problem+json',
      ...(mayTryAgain ? { 'Retry-After': String(Math.max(1, Math.ceil(retryAfterSeconds))) } : {}),
      ...(allow === undefined ? {} : { Allow: allow }),
      ...challenge(code, status),
    },
    body: {
      ...members,
      type: `urn:portcullis:problem:${code}`,
      title: kindOf(code).title,
      status,
      ...(detail === undefined ? {} : { detail }),
      instance: `urn:portcullis:request:${requestId}`,
      code,
      ...(errors === undefined ? {} : { errors }),
    },
  }
}

/** The status of every code, for the document that describes this API. */
export function problemStatuses(): Readonly<Record<string, number>> {
  return Object.fromEntries(
    [...Object.keys(OWN), ...Object.keys(CODES)].map((code) => [code, kindOf(code as ProblemCode).status]),
  )
}

function kindOf(code: ProblemCode): ProblemKind {
  if (Object.hasOwn(OWN, code)) return OWN[code as keyof typeof OWN]
  const { http, message } = CODES[code as keyof typeof CODES]
  return { status: http, title: message }
}

/** RFC 6750 section 3: a request without a credential gets no error code. */
function challenge(code: ProblemCode, status: number): Readonly<Record<string, string>> {
  if (code === 'AUTH_INSUFFICIENT_SCOPE') return { 'WWW-Authenticate': 'Bearer error="insufficient_scope"' }
  if (status !== 401) return {}
  return { 'WWW-Authenticate': code === 'AUTH_CREDENTIAL_MISSING' ? 'Bearer' : 'Bearer error="invalid_token"' }
}
