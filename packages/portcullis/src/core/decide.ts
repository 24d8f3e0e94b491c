/** Asks a rule and makes a decision of whatever happens: permit, deny, thrown, late or malformed. */

import { AuthError } from '../errors.ts'
import { asDecision, type Decision, deny, isPlain } from './decision.ts'
import type { NamedRule, Trace } from './trace.ts'

/** How a rule's answer is bounded and where what it threw is reported. */
export interface DecideOptions {
  /** Rejects with AUTH_UNAVAILABLE when the promise takes too long. */
  readonly deadline: <T>(promise: Promise<T>) => Promise<T>
  /** Told of what the application's own code threw, and where; the client is not. */
  readonly onError: (error: unknown, where: string) => void
  /** Follows the asking; undefined unless somebody wants it explained. */
  readonly trace?: Trace | undefined
}

/** Synchronous when the rule is, so that events keep their tick. Never throws, never rejects. */
export function decide<R>(asked: NamedRule<R>, request: R, options: DecideOptions): Decision | Promise<Decision> {
  return options.trace === undefined
    ? ask(asked, request, options)
    : options.trace.rule(asked, request, () => ask(asked, request, options))
}

function ask<R>({ rule, where }: NamedRule<R>, request: R, options: DecideOptions): Decision | Promise<Decision> {
  let answer: unknown
  try {
    answer = rule(request)
    if (isPlain(answer)) return answer
    if (!isThenable(answer)) return asDecision(answer) ?? malformed(where, options)
  } catch (error) {
    return failed(error, where, options)
  }
  return options.deadline(Promise.resolve(answer)).then(
    (value) => asDecision(value) ?? malformed(where, options),
    (error) => failed(error, where, options),
  )
}

/** What a rule or schema threw, as a denial. */
export function failed(error: unknown, where: string, { onError, trace }: DecideOptions): Decision {
  if (AuthError.is(error)) {
    trace?.because(error.reason ?? 'threw')
    if (error.cause !== undefined) onError(error.cause, where)
    return deny(error.code)
  }
  trace?.because('threw')
  onError(error, where)
  return deny('AUTH_ERROR')
}

function malformed(where: string, { onError, trace }: DecideOptions): Decision {
  trace?.because('malformed')
  onError(new TypeError('a rule must return permit(), deny() or permitIf(…), or a promise of one'), where)
  return deny('AUTH_ERROR')
}

/** True for anything that `await` would wait for. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
}
