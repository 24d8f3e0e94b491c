/** Follows how a decision comes about, for explanations; without one, rules are asked as ever. */

import type { AuthErrorCode } from '../errors.ts'
import type { Decision } from './decision.ts'
import type { Rule } from './policy.ts'

/** A rule and the two names it has: `rooms.org:{id}` in the audit log, `rooms.org:{id} of /chat` in errors. */
export interface NamedRule<Request> {
  readonly rule: Rule<Request>
  readonly name: string
  readonly where: string
}

/** Told of every check in the order in which they are made. Never throws, and changes no answer. */
export interface Trace {
  /** Has a rule asked by `ask`, and writes down what came of it. */
  rule<Request>(
    asked: NamedRule<Request>,
    request: Request,
    ask: () => Decision | Promise<Decision>,
  ): Decision | Promise<Decision>
  /** A check that is no rule: null is a permit, undefined that it did not apply. `startedMs` is `performance.now()`. */
  check(name: string, code: AuthErrorCode | null | undefined, startedMs: number): void
  /** Why the check that is told of next could not be made, as a fixed word. */
  because(reason: string): void
}
