/** What a condition tells of itself when somebody asks why: its parts in the order in which they were asked. */

import { AuthError, type Decision, type Step } from 'portcullis'
import type { AnyRequest, AnyRule, ConditionRule } from './any-rule.ts'

/** A rule with the property that `auth.explain` asks. */
export type ExplainedRule = AnyRule & { readonly explain: (request: AnyRequest) => Promise<readonly Step[]> }

/** The same condition, as a rule that explains itself. No value of a claim is in the steps: only the file's own text. */
export function explained(kind: 'all' | 'any' | 'leaf', { rule, text, parts }: ConditionRule): ConditionRule {
  const own: AnyRule = (request) => rule(request)
  const explain = async (request: AnyRequest): Promise<readonly Step[]> => {
    if (kind === 'leaf') return [await stepOf(text, rule, request)]
    const steps: Step[] = []
    for (const part of parts) {
      const inner = await (part.rule as ExplainedRule).explain(request)
      steps.push(...inner)
      const decided = inner.at(-1)?.effect
      if (decided === (kind === 'all' ? 'deny' : 'permit') || (kind === 'all' && decided === 'none')) break
    }
    if (parts.every((part) => part.parts.length === 0)) return steps
    // Where parts have parts, what came of the whole would not be seen from the last of them.
    return [...steps, await stepOf(`${kind} of these`, rule, request)]
  }
  return { rule: Object.assign(own, { explain }), text, parts }
}

async function stepOf(text: string, rule: AnyRule, request: AnyRequest): Promise<Step> {
  const startedMs = performance.now()
  const took = () => Math.round((performance.now() - startedMs) * 1000)
  try {
    const decision: Decision = await rule(request)
    return {
      rule: text,
      effect: decision.effect,
      code: decision.effect === 'deny' ? decision.code : null,
      tookUs: took(),
    }
  } catch (error) {
    return {
      rule: text,
      effect: 'none',
      code: AuthError.is(error) ? error.code : 'AUTH_ERROR',
      reason: 'threw',
      tookUs: took(),
    }
  }
}
