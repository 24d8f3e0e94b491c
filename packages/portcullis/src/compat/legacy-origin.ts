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
 * @see RFC 6455 section 10.2
 */
export function isOwnPage(socket: Socket, origins: readonly string[] = corsOrigins(socket.nsp.server)): boolean {
  const { headers } = socket.request as IncomingMessage
  const { origin, host } = headers
  if (origin === undefined) return headers['sec-fetch-site'] !== 'cross-site'
  return origins.includes(origin) || (host !== undefined && hostOf(origin) === host.toLowerCase())
}

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
