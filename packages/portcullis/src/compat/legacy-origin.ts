/** Whether a cookie may count: a browser sends it with the page of a stranger as well. */

import type { IncomingMessage } from 'node:http'
import type { Server, Socket } from 'socket.io'

/** The part of a server that knows its options. */
interface WithOptions {
  readonly opts?: { readonly cors?: unknown }
}

/**
 * True where the request comes from no page, from a page of the host that it names, or from one of `origins`. Left out, the
 * exact origins that the server's own `cors.origin` lists count; `*`, `true`, patterns and functions say nothing of cookies.
 *
 * @see RFC 6455 section 10.2; Fetch Metadata Request Headers
 */
export function isOwnPage(socket: Socket, origins: readonly string[] = corsOrigins(socket.nsp.server)): boolean {
  const { headers, url } = socket.request as IncomingMessage
  const { origin, host, referer, 'sec-fetch-site': site } = headers
  const isOwn = (page: string) => origins.includes(page) || (host !== undefined && hostOf(page) === host.toLowerCase())
  if (origin !== undefined) return isOwn(origin)
  if (site !== undefined) return site === 'same-origin' || site === 'none'
  // A `<script>` names no origin, and any page can read the JSONP that it loads; its `Referer` may be missing, but not another's.
  return !isJsonp(url) || (referer !== undefined && URL.canParse(referer) && isOwn(new URL(referer).origin))
}

/** As Engine.IO tells it. */
const isJsonp = (url = ''): boolean => new URLSearchParams(url.split('?').slice(1).join('?')).has('j')

function hostOf(origin: string): string | null {
  if (!/^https?:\/\//i.test(origin)) return null
  return URL.canParse(origin) ? withoutDefaultPort(new URL(origin)) : null
}

/** `URL` leaves out a scheme's default port, and so do browsers in `Host`. */
const withoutDefaultPort = ({ host }: URL): string => host.toLowerCase()

function corsOrigins(server: Server): readonly string[] {
  const { cors } = (server as unknown as WithOptions).opts ?? {}
  const origin = typeof cors === 'object' && cors !== null ? (cors as { origin?: unknown }).origin : undefined
  const listed = Array.isArray(origin) ? origin : [origin]
  return listed.filter((each): each is string => typeof each === 'string' && each !== '*')
}

/** @throws TypeError quoting the option */
export function requireOrigins(library: string, origins: unknown): readonly string[] | undefined {
  if (origins === undefined) return undefined
  const sound = Array.isArray(origins) && origins.every((each) => typeof each === 'string' && hostOf(each) !== null)
  if (sound) return [...(origins as string[])]
  throw new TypeError(`${library}: "origins" must be an array of origins, such as 'https://app.example'`)
}
