/** What passport.socketio said when it refused: to `fail`, and to the client. */

import { AuthError } from 'portcullis'

/** `message` is what `fail` is told; `shown` is all that a client may hear, and differs where the message is an error's own. */
export interface Failure {
  readonly reason: string
  readonly message: unknown
  readonly critical: boolean
  readonly shown: string
  /** Nothing was found out about the client: no callback may admit it. */
  readonly isOurs: boolean
}

const TEXTS = {
  cors: ['Can not read cookies from CORS-Requests. See CORS-Workaround in the readme.', false],
  no_session: ['No session found', false],
  not_initialized: ['Passport was not initialized', true],
  not_logged_in: ['User not authorized through passport. (User Property not found)', false],
  user_unknown: ['User not found', false],
  store: ['Error in session store', true],
  deserialize: ['Error in deserializeUser', true],
  origin: ['Connections from this origin are not permitted', false],
  recovery: ['connectionStateRecovery cannot be used with this authorization', true],
  internal: ['Authorization failed', true],
} as const satisfies Record<string, readonly [string, boolean]>

const OURS: ReadonlySet<string> = new Set(['store', 'deserialize', 'recovery', 'internal'])
const known = new WeakSet<object>()

export function failure(reason: keyof typeof TEXTS, told?: unknown): Failure {
  const [shown, critical] = TEXTS[reason]
  const made: Failure = { reason, message: told ?? shown, critical, shown, isOurs: OURS.has(reason) }
  known.add(made)
  return made
}

/** What the strategy's refusal was called by the old library. */
export function failureOf(error: unknown): Failure {
  if (!AuthError.is(error)) return failure('internal', error)
  const { cause, code, reason } = error
  if (isFailure(cause)) return cause
  if (code === 'AUTH_ORIGIN_REFUSED') return failure('origin')
  if (code === 'AUTH_UNAVAILABLE') {
    const text = cause instanceof Error ? cause.message : 'unavailable'
    return failure('store', `Error in session store:\n${text}`)
  }
  if (code === 'AUTH_ERROR')
    return reason === 'connection_state_recovery' ? failure('recovery') : failure('internal', cause)
  return failure('no_session')
}

const isFailure = (cause: unknown): cause is Failure => typeof cause === 'object' && cause !== null && known.has(cause)

/** For `createAuth`, which reports a cause as a failure of the application's: only an error of Passport's is one. */
export function withoutFailure(error: unknown): unknown {
  if (!AuthError.is(error) || !isFailure(error.cause)) return error
  const { code, reason, cause } = error
  const own = cause.reason === 'deserialize' ? { cause: cause.message } : {}
  return new AuthError(code, { ...(reason !== undefined && { reason }), ...own })
}
