/** Proof that no page of another site made a request that changes something. */

import { type InspectorRequest, Problem } from './http.ts'

/**
 * A browser attaches the cookie by itself, and says with `Sec-Fetch-Site` and `Origin` who asked; no page can make it leave both
 * out. A request with neither is from a program, which has no cookie that it was not given.
 *
 * @throws Problem 403
 * @see Fetch standard section 3.2, Fetch Metadata section 2.3
 */
export function requireSameOrigin(req: InspectorRequest): void {
  const site = req.headers['sec-fetch-site']
  const { origin } = req.headers
  const own = site === undefined ? origin === undefined || hostOf(origin) === req.headers.host : site === 'same-origin'
  if (!own) throw new Problem(403, 'Another site sent this request.')
}

function hostOf(origin: string): string | null {
  return URL.canParse(origin) ? new URL(origin).host : null
}
