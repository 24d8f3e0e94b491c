/** For how long an answer may be remembered, by what it says itself: RFC 9111, as a private cache. */

import type { IncomingHttpHeaders } from 'node:http'

/** A name, and a token or a quoted string. Quoted commas separate nothing. */
const DIRECTIVE = /\s*([!#$%&'*+.^_`|~\w-]+)(?:=(?:"((?:[^"\\]|\\.)*)"|([^\s",]*)))?\s*(?:,|$)/y

/**
 * Seconds for which an answer is fresh: `max-age` less `Age`. 0 without `max-age`, with `no-store` or `no-cache`, with
 * `Vary: *`, and when anything there cannot be read. `s-maxage` is for shared caches and does not count; nor does `Expires`.
 *
 * @see RFC 9111 sections 4.2 and 5.2.2
 */
export function freshSeconds(headers: IncomingHttpHeaders): number {
  const directives = directivesOf(headers['cache-control'] ?? '')
  if (directives === null || directives.has('no-store') || directives.has('no-cache')) return 0
  if (headers.vary?.includes('*')) return 0
  const age = headers.age ?? '0'
  const maxAge = directives.get('max-age') ?? ''
  if (!/^\d{1,10}$/.test(maxAge) || !/^\d{1,10}$/.test(age)) return 0
  return Math.max(0, Number(maxAge) - Number(age))
}

/** Null when it cannot be read, or says `max-age` in two ways. */
function directivesOf(text: string): ReadonlyMap<string, string> | null {
  const found = new Map<string, string>()
  for (let at = 0; at < text.length; at = DIRECTIVE.lastIndex) {
    DIRECTIVE.lastIndex = at
    const [whole, written = '', quoted, token] = DIRECTIVE.exec(text) ?? []
    if (whole === undefined) return null
    const [name, value] = [written.toLowerCase(), quoted ?? token ?? '']
    if (name === 'max-age' && found.has(name) && found.get(name) !== value) return null
    found.set(name, value)
  }
  return found
}
