/** Reading one session from a store that may be slow, broken or hostile to its caller, and making plain data of it. */

import { inspect } from 'node:util'
import type { Clock } from '../core/clock.ts'
import { AuthError } from '../errors.ts'

/** A session of more JSON than this is taken for corrupt. Characters. */
const MAX_SESSION_LENGTH = 1_048_576

/**
 * What is needed of an express-session store: `MemoryStore`, connect-redis, connect-pg-simple and any other. Only `get`
 * is ever called; nothing is written, touched or destroyed.
 *
 * @see https://github.com/expressjs/session#session-store-implementation
 */
export interface SessionStore<Stored = unknown> {
  /** A session that does not exist is `null` or `undefined`, or an error with code ENOENT. */
  get(sid: string, callback: (error: unknown, session?: Stored | null) => void): unknown
}

/** How long to wait for the store, and by which clock. */
export interface Deadline {
  readonly clock: Clock
  readonly timeoutMs: number
}

/**
 * What the store holds under the id: the first answer counts, later ones are ignored.
 *
 * @throws AuthError AUTH_UNAVAILABLE when the store fails, throws or does not answer in time; AUTH_CREDENTIAL_INVALID when
 * it could not parse what it holds
 */
export function getSession(store: SessionStore, sid: string, { clock, timeoutMs }: Deadline): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const cancel = clock.setTimer(() => {
      reject(new AuthError('AUTH_UNAVAILABLE', { reason: 'store_timeout', cause: timeoutError(timeoutMs) }))
    }, timeoutMs)
    const fail = (error: unknown) => {
      cancel()
      reject(storeError(error, sid))
    }
    const answer = (error: unknown, session?: unknown) => {
      if (isAbsence(error)) return succeed(undefined)
      return error ? fail(error) : succeed(session)
    }
    const succeed = (session: unknown) => {
      cancel()
      resolve(session)
    }
    try {
      // An asynchronous store may reject without ever calling back; what it resolves to says nothing.
      Promise.resolve(store.get(sid, answer)).catch(fail)
    } catch (error) {
      fail(error)
    }
  })
}

/**
 * The session as its JSON, deeply frozen: what any store would hand to the next process, so dates are ISO strings.
 * Nobody can change the store's own object through it, and it does not change while a connection lasts.
 *
 * @throws AuthError AUTH_CREDENTIAL_INVALID when it is absent, or not an object, or too large or deep to be one
 */
export function snapshotOf(session: unknown): object {
  if (session === undefined || session === null) throw invalid('session_unknown')
  if (typeof session !== 'object' || Array.isArray(session)) throw invalid('session_malformed')
  let snapshot: unknown
  try {
    const json = JSON.stringify(session)
    if (json.length <= MAX_SESSION_LENGTH) snapshot = JSON.parse(json, freezeEach)
  } catch {
    // Cyclic, too deep, or with a getter that throws. The error may quote the session: it is not kept.
  }
  if (typeof snapshot !== 'object' || snapshot === null || Array.isArray(snapshot)) throw invalid('session_malformed')
  return snapshot
}

function freezeEach(_key: string, value: unknown): unknown {
  return Object.freeze(value)
}

/** express-session takes this code, which file stores give, for "no such session". */
function isAbsence(error: unknown): boolean {
  return error instanceof Error && (error as NodeJS.ErrnoException).code === 'ENOENT'
}

function storeError(error: unknown, sid: string): AuthError {
  // Stores parse JSON themselves, and a SyntaxError quotes it: waiting repairs nothing, and the cause would leak.
  if (error instanceof SyntaxError) return invalid('session_malformed')
  return new AuthError('AUTH_UNAVAILABLE', { reason: 'store_failed', cause: withoutSessionId(error, sid) })
}

/** Redis clients attach the failed command to their errors, and with it the session's id, which is a credential. */
function withoutSessionId(error: unknown, sid: string): unknown {
  const text = inspect(error, { depth: 4, customInspect: false })
  if (!text.includes(sid)) return error
  const message = error instanceof Error ? error.message : 'the session store failed'
  return new Error(message.replaceAll(sid, '[session id]'))
}

function timeoutError(timeoutMs: number): Error {
  return new Error(`the session store did not answer within ${timeoutMs} ms`)
}

function invalid(reason: string): AuthError {
  return new AuthError('AUTH_CREDENTIAL_INVALID', { reason })
}
