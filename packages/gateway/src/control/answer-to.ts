/** The way of a request through the control API, from its credential to its answer. */

import type { Request } from 'express'
import { AuthError } from 'portcullis'
import { type RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible'
import type { Authenticate } from './authenticate.ts'
import { type Caller, requirePermission } from './caller.ts'
import { requireNoQuery } from './checked.ts'
import { idempotencyKeyOf, type Once } from './idempotency.ts'
import { parseBody, readBody } from './json-body.ts'
import type { Operation } from './operation.ts'

/** What is needed to answer any operation. */
export interface AnswerToOptions {
  readonly authenticate: Authenticate
  readonly once: Once
  readonly limiter: RateLimiterMemory
  readonly maxBodyBytes: number
}

/** An answer to be written. */
export interface ControlAnswer {
  readonly status: number
  /** JSON as an object or as text, or text of the media type. */
  readonly body: object | string
  readonly mediaType: string
  readonly replayed: boolean
}

/** What was found out about a request so far, for the audit log. */
export interface SeenRequest {
  caller: Caller | null
  replayed: boolean
}

/**
 * Authenticates, limits, checks the permission, and only then reads the body.
 *
 * @throws Problem, AuthError
 */
export type AnswerTo = (operation: Operation, request: Request, seen: SeenRequest) => Promise<ControlAnswer>

export function answerTo({ authenticate, once, limiter, maxBodyBytes }: AnswerToOptions): AnswerTo {
  return async function answer(operation, request, seen) {
    const caller = await authenticate(request)
    seen.caller = caller
    await limited(limiter, caller)
    if (operation.permission !== null) requirePermission(caller, operation.permission)
    const { method, path, params } = request
    const query = new URLSearchParams(request.originalUrl.split('?').slice(1).join('?'))
    if (operation.takesQuery !== true) requireNoQuery(query)
    if (operation.method === 'get') {
      const { status, body } = await operation.run({ caller, body: undefined, query, params })
      const mediaType = typeof body === 'string' ? 'application/yaml' : 'application/json'
      return { status, body, mediaType, replayed: false }
    }
    const key = idempotencyKeyOf(request.headersDistinct['idempotency-key'])
    const bytes = await readBody(request, maxBodyBytes)
    const body = parseBody(bytes)
    const run = async () => {
      const { status, body: answered } = await operation.run({ caller, body, query, params })
      return { status, body: JSON.stringify(answered) }
    }
    if (key === null || !operation.effect) return { ...(await run()), mediaType: 'application/json', replayed: false }
    const found = await once(key, { caller, method, path, body: bytes }, run)
    seen.replayed = found.replayed
    return { ...found.answer, mediaType: 'application/json', replayed: found.replayed }
  }
}

async function limited(limiter: RateLimiterMemory, { kind, name }: Caller): Promise<void> {
  try {
    await limiter.consume(`${kind}:${name}`)
  } catch (error) {
    if (!(error instanceof RateLimiterRes)) throw error
    throw new AuthError('AUTH_RATE_LIMITED', { retryAfterSeconds: Math.max(1, Math.ceil(error.msBeforeNext / 1000)) })
  }
}
