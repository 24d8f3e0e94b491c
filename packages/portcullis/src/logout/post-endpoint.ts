/** An HTTP endpoint that takes one body of one media type by POST, for Express, `node:http` and Fastify. */

import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'

/** An answer, for any framework to write. */
export interface SignalAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** A request of Express, or of `node:http`; `body` is there where a parser came before. */
export type ExpressSignalRequest = IncomingMessage & { readonly body?: unknown }

/** What is needed of a Fastify server, or of the scope of a plugin. */
export interface FastifyScope {
  hasContentTypeParser(type: string): boolean
  addContentTypeParser(
    type: string,
    options: { parseAs: 'string'; bodyLimit: number },
    parser: (request: unknown, body: string, done: (error: Error | null, body?: unknown) => void) => void,
  ): unknown
  post(
    path: string,
    handler: (
      request: { readonly headers: IncomingHttpHeaders; readonly body: unknown },
      reply: FastifySignalReply,
    ) => Promise<string>,
  ): unknown
}

/** A reply of Fastify. */
export interface FastifySignalReply {
  code(status: number): unknown
  headers(values: Record<string, string>): unknown
}

/** A receiver of signed signals, for each framework. */
export interface SignalEndpoint {
  /**
   * A handler for Express, and for `node:http`, with or without a body parser before it:
   * `app.post('/path', receiver.express())`. It never rejects.
   */
  express(): (request: ExpressSignalRequest, response: ServerResponse) => Promise<void>
  /** A plugin for Fastify: `await app.register(receiver.fastify('/path'))`. It parses the media type where nobody else does. */
  fastify(path: string): (scope: FastifyScope) => Promise<void>
}

/** A longer body is refused unread. */
export const MAX_BODY_BYTES = 65_536

/** Answers a body that was read or parsed; undefined for one that was too long, or of another media type. Never rejects. */
export type Receive = (body: unknown) => Promise<SignalAnswer>

export function createEndpoint(receive: Receive, mediaType: string): SignalEndpoint {
  async function answer(method: string | undefined, headers: IncomingHttpHeaders, body: () => unknown) {
    // RFC 9110 section 15.5.6.
    if (method !== 'POST') return answerOf(405, null, { Allow: 'POST' })
    const given = headers['content-type']?.split(';')[0]?.trim().toLowerCase()
    return receive(given === mediaType ? await body() : undefined)
  }

  return {
    express() {
      return async function expressSignal(request, response) {
        const { status, headers, body } = await answer(request.method, request.headers, () => bodyOf(request))
        // Somebody else has answered, or the sender has gone.
        if (response.headersSent || response.destroyed) return
        // The rest of a body that nobody will read would stand before the next request.
        response.writeHead(status, request.complete ? headers : { ...headers, Connection: 'close' })
        response.end(body)
      }
    },
    fastify(path) {
      return async function fastifySignal(scope) {
        if (!scope.hasContentTypeParser(mediaType)) {
          const options = { parseAs: 'string', bodyLimit: MAX_BODY_BYTES } as const
          scope.addContentTypeParser(mediaType, options, (_request, body, done) => done(null, body))
        }
        scope.post(path, async (request, reply) => {
          const { status, headers, body } = await answer('POST', request.headers, () => request.body)
          reply.code(status)
          reply.headers({ ...headers })
          return body
        })
      }
    },
  }
}

/** `body` as JSON, or nothing. Nobody may store any answer. */
export function answerOf(
  status: number,
  body: object | null,
  headers: Readonly<Record<string, string>> = {},
): SignalAnswer {
  const text = body === null ? '' : JSON.stringify(body)
  return {
    status,
    headers: {
      ...(body === null ? {} : { 'Content-Type': 'application/json; charset=utf-8' }),
      'Content-Length': String(Buffer.byteLength(text)),
      'Cache-Control': 'no-store',
      'X-Content-Type-Options': 'nosniff',
      ...headers,
    },
    body: text,
  }
}

/** What a parser left, or the text that is still to be read; undefined when it is too long, or the sender went away. */
function bodyOf(request: ExpressSignalRequest): unknown {
  const { body } = request
  // Parsers of Express 4 leave an empty object for a media type that is not theirs.
  const isParsed = body !== undefined && !(isEmptyObject(body) && !request.readableEnded)
  if (isParsed) return body
  return new Promise<string | undefined>((resolve) => {
    const chunks: Buffer[] = []
    let length = 0
    const take = (chunk: Buffer) => {
      length += chunk.length
      if (length <= MAX_BODY_BYTES) {
        chunks.push(chunk)
        return
      }
      request.off('data', take)
      request.pause()
      resolve(undefined)
    }
    if (request.readableEnded || request.destroyed) resolve(undefined)
    request.on('data', take)
    request.once('end', () => resolve(Buffer.concat(chunks).toString()))
    request.once('close', () => resolve(undefined))
  })
}

function isEmptyObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0
}
