/** One question to a strategy about authorities that it has accepted, and what came of it for each. */

import { wellFormed } from '../core/authenticate.ts'
import type { Authentication, Strategy } from '../core/strategy.ts'
import { AuthError, type AuthErrorCode } from '../errors.ts'
import { isUndecided } from './apply-policy.ts'
import { withDeadline } from './deadline.ts'
import type { Guard } from './guard.ts'

/** The authority as it is now; the code under which it has ended; null when nothing could be learned. */
export type Finding = { readonly found: Authentication } | { readonly ended: AuthErrorCode } | null

const LEAST_MS = 1_000

/** A strategy that looks again must say how often, and the other way round. @throws TypeError */
export function requireRevalidation({ revalidate, revalidateEveryMs }: Strategy, option: string): void {
  if (revalidate === undefined && revalidateEveryMs === undefined) return
  if (typeof revalidate !== 'function') throw new TypeError(`"${option}.revalidate" must be a function`)
  if (!(typeof revalidateEveryMs === 'number' && revalidateEveryMs >= LEAST_MS && Number.isFinite(revalidateEveryMs))) {
    throw new TypeError(`"${option}.revalidateEveryMs" must be a number of milliseconds from ${LEAST_MS}`)
  }
}

/** One finding for each handle, in their order. Whatever the strategy throws, or answers late or malformed, is nothing learned. */
export async function askAgain(
  guard: Guard,
  strategy: Strategy,
  handles: readonly unknown[],
): Promise<readonly Finding[]> {
  const { limits, clock } = guard
  const reported = new Set<AuthErrorCode>()
  const unknown = (error: unknown): null => {
    const code = AuthError.is(error) ? error.code : 'AUTH_ERROR'
    // An outage fails for each of them alike.
    if (!reported.has(code)) guard.onError(causeOf(error), `revalidation of ${strategy.scheme}`)
    reported.add(code)
    return null
  }
  try {
    const asked = Promise.resolve().then(() => strategy.revalidate?.(handles))
    const answers: unknown = await withDeadline(asked, limits.authenticateTimeoutMs, clock)
    if (!Array.isArray(answers) || answers.length !== handles.length) {
      throw new AuthError('AUTH_ERROR', { reason: 'strategy_answer_malformed' })
    }
    return handles.map((handle, i) => findingOf(strategy, handle, answers[i], unknown))
  } catch (error) {
    unknown(error)
    return handles.map(() => null)
  }
}

function findingOf(
  strategy: Strategy,
  handle: unknown,
  answer: Authentication | AuthError,
  unknown: (error: unknown) => null,
): Finding {
  if (AuthError.is(answer)) return isUndecided(answer.code) ? unknown(answer) : { ended: endedBy(answer.code) }
  try {
    // Without a handle in the answer, the old one goes on: it must not end here that anybody looks.
    return { found: { handle, ...wellFormed(strategy, answer) } }
  } catch (error) {
    return unknown(error)
  }
}

/** What was accepted once and is refused now has been taken back. */
export function endedBy(code: AuthErrorCode): AuthErrorCode {
  return code === 'AUTH_CREDENTIAL_MISSING' || code === 'AUTH_CREDENTIAL_INVALID' ? 'AUTH_REVOKED' : code
}

function causeOf(error: unknown): unknown {
  return AuthError.is(error) ? (error.cause ?? error) : error
}
