/** Writes an answer of the control API, whatever came of the request, and tells the audit log. */

import type { Request, Response } from 'express'
import type { ControlAnswer, SeenRequest } from './answer-to.ts'
import { boundDraining, refuseBrowsers, requestIdOf, setHeaders } from './answering.ts'
import type { Operation } from './operation.ts'
import type { ControlSettings } from './options.ts'
import { answerOf, type Problem, problemOf } from './problem.ts'

/** Never rejects. */
export type Respond = (
  request: Request,
  response: Response,
  operation: Operation | null,
  work: (seen: SeenRequest) => Promise<ControlAnswer>,
) => Promise<void>

export function createRespond({ onError, audit }: Pick<ControlSettings, 'onError' | 'audit'>): Respond {
  function report(problem: Problem): void {
    const { code, status, options } = problem
    // Of a 503 that was foreseen, the answer says everything.
    if (status < 500 || (options.cause === undefined && code !== 'AUTH_ERROR')) return
    quietly(() => onError(options.cause ?? problem, 'control'))
  }

  return async function respond(request, response, operation, work) {
    const startedMs = performance.now()
    const id = requestIdOf(request)
    const seen: SeenRequest = { caller: null, replayed: false }
    let problem: Problem | null = null
    boundDraining(request, response)
    setHeaders(response, id)
    try {
      refuseBrowsers(request)
      write(response, await work(seen))
    } catch (error) {
      problem = problemOf(error)
      report(problem)
      const { status, headers, body } = answerOf(problem, id)
      if (response.headersSent) response.destroy()
      else response.writeHead(status, headers).end(JSON.stringify(body))
    }
    const { caller, replayed } = seen
    const event = {
      id,
      at: Date.now() / 1000,
      operation: operation?.id ?? null,
      caller: caller === null ? null : { kind: caller.kind, name: caller.name },
      address: request.socket.remoteAddress ?? null,
      status: response.statusCode,
      code: problem?.code ?? null,
      replayed,
      tookMs: performance.now() - startedMs,
    }
    quietly(() => audit(event))
  }
}

function write(response: Response, { status, body, mediaType, replayed }: ControlAnswer): void {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  response.writeHead(status, {
    'Content-Type': mediaType,
    'Content-Length': String(Buffer.byteLength(text)),
    ...(replayed ? { 'Idempotency-Replayed': 'true' } : {}),
  })
  response.end(text)
}

/** Whoever is told of something does not decide about the answer. */
function quietly(tell: () => void): void {
  try {
    tell()
  } catch {}
}
