/** Origin: which pages may open a connection. `cors` does not restrict WebSocket, so this is checked on every request. */

import type { IncomingMessage } from 'node:http'
import { AuthError } from '../errors.ts'

/**
 * What a request proves about the page that sent it. `listed`: it comes from a page of an allowed origin, or from the
 * server's own. `unknown`: no browser said anything, as with a program or an app.
 */
export type OriginProof = 'listed' | 'unknown'

/**
 * Refuses an `Origin` that is not listed, one sent twice and `null`. A request without one is let through as `unknown`,
 * unless its `Sec-Fetch-Site` or `Referer` shows where it comes from: browsers send no `Origin` with a GET to the page's
 * own origin, as in Socket.IO's first polling request.
 *
 * @throws AuthError AUTH_ORIGIN_REFUSED
 * @see RFC 6454 section 7, RFC 6455 section 10.2, Fetch Metadata Request Headers
 */
export type CheckOrigin = (request: IncomingMessage) => OriginProof

/** @throws TypeError quoting "origins" */
export function createCheckOrigin(origins: readonly string[], hasAmbientCredential: boolean): CheckOrigin {
  if (!Array.isArray(origins))
    throw new TypeError('"origins" must be an array of origins such as "https://app.example"')
  const any = origins.includes('*')
  if (any && hasAmbientCredential) {
    throw new TypeError('"origins" must not contain "*" while a strategy reads cookies: any page could use them')
  }
  const listed = new Set(origins.filter((origin) => origin !== '*').map(requireOrigin))
  return function checkOrigin(request) {
    const values = rawValues(request, 'origin')
    const origin = values[0]
    if (origin !== undefined) {
      if (values.length > 1 || !(any || listed.has(origin)))
        throw new AuthError('AUTH_ORIGIN_REFUSED', { reason: 'origin' })
      return listed.has(origin) ? 'listed' : 'unknown'
    }
    if (request.headers['sec-fetch-site'] === 'same-origin') return 'listed'
    const { referer } = request.headers
    return referer !== undefined && URL.canParse(referer) && listed.has(new URL(referer).origin) ? 'listed' : 'unknown'
  }
}

/** Node joins or drops repeated headers; what was sent twice can only be seen in the raw list. */
export function rawValues(request: IncomingMessage, name: string): readonly string[] {
  const values: string[] = []
  for (let i = 0; i + 1 < request.rawHeaders.length; i += 2) {
    const value = request.rawHeaders[i + 1]
    if (request.rawHeaders[i]?.toLowerCase() === name && value !== undefined) values.push(value)
  }
  return values
}

function requireOrigin(value: unknown): string {
  if (typeof value !== 'string' || !URL.canParse(value) || new URL(value).origin !== value) {
    throw new TypeError(
      `"origins": ${JSON.stringify(String(value))} must be an origin exactly as browsers send it, such as "https://app.example"`,
    )
  }
  return value
}
