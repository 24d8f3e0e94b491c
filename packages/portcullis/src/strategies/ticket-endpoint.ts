/** What the HTTP handlers of `tickets` have in common: who may ask, whom the ticket is for, and the answer. */

import type { IncomingHttpHeaders } from 'node:http'
import type { Clock } from '../core/clock.ts'
import { AuthError, refusalOf } from '../errors.ts'
import { cookieOf } from './ticket-bindings.ts'
import type { TicketEndpointSettings } from './ticket-endpoint-options.ts'
import type { IssuedTicket, TicketClaim } from './ticket-record.ts'

/** A request, as any framework knows it. */
export interface TicketRequest {
  readonly method: string | undefined
  readonly headers: IncomingHttpHeaders
  /** `http` or `https`. */
  readonly protocol: string
  /** The client's. */
  readonly address: string | undefined
}

/** An answer, for any framework to write. */
export interface TicketAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** A function that answers every request and never rejects. `read` may throw. */
export function createEndpoint<Request>(
  issue: (claim: TicketClaim) => Promise<IssuedTicket>,
  settings: TicketEndpointSettings<Request>,
  clock: Clock,
): (request: Request, read: () => TicketRequest) => Promise<TicketAnswer> {
  async function issued(request: Request, read: () => TicketRequest): Promise<TicketAnswer> {
    const seen = read()
    // RFC 9110 section 15.5.6.
    if (seen.method !== 'POST') return answerOf(405, refusalOf('AUTH_ARGUMENTS_INVALID'), { Allow: 'POST' })
    const bindings = bindingsOf(seen, settings)
    const claim = await identified(request, settings, clock)
    if (claim === null) throw new AuthError('AUTH_CREDENTIAL_MISSING', { reason: 'nobody' })
    const { ticket, expiresInSeconds } = await issue({ ...claim, ...bindings } as TicketClaim)
    return answerOf(200, { ticket, expiresInSeconds })
  }

  return async function answer(request, read) {
    try {
      return await issued(request, read)
    } catch (thrown) {
      const error = AuthError.is(thrown)
        ? thrown
        : new AuthError('AUTH_ERROR', { reason: 'ticket_issue', cause: thrown })
      if (error.status >= 500) settings.report(error)
      return refused(error)
    }
  }
}

/**
 * The page's origin must be this server's own, or listed: else any page could have a ticket made for its visitor.
 *
 * @throws AuthError AUTH_ORIGIN_REFUSED, AUTH_CREDENTIAL_MISSING when the cookie of the session is not there
 */
function bindingsOf<Request>(
  seen: TicketRequest,
  { origins, bindTo, sessionCookie }: TicketEndpointSettings<Request>,
): Partial<TicketClaim> {
  const { origin, host, 'sec-fetch-site': site, 'user-agent': userAgent = '' } = seen.headers
  // A browser knows best what its page's own server is, whatever proxies make of the host.
  const own = site === undefined ? origin === `${seen.protocol}://${host}` : site === 'same-origin'
  if (origin === undefined || origin === 'null' || !(own || origins.has(origin))) {
    throw new AuthError('AUTH_ORIGIN_REFUSED', { reason: 'origin' })
  }
  const value = sessionCookie === null ? null : cookieOf(seen, sessionCookie)
  if (sessionCookie !== null && !value) throw new AuthError('AUTH_CREDENTIAL_MISSING', { reason: 'session_cookie' })
  return {
    ...(bindTo.has('origin') ? { origin } : {}),
    ...(bindTo.has('address') ? { address: seen.address ?? '' } : {}),
    ...(bindTo.has('userAgent') ? { userAgent } : {}),
    ...(sessionCookie !== null && value ? { session: { cookie: sessionCookie, value } } : {}),
  }
}

/** @throws AuthError AUTH_UNAVAILABLE when it takes too long; whatever `identify` throws */
function identified<Request>(
  request: Request,
  { identify, identifyTimeoutMs }: TicketEndpointSettings<Request>,
  clock: Clock,
): Promise<object | null> {
  return new Promise((resolve, reject) => {
    const cancel = clock.setTimer(() => {
      const cause = new Error(`"identify" did not answer within ${identifyTimeoutMs} ms`)
      reject(new AuthError('AUTH_UNAVAILABLE', { reason: 'identify_timeout', cause }))
    }, identifyTimeoutMs)
    Promise.resolve()
      .then(() => identify(request))
      .then((found) => {
        if (typeof found !== 'object') throw new TypeError('"identify" answered neither a claim nor null')
        resolve(found)
      })
      .catch(reject)
      .finally(cancel)
  })
}

function refused(error: AuthError): TicketAnswer {
  return answerOf(error.status, refusalOf(error.code), {
    // RFC 9110 section 15.5.2 wants one; a login by cookie has no name of its own.
    ...(error.status === 401 ? { 'WWW-Authenticate': 'Bearer' } : {}),
    ...(error.retry === 'backoff' ? { 'Retry-After': String(error.retryAfterSeconds ?? 1) } : {}),
  })
}

function answerOf(status: number, body: object, headers: Readonly<Record<string, string>> = {}): TicketAnswer {
  const text = JSON.stringify(body)
  return {
    status,
    headers: {
      'Content-Type': 'application/json; charset=utf-8',
      'Content-Length': String(Buffer.byteLength(text)),
      'Cache-Control': 'no-store',
      'X-Content-Type-Options': 'nosniff',
      ...headers,
    },
    body: text,
  }
}
