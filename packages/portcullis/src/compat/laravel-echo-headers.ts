/** Which headers of a client reach the application: those that say who it is, and none that say where it comes from. */

import { field } from './laravel-echo-names.ts'

const FORWARDED = ['authorization', 'x-csrf-token', 'x-xsrf-token', 'accept', 'accept-language']

/** What belongs to the connection, to a proxy, or to the server itself (RFC 9110 sections 7.2, 7.6.1 and 8; RFC 7239). */
const NEVER =
  /^(?:host|cookie2?|origin|referer|connection|keep-alive|te|trailer|transfer-encoding|upgrade|expect|via|forwarded|date|content-.*|proxy-.*|sec-.*|x-forwarded.*|x-real-.*|x-original-.*|x-rewrite-.*|x-http-method.*|x-requested-with|x-client-ip|x-cluster-client-ip|true-client-ip|cf-.*|fastly-.*)$/
const TOKEN = /^[!#$%&'*+.^_`|~0-9a-z-]+$/
/** Node refuses the rest in a header. */
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/
const MAX_VALUE_LENGTH = 8192
const MAX_HEADERS = 64

/** Takes what a client sent as `auth.headers`; null where it is no object of headers, or names one of them twice. */
export type ReadHeaders = (headers: unknown) => Readonly<Record<string, string>> | null

/**
 * Reads Authorization, X-CSRF-TOKEN, X-XSRF-TOKEN, Accept, Accept-Language and `more`; leaves out all others.
 *
 * @throws TypeError for a name that must not come from a client
 */
export function headerReader(more: unknown): ReadHeaders {
  if (more !== undefined && !(Array.isArray(more) && more.every((name) => typeof name === 'string'))) {
    throw new TypeError('laravel-echo: "forwardHeaders" must be an array of header names')
  }
  const added = ((more ?? []) as string[]).map((name) => name.toLowerCase())
  for (const name of added) {
    if (!TOKEN.test(name) || NEVER.test(name)) {
      throw new TypeError(`laravel-echo: "forwardHeaders" must not contain ${JSON.stringify(name)}`)
    }
  }
  const forwarded = new Set([...FORWARDED, ...added])
  return function readHeaders(headers) {
    if (headers === undefined || headers === null) return {}
    if (typeof headers !== 'object' || Array.isArray(headers)) return null
    const names = Object.keys(headers)
    if (names.length > MAX_HEADERS) return null
    const read = new Map<string, string>()
    for (const name of names) {
      const lower = name.toLowerCase()
      const value = field(headers, name)
      // Echo writes null where the page has no token.
      if (!forwarded.has(lower) || value === undefined || value === null) continue
      if (typeof value !== 'string' || value.length > MAX_VALUE_LENGTH || !VALUE.test(value) || read.has(lower))
        return null
      read.set(lower, value)
    }
    return Object.fromEntries(read)
  }
}
