/** Runs the application's own express-session on a request that is none, so that it reads and nothing else. */

import { parse } from 'cookie'
import { AuthError } from 'portcullis'

/** `(request, response, next)` of express. */
// biome-ignore lint/suspicious/noExplicitAny: middlewares of express, whose types an application may not have
export type Middleware = (request: any, response: any, next: (error?: any) => void) => unknown

interface Request {
  session?: unknown
  sessionID?: string | undefined
}

/**
 * True where the session is the store's, false where express-session made one up, which is nowhere saved.
 *
 * @throws AuthError AUTH_UNAVAILABLE where a middleware fails, gives no session, or is silent for `timeoutMs`
 */
export async function runSession(
  request: Request & object,
  [parser, session]: readonly [Middleware | null, Middleware],
  timeoutMs: number,
): Promise<boolean> {
  // express-session first notes the id of the cookie there, then that of a session that it makes.
  let fromCookie: string | undefined
  let current: string | undefined
  let isNoted = false
  Object.defineProperty(request, 'sessionID', {
    get: () => current,
    set(id: string | undefined) {
      if (!isNoted) fromCookie = id
      isNoted = true
      current = id
    },
    enumerable: true,
    configurable: true,
  })
  try {
    await run(parser ?? parseCookies, request, timeoutMs)
    await run(session, request, timeoutMs)
  } finally {
    Object.defineProperty(request, 'sessionID', {
      value: current,
      writable: true,
      enumerable: true,
      configurable: true,
    })
  }
  // The store is disconnected, or the cookie is not for this path: it goes on without a session, and so would a guest.
  if (!request.session || current === undefined)
    throw new AuthError('AUTH_UNAVAILABLE', { reason: 'no_session_middleware' })
  return current === fromCookie
}

function run(middleware: Middleware, request: object, timeoutMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (cause: unknown) => reject(new AuthError('AUTH_UNAVAILABLE', { reason: 'session_middleware', cause }))
    const timer = setTimeout(() => fail(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs)
    const next = (error?: unknown) => {
      clearTimeout(timer)
      if (error) fail(error)
      else resolve()
    }
    try {
      Promise.resolve(middleware(request, inertResponse(), next)).catch(next)
    } catch (error) {
      next(error ?? new Error('a middleware threw nothing'))
    }
  })
}

/** express-session saves as a response ends: this one does not end, and what is put in place of its methods is not kept. */
function inertResponse(): object {
  const inert: PropertyDescriptor = { get: () => () => undefined, set: () => {}, enumerable: true }
  const names = ['end', 'write', 'writeHead', 'setHeader', 'getHeader', 'removeHeader', 'on', 'once']
  return Object.defineProperties({ headersSent: false }, Object.fromEntries(names.map((name) => [name, inert])))
}

/** What cookie-parser does without a secret. */
function parseCookies(
  request: { headers: { cookie?: string }; cookies?: unknown; signedCookies?: unknown },
  _response: unknown,
  next: () => void,
): void {
  request.cookies ??= parse(request.headers.cookie ?? '')
  request.signedCookies ??= Object.create(null)
  next()
}
