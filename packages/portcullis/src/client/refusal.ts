/** Refusals as they reach a client: a body from the wire, a `connect_error`, and the error that requests reject with. */

import type { Refusal, Retry } from '../protocol.ts'

/**
 * What `join`, `leave` and `whoami` reject with. `message` is the server's public text and `code` one of the library's
 * codes, or a newer one. No answer (time-out, disconnection) is `AUTH_UNAVAILABLE`, with the reason as `cause`.
 *
 * @example
 * await auth.join('org:acme').catch((error: AuthRefusal) => show(error.code))
 */
export class AuthRefusal extends Error {
  readonly code: string
  /** What makes sense next; `withAuth` itself does nothing about a refused request. */
  readonly retry: Retry

  constructor(refusal: Refusal, options?: ErrorOptions) {
    super(refusal.message, options)
    this.name = 'AuthRefusal'
    this.code = refusal.code
    this.retry = refusal.retry
  }
}

/** A refusal that no server sent: what was asked for did not come in time, or at all. */
export function unavailable(message: string): Refusal {
  return { code: 'AUTH_UNAVAILABLE', message, retry: 'backoff' }
}

/** Nobody is made to wait longer than this, whatever a server says. */
const MAX_RETRY_AFTER_MS = 300_000

/** The refusal in a body of the wire, or null when it is none. Fields beyond those of a refusal are left behind. */
export function readRefusal(body: unknown): Refusal | null {
  if (typeof body !== 'object' || body === null) return null
  const { code, message, retry, retryAfterMs } = body as Record<keyof Refusal, unknown>
  if (typeof code !== 'string' || typeof message !== 'string') return null
  if (retry !== 'never' && retry !== 'refresh' && retry !== 'backoff') return null
  const isKnown = retry === 'backoff' && typeof retryAfterMs === 'number' && retryAfterMs >= 0
  if (!isKnown) return { code, message, retry }
  return { code, message, retry, retryAfterMs: Math.min(retryAfterMs, MAX_RETRY_AFTER_MS) }
}

/** A refusal that names what it is about: `event` in `auth:denied`, `room` in `auth:left`. */
export function readNotice<Field extends 'event' | 'room'>(
  body: unknown,
  field: Field,
): (Refusal & Record<Field, string>) | null {
  const refusal = readRefusal(body)
  const about = refusal && (body as Record<Field, unknown>)[field]
  return typeof about === 'string' ? ({ ...refusal, [field]: about } as Refusal & Record<Field, string>) : null
}

/**
 * The refusal behind a `connect_error`, or null for a failure of the network. A namespace sends it as `data`; over HTTP
 * it is the body, which polling over XMLHttpRequest (socket.io-client's default) shows and a WebSocket never does.
 */
export function refusalIn(error: Error): Refusal | null {
  const { data, context } = error as { data?: unknown; context?: { responseText?: unknown } }
  return readRefusal(data) ?? readRefusal(parseJson(context?.responseText))
}

function parseJson(text: unknown): unknown {
  try {
    return typeof text === 'string' ? JSON.parse(text) : null
  } catch {
    return null
  }
}
