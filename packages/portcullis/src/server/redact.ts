/** Takes credentials out of what applications log and adapters send to other nodes, once they have been read. */

import type { Socket } from 'socket.io'
import type { CredentialSource } from '../core/handshake.ts'
import type { EngineRequest } from './handshake-view.ts'

/** What stands where a credential stood in a URL. */
const REDACTED = 'redacted'

export interface Redaction {
  /** Takes the credentials out of a request's URL and query. What needs them must have read them. */
  request(request: EngineRequest): void
  /**
   * Takes them out of `socket.handshake`: `fetchSockets` sends it to other nodes. `socket.request` is left as it came, for
   * middlewares that read the same cookie.
   */
  socket(socket: Socket): void
}

export function createRedaction(sources: readonly CredentialSource[]): Redaction {
  const names = {
    header: new Set<string>(),
    cookie: new Set<string>(),
    query: new Set<string>(),
    auth: new Set<string>(),
  }
  for (const source of sources) names[source.in].add(source.name)

  return {
    request(request) {
      if (names.query.size === 0 || request.url === undefined) return
      request.url = withoutParameters(request.url, names.query)
      for (const name of names.query) delete request._query?.[name]
    },
    socket({ handshake, conn }) {
      for (const name of names.auth) delete handshake.auth[name]
      // Clients of protocol 3 say the query of their connection once more for each namespace, and Socket.IO calls that `auth`.
      if (conn.protocol === 3) for (const name of names.query) delete handshake.auth[name]
      const { headers } = handshake
      const hasCookie = headers.cookie !== undefined && names.cookie.size > 0
      // Shared with `socket.request`: copied only where something has to go.
      if (!hasCookie && !includesAny(headers, names.header)) return
      const kept = Object.fromEntries(Object.entries(headers).filter(([name]) => !names.header.has(name)))
      if (hasCookie) {
        const others = withoutCookies(headers.cookie as string, names.cookie)
        if (others === '') delete kept.cookie
        else kept.cookie = others
      }
      handshake.headers = kept
    },
  }
}

function includesAny(headers: object, names: ReadonlySet<string>): boolean {
  for (const name of names) if (Object.hasOwn(headers, name)) return true
  return false
}

function withoutParameters(url: string, names: ReadonlySet<string>): string {
  const at = url.indexOf('?')
  if (at === -1) return url
  const parts = url.slice(at + 1).split('&')
  const kept = parts.map((part) => {
    const name = part.split('=', 1)[0] ?? ''
    // Decoded as the query itself was: "tok%65n" is "token".
    const [decoded = ''] = new URLSearchParams(name).keys()
    return names.has(decoded) ? `${name}=${REDACTED}` : part
  })
  return `${url.slice(0, at)}?${kept.join('&')}`
}

function withoutCookies(header: string, names: ReadonlySet<string>): string {
  const pairs = header.split(';').map((pair) => pair.trim())
  return pairs.filter((pair) => !names.has(pair.split('=', 1)[0]?.trim() ?? '')).join('; ')
}
