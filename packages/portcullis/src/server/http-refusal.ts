/** A refusal as an HTTP answer: the same status and JSON body on polling and on a WebSocket upgrade. */

import { type IncomingMessage, ServerResponse, STATUS_CODES } from 'node:http'
import { type AuthError, refusalOf } from '../errors.ts'
import type { Refusal } from '../protocol.ts'

/** Engine.IO hands an upgrade a stand-in whose `end` writes nothing; then the raw socket is written. */
export function isUpgrade(response: unknown): boolean {
  return !(response instanceof ServerResponse)
}

/** Writes the whole answer and ends it. A client that has gone is left alone. */
export function writeRefusal(request: IncomingMessage, response: unknown, error: AuthError): void {
  const body = JSON.stringify(bodyOf(error))
  const headers: Record<string, string> = {
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': String(Buffer.byteLength(body)),
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    ...challenge(error),
  }
  if (error.retry === 'backoff') headers['Retry-After'] = String(error.retryAfterSeconds ?? 1)
  if (response instanceof ServerResponse) {
    if (response.headersSent || response.destroyed) return
    response.writeHead(error.status, headers)
    response.end(body)
    return
  }
  const { socket } = request
  if (!socket.writable) {
    socket.destroy()
    return
  }
  const lines = Object.entries({ ...headers, Connection: 'close' }).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.end(`HTTP/1.1 ${error.status} ${STATUS_CODES[error.status] ?? ''}\r\n${lines.join('')}\r\n${body}`, () =>
    socket.destroy(),
  )
}

/** Also in the body: a browser does not show `Retry-After` to a page of another origin. */
function bodyOf({ code, retry, retryAfterSeconds }: AuthError): Refusal {
  if (retry !== 'backoff' || retryAfterSeconds === undefined) return refusalOf(code)
  return { ...refusalOf(code), retryAfterMs: retryAfterSeconds * 1000 }
}

/** RFC 6750 section 3: a request without a credential gets no error code. */
function challenge(error: AuthError): Record<string, string> {
  if (error.code === 'AUTH_INSUFFICIENT_SCOPE') return { 'WWW-Authenticate': 'Bearer error="insufficient_scope"' }
  if (error.status !== 401) return {}
  const parameters = error.code === 'AUTH_CREDENTIAL_MISSING' ? '' : ' error="invalid_token"'
  return { 'WWW-Authenticate': `Bearer${parameters}` }
}
