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
    headers: Object.freeze({ ...request.headers }),
    // Formatted when somebody asks: it costs more than all the rest together.
    get time() {
      return String(new Date(nowMs))
    },
    address: Object.freeze({ address: client.address, port: client.port }),
    xdomain: request.headers.origin !== undefined,
    secure: client.secure,
    issued: nowMs,
    url: request.url ?? '',
    query: Object.freeze({ ...query }),
    peer: client.peer,
  })
}
