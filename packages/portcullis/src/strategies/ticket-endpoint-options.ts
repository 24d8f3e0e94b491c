/** What the HTTP handlers of `tickets` may be told, and the check of it at start-up. */

import { knownOptions, LONGEST_TIMER_MS, positive, text } from '../option-checks.ts'
import { isOrigin } from './ticket-bindings.ts'
import type { TicketClaim } from './ticket-record.ts'

/** What of the request for a ticket its use must share. */
export type TicketBinding = 'origin' | 'address' | 'userAgent'

/** Options of the HTTP handlers; `identify` is required. */
export interface TicketEndpointOptions<Request, Claims> {
  /**
   * Whom this request is from, by the application's own login: what `issue` takes, or null when nobody is logged in. What it
   * throws is answered AUTH_ERROR, or its code where it is an `AuthError`.
   */
  readonly identify: (request: Request) => TicketClaim<Claims> | null | Promise<TicketClaim<Claims> | null>
  /** Origins, beside the server's own, whose pages may ask. CORS is for the application to answer. Default none. */
  readonly origins?: readonly string[]
  /**
   * What the connection must share with the request for the ticket. Default `['origin']`. The address is the framework's
   * (`req.ip`): where a proxy stands between, both servers must know it.
   */
  readonly bindTo?: readonly TicketBinding[]
  /**
   * Name of the cookie of the login, such as `connect.sid`: the ticket then counts only together with it, and a request without
   * it gets none. Default: tickets are bound to no session.
   */
  readonly sessionCookie?: string
  /** Milliseconds that `identify` has to answer, else AUTH_UNAVAILABLE. Default 1000. */
  readonly identifyTimeoutMs?: number
  /** Told of what is answered 500 and 503. Default: nobody is. */
  readonly onError?: (error: unknown) => void
}

/** The options with their defaults, checked. */
export interface TicketEndpointSettings<Request> {
  readonly identify: (request: Request) => unknown
  readonly origins: ReadonlySet<string>
  readonly bindTo: ReadonlySet<TicketBinding>
  readonly sessionCookie: string | null
  readonly identifyTimeoutMs: number
  /** Never throws. */
  readonly report: (error: unknown) => void
}

const OPTIONS = new Set('identify origins bindTo sessionCookie identifyTimeoutMs onError'.split(' '))
const BINDINGS = new Set<unknown>(['origin', 'address', 'userAgent'])

/** @throws TypeError that quotes the option */
export function endpointSettingsOf<Request, Claims>(
  options: TicketEndpointOptions<Request, Claims>,
): TicketEndpointSettings<Request> {
  // Without a prototype, so that a polluted one configures nothing.
  const own: typeof options = Object.assign(Object.create(null), options)
  knownOptions(own, OPTIONS, 'tickets')
  const { identify, origins = [], bindTo = ['origin'], sessionCookie, onError } = own
  if (typeof identify !== 'function') throw new TypeError('"identify" must be a function')
  if (!Array.isArray(origins) || !origins.every(isOrigin)) {
    throw new TypeError('"origins" must be an array of origins as browsers send them, such as https://app.example')
  }
  if (!Array.isArray(bindTo) || !bindTo.every((each) => BINDINGS.has(each))) {
    throw new TypeError('"bindTo" must be an array of origin, address and userAgent')
  }
  if (onError !== undefined && typeof onError !== 'function') throw new TypeError('"onError" must be a function')
  return Object.freeze({
    identify,
    origins: new Set<string>(origins),
    bindTo: new Set<TicketBinding>(bindTo),
    sessionCookie: sessionCookie === undefined ? null : text(sessionCookie, 'sessionCookie'),
    identifyTimeoutMs: positive(own.identifyTimeoutMs ?? 1000, 'identifyTimeoutMs', LONGEST_TIMER_MS),
    report(error: unknown): void {
      try {
        onError?.(error)
      } catch {
        // Whoever is told of an error does not decide about the answer.
      }
    },
  })
}
