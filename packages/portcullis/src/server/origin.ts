/** Origin: which pages may open a connection. `cors` does not restrict WebSocket, so this is checked on every request. */

import type { IncomingMessage } from 'node:http'
import { AuthError } from '../errors.ts'
import type { ClientAddress } from './client-address.ts'

/** What a request says of the page that sent it. It outlives the request, which the application may let go of. */
export interface OriginClaims extends OriginRequest {
  readonly origin: string | undefined
  /** More than one `Origin`: whose it is cannot be said. */
  readonly ambiguous: boolean
  readonly fetchSite: string | undefined
  readonly referer: string | undefined
}

/**
 * What a request proves about the page that sent it. `listed`: it comes from a page of an allowed origin, or from the
 * server's own. `unknown`: no browser said anything, as with a program or an app.
 */
export type OriginProof = 'listed' | 'unknown'

/** What an origin is judged beside. */
export interface OriginRequest {
  /** The `Host` header, or of a trusted proxy `X-Forwarded-Host`; in lower case, empty when there is none. */
  readonly host: string
  /** Over TLS, or when a trusted proxy says so. */
  readonly secure: boolean
}

/**
 * Whether a page of `origin` may connect; only `true` says so. Synchronous: anything else, a promise too, refuses. What it
 * throws is answered AUTH_ERROR.
 */
export type OriginTest = (origin: string, request: OriginRequest) => boolean

/** The pages that may connect: a list, the server's own, or a function. */
export type Origins = readonly string[] | 'same-host' | OriginTest

export interface OriginOptions {
  readonly origins: Origins
  readonly allowReferer: boolean
  /** Whether a strategy reads what browsers attach by themselves. */
  readonly hasAmbientCredential: boolean
}

/**
 * Refuses an `Origin` that is not allowed, one sent twice and `null`. A request without one is let through as `unknown`,
 * unless its `Sec-Fetch-Site` shows that it comes from the server's own page: browsers send no `Origin` with a GET to the
 * page's own origin, as in Socket.IO's first polling request. With `allowReferer` its `Referer` counts, where it has one.
 *
 * @throws AuthError AUTH_ORIGIN_REFUSED; AUTH_ERROR when the application's function threw
 * @see RFC 6454 section 7, RFC 6455 section 10.2, Fetch Metadata Request Headers
 */
export type CheckOrigin = (claims: OriginClaims) => OriginProof

export function originClaims(request: IncomingMessage, { host, secure }: ClientAddress): OriginClaims {
  const { headers } = request
  const { origin, referer, 'sec-fetch-site': site } = headers
  return {
    // Node joins or drops repeated headers; what was sent twice can only be seen in the raw list.
    origin: typeof origin === 'string' ? origin : undefined,
    ambiguous: origin !== undefined && rawValues(request, 'origin').length > 1,
    fetchSite: typeof site === 'string' ? site : undefined,
    referer,
    host,
    secure,
  }
}

/** The origin of one request under the check in force: asked once for each check that ever is, since it may be the application's. */
export class RequestOrigin {
  readonly #current: () => CheckOrigin
  readonly #claims: OriginClaims
  #check: CheckOrigin | null = null
  #proof: OriginProof = 'unknown'

  constructor(current: () => CheckOrigin, claims: OriginClaims) {
    this.#current = current
    this.#claims = claims
  }

  /** @throws AuthError AUTH_ORIGIN_REFUSED, AUTH_ERROR */
  proof(): OriginProof {
    const check = this.#current()
    if (this.#check !== check) {
      this.#proof = check(this.#claims)
      this.#check = check
    }
    return this.#proof
  }
}

/** @throws TypeError quoting "origins" or "allowReferer" */
export function createCheckOrigin(options: OriginOptions): CheckOrigin {
  const { origins, allowReferer, hasAmbientCredential } = options
  if (typeof allowReferer !== 'boolean') throw new TypeError('"allowReferer" must be true or false')
  const any = Array.isArray(origins) && origins.includes('*')
  if (any && hasAmbientCredential) {
    throw new TypeError('"origins" must not contain "*" while a strategy reads cookies: any page could use them')
  }
  const isListed = originTest(origins)
  return function checkOrigin({ origin, ambiguous, fetchSite, referer, host, secure }) {
    const test = (named: string) => {
      const listed = named !== 'null' && asked(isListed, named, { host, secure })
      if (!listed && !any) throw new AuthError('AUTH_ORIGIN_REFUSED', { reason: 'origin' })
      return listed ? 'listed' : 'unknown'
    }
    if (origin !== undefined) {
      if (ambiguous) throw new AuthError('AUTH_ORIGIN_REFUSED', { reason: 'origin' })
      return test(origin)
    }
    if (fetchSite === 'same-origin') return 'listed'
    return allowReferer && referer !== undefined ? test(originOf(referer)) : 'unknown'
  }
}

/** Every value of a header, in the order in which they came. */
export function rawValues(request: IncomingMessage, name: string): readonly string[] {
  const values: string[] = []
  for (let i = 0; i + 1 < request.rawHeaders.length; i += 2) {
    const value = request.rawHeaders[i + 1]
    if (request.rawHeaders[i]?.toLowerCase() === name && value !== undefined) values.push(value)
  }
  return values
}

function originTest(origins: Origins): OriginTest {
  if (typeof origins === 'function') return origins
  if (origins === 'same-host') return isSameHost
  if (!Array.isArray(origins)) {
    throw new TypeError(
      '"origins" must be an array of origins such as "https://app.example", "same-host" or a function',
    )
  }
  const listed = new Set(origins.filter((origin) => origin !== '*').map(requireOrigin))
  return (origin) => listed.has(origin)
}

/** Exactly what a browser sends for a page that this very request could have loaded. */
function isSameHost(origin: string, { host, secure }: OriginRequest): boolean {
  return host !== '' && origin === originOf(`${secure ? 'https' : 'http'}://${host}/`)
}

function asked(test: OriginTest, origin: string, request: OriginRequest): boolean {
  try {
    return test(origin, request) === true
  } catch (cause) {
    throw new AuthError('AUTH_ERROR', { reason: 'origins_threw', cause })
  }
}

/** Of what is no URL with a host, the opaque origin, which nobody lists. */
function originOf(url: string): string {
  return URL.canParse(url) ? new URL(url).origin : 'null'
}

function requireOrigin(value: unknown): string {
  if (typeof value !== 'string' || !URL.canParse(value) || new URL(value).origin !== value) {
    throw new TypeError(
      `"origins": ${JSON.stringify(String(value))} must be an origin exactly as browsers send it, such as "https://app.example"`,
    )
  }
  return value
}
