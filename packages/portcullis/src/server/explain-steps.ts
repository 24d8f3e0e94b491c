/** Writes down what is asked while a decision is made again for an explanation. */

import { readSteps, type Step } from '../core/explanation.ts'
import type { Trace } from '../core/trace.ts'
import { AuthError, type AuthErrorCode } from '../errors.ts'
import { withDeadline } from './deadline.ts'
import type { Guard } from './guard.ts'

export interface Steps extends Trace {
  readonly list: readonly Step[]
}

export function createSteps({ limits, clock, onError }: Guard): Steps {
  const list: Step[] = []
  let because: string | null = null

  function push(rule: string, effect: Step['effect'], code: AuthErrorCode | null, startedMs: number): void {
    const tookUs = Math.round((performance.now() - startedMs) * 1000)
    list.push({ rule, effect, code, ...(because === null ? {} : { reason: because }), tookUs })
    because = null
  }

  /** An explanation that fails explains nothing; the rule itself is asked all the same. */
  async function explainItself(rule: object, name: string, request: unknown): Promise<void> {
    const explain: unknown = Object.hasOwn(rule, 'explain') ? (rule as { explain: unknown }).explain : undefined
    if (typeof explain !== 'function') return
    const startedMs = performance.now()
    const own = `${name}.explain`
    try {
      const answer = Promise.resolve().then(() => explain.call(rule, request) as unknown)
      const steps = readSteps(await withDeadline(answer, limits.ruleTimeoutMs, clock))
      if (steps !== null) {
        list.push(...steps)
        return
      }
      because = 'malformed'
    } catch (error) {
      because = AuthError.is(error) ? (error.reason ?? 'threw') : 'threw'
      onError(error, own)
    }
    push(own, 'none', null, startedMs)
  }

  return {
    list,
    async rule(asked, request, ask) {
      await explainItself(asked.rule, asked.name, request)
      const startedMs = performance.now()
      const decision = await ask()
      push(asked.name, decision.effect, decision.effect === 'deny' ? decision.code : null, startedMs)
      return decision
    },
    check(name, code, startedMs) {
      push(name, code === undefined ? 'none' : code === null ? 'permit' : 'deny', code ?? null, startedMs)
    },
    because(reason) {
      because = reason
    },
  }
}
