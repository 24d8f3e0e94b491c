/** What every request passes before a route sees it: response headers, and proof that no other site sent it. */

import type { RequestHandler } from 'express'
import { AuthError } from 'portcullis'

const HEADERS = {
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  // Not `no-referrer`, with which browsers send `Origin: null` even to their own site.
  'Referrer-Policy': 'same-origin',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
} as const

export const setHeaders: RequestHandler = (_req, res, next) => {
  res.set(HEADERS)
  next()
}

export const noStore: RequestHandler = (_req, res, next) => {
  res.set('Cache-Control', 'no-store')
  next()
}

/**
 * Refuses a state-changing request that a page of another site made: the browser would attach the cookie by itself.
 * Browsers send `Origin` with every POST, and cannot be made to leave it out. A request with neither `Origin` nor
 * `Sec-Fetch-Site` is from a program, which has no cookie that it was not given.
 *
 * @see Fetch standard section 3.2, Fetch Metadata section 2.3
 */
export function sameOrigin(origins: readonly string[]): RequestHandler {
  const known = new Set(origins)
  return function checkOrigin(req, _res, next) {
    const safe = req.method === 'GET' || req.method === 'HEAD'
    if (!safe && !isOwn(req.headers.origin, req.headers['sec-fetch-site'], known)) {
      return next(new AuthError('AUTH_ORIGIN_REFUSED'))
    }
    next()
  }
}

function isOwn(origin: string | undefined, site: string | string[] | undefined, known: ReadonlySet<string>): boolean {
  if (origin !== undefined) return known.has(origin)
  return site === undefined || site === 'same-origin' || site === 'none'
}
