/** Builds the frozen `Handshake` of a request. */

import type { IncomingMessage } from 'node:http'
import type { Handshake } from '../core/handshake.ts'
import type { ClientAddress } from './client-address.ts'

/** A request as Engine.IO prepares it: the query is parsed before any middleware runs. */
export interface EngineRequest extends IncomingMessage {
  _query?: Record<string, string>
}

/** `nowMs` is epoch milliseconds; `query` is Engine.IO's parsed query. */
export function handshakeView(
  request: IncomingMessage,
  client: ClientAddress,
  query: Readonly<Record<string, string>>,
  nowMs: number,
): Handshake {
  return Object.freeze({
    headers: frozenCopy(request.headers),
    time: timeOf(nowMs),
    address: Object.freeze({ address: client.address, port: client.port }),
    xdomain: request.headers.origin !== undefined,
    secure: client.secure,
    issued: nowMs,
    url: request.url ?? '',
    query: frozenQuery(query),
    peer: client.peer,
  })
}

let second = Number.NaN
let text = ''

/** Says seconds, and costs more than all the rest together: those who come in one second share it. */
function timeOf(nowMs: number): string {
  const asked = Math.floor(nowMs / 1000)
  if (asked !== second) {
    second = asked
    text = String(new Date(nowMs))
  }
  return text
}

/** One by one: those of clients that send the same names then share a layout, which a spread frozen would have for itself each time. */
function frozenCopy(headers: IncomingMessage['headers']): Handshake['headers'] {
  const copy: Record<string, string | string[] | undefined> = {}
  for (const name of Object.keys(headers)) copy[name] = headers[name]
  return Object.freeze(copy)
}

let lastQuery: Readonly<Record<string, string>> = Object.freeze({})

/** By WebSocket all clients of an application say the same, and one copy serves them all. */
function frozenQuery(query: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const names = Object.keys(query)
  const known = Object.keys(lastQuery)
  const same =
    names.length === known.length && names.every((name, i) => name === known[i] && query[name] === lastQuery[name])
  if (!same) lastQuery = Object.freeze({ ...query })
  return lastQuery
}
