/** How the control API answers: the headers of everything, and requests that are refused before their body is read. */

import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { AuthError } from 'portcullis'

/** Well-formed ids of callers are kept, so that one id names a request in the logs of both. */
const REQUEST_ID = /^[\w.:-]{1,128}$/
/** How long the rest of a refused body is read and thrown away, so that its sender hears the answer. */
const DRAIN_MS = 1_000

/** The caller's `X-Request-Id`, where it is well-formed, or a new one. */
export function requestIdOf({ headersDistinct }: IncomingMessage): string {
  const [given = '', ...others] = headersDistinct['x-request-id'] ?? []
  return others.length === 0 && REQUEST_ID.test(given) ? given : randomUUID()
}

/** What stands in every answer, whatever it says. No header of CORS is among it. */
export function setHeaders(response: ServerResponse, requestId: string): void {
  response.setHeader('X-Request-Id', requestId)
  response.setHeader('Cache-Control', 'no-store')
  response.setHeader('X-Content-Type-Options', 'nosniff')
  response.setHeader('Content-Security-Policy', "default-src 'none'; frame-ancestors 'none'")
  response.setHeader('Cross-Origin-Resource-Policy', 'same-origin')
}

/** @throws AuthError AUTH_ORIGIN_REFUSED for what a page in a browser sent: keys of this API are not for pages */
export function refuseBrowsers({ headers }: IncomingMessage): void {
  if (headers.origin !== undefined || headers['sec-fetch-site'] !== undefined)
    throw new AuthError('AUTH_ORIGIN_REFUSED')
}

/** Ends the connection of a request whose body goes on and on after it was answered. */
export function boundDraining(request: IncomingMessage, response: ServerResponse): void {
  response.once('finish', () => {
    if (request.complete || request.destroyed) return
    const timer = setTimeout(() => request.destroy(), DRAIN_MS)
    request.once('close', () => clearTimeout(timer))
    request.resume()
  })
}
