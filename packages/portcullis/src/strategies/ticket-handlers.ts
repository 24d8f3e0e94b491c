/** The HTTP handlers of `tickets`, one for each framework. Only the shape of a framework's objects is known here. */

import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import type { Clock } from '../core/clock.ts'
import { createEndpoint } from './ticket-endpoint.ts'
import { endpointSettingsOf, type TicketEndpointOptions } from './ticket-endpoint-options.ts'
import type { IssuedTicket, TicketClaim } from './ticket-record.ts'

/** A request of Express, or of `node:http`. */
export type ExpressTicketRequest = IncomingMessage & {
  readonly protocol?: string
  readonly ip?: string | undefined
}

/** A request of Fastify. */
export interface FastifyTicketRequest {
  readonly method: string
  readonly headers: IncomingHttpHeaders
  readonly protocol: string
  readonly ip: string
}

/** A reply of Fastify. */
export interface FastifyTicketReply {
  code(status: number): unknown
  headers(values: Record<string, string>): unknown
}

/** Hand out tickets over HTTP. */
export interface TicketHandlers<Claims> {
  /**
   * A handler for Express, and for `node:http`: `app.post('/ticket', express({ identify }))`. Answers 200
   * `{ ticket, expiresInSeconds }`; else `{ code, message, retry }`: 401 when nobody is logged in, 403 to pages of other
   * origins, 405 to other methods than POST, 503 when the store does not answer, 500 when `identify` threw. Nothing it answers
   * may be stored. It never rejects.
   *
   * Does not check: how often somebody asks.
   *
   * @throws TypeError at once, when an option is missing or malformed
   *
   * @example
   * app.post('/ticket', express({
   *   identify: (req) => (req.session.user ? { subject: req.session.user.id } : null),
   *   sessionCookie: 'connect.sid',
   * }))
   */
  express<Request extends ExpressTicketRequest>(
    options: TicketEndpointOptions<Request, Claims>,
  ): (request: Request, response: ServerResponse) => Promise<void>
  /** The same for Fastify: `app.post('/ticket', fastify({ identify }))`. */
  fastify<Request extends FastifyTicketRequest>(
    options: TicketEndpointOptions<Request, Claims>,
  ): (request: Request, reply: FastifyTicketReply) => Promise<string>
}

export function createHandlers<Claims>(
  issue: (claim: TicketClaim<Claims>) => Promise<IssuedTicket>,
  clock: Clock,
): TicketHandlers<Claims> {
  // What `identify` answered is checked by `issue`, whatever its type says.
  const issueUnknown = issue as (claim: TicketClaim) => Promise<IssuedTicket>
  return {
    express<Request extends ExpressTicketRequest>(options: TicketEndpointOptions<Request, Claims>) {
      const settings = endpointSettingsOf(options)
      const endpoint = createEndpoint(issueUnknown, settings, clock)
      return async function expressTicket(request: Request, response: ServerResponse): Promise<void> {
        const { status, headers, body } = await endpoint(request, () => ({
          method: request.method,
          headers: request.headers,
          protocol: request.protocol ?? ('encrypted' in request.socket ? 'https' : 'http'),
          address: request.ip ?? request.socket.remoteAddress,
        }))
        try {
          // Somebody else has answered, such as a time-out of the application.
          if (response.headersSent) return
          response.writeHead(status, headers)
          response.end(body)
        } catch (error) {
          settings.report(error)
          response.destroy()
        }
      }
    },
    fastify<Request extends FastifyTicketRequest>(options: TicketEndpointOptions<Request, Claims>) {
      const endpoint = createEndpoint(issueUnknown, endpointSettingsOf(options), clock)
      return async function fastifyTicket(request: Request, reply: FastifyTicketReply): Promise<string> {
        const { status, headers, body } = await endpoint(request, () => ({
          method: request.method,
          headers: request.headers,
          protocol: request.protocol,
          address: request.ip,
        }))
        reply.code(status)
        reply.headers({ ...headers })
        return body
      }
    },
  }
}
