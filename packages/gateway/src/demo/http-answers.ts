/** What the HTTP routes answer when they refuse: always JSON, always the same shape, never a reason from within. */

import type { ErrorRequestHandler, Request, RequestHandler, Response } from 'express'
import { AuthError } from 'portcullis'

interface HttpRefusal {
  readonly status: number
  readonly code: string
  readonly message: string
  readonly retry: 'never' | 'refresh' | 'backoff'
}

const NOT_FOUND: HttpRefusal = { status: 404, code: 'NOT_FOUND', message: 'There is nothing here.', retry: 'never' }
const BODY_TOO_LARGE: HttpRefusal = {
  status: 413,
  code: 'BODY_TOO_LARGE',
  message: 'The body is larger than 16 kB.',
  retry: 'never',
}
const BODY_INVALID: HttpRefusal = {
  status: 400,
  code: 'BODY_INVALID',
  message: 'The body cannot be read.',
  retry: 'never',
}

/** A form is answered for a browser, everything else for a program. */
export function isForm(req: Request): boolean {
  return req.is('application/x-www-form-urlencoded') !== false
}

export const answerNotFound: RequestHandler = (_req, res) => send(res, NOT_FOUND)

/** `onError` hears what the client is not told. */
export function answerErrors(onError: (error: unknown) => void): ErrorRequestHandler {
  return function answerError(error: unknown, req, res, next) {
    const refusal = refusalOf(error)
    if (refusal.status >= 500) onError(AuthError.is(error) ? (error.cause ?? error) : error)
    if (res.headersSent) return next(error)
    if (AuthError.is(error) && error.retryAfterSeconds !== undefined)
      res.set('Retry-After', String(error.retryAfterSeconds))
    if (isForm(req) && req.accepts(['json', 'html']) === 'html') return res.redirect(303, `/?refused=${refusal.code}`)
    send(res, refusal)
  }
}

function refusalOf(error: unknown): HttpRefusal {
  if (AuthError.is(error)) return { status: error.status, code: error.code, message: error.message, retry: error.retry }
  // body-parser and Express's router give their errors a status.
  const status = typeof error === 'object' && error !== null ? (error as { status?: unknown }).status : undefined
  if (status === 413) return BODY_TOO_LARGE
  if (typeof status === 'number' && status >= 400 && status < 500) return BODY_INVALID
  return refusalOf(new AuthError('AUTH_ERROR', { cause: error }))
}

function send(res: Response, { status, code, message, retry }: HttpRefusal): void {
  res.status(status).json({ code, message, retry })
}
