/** The checks of an explanation, in their order, and the one that decided. */

import type { Explanation, Step } from '../../source.ts'
import { duration } from '../format.ts'
import { Code, Effect } from './badges.tsx'

export function ExplanationView({ explanation }: { explanation: Explanation }) {
  const { effect, code, rule, steps, identity, notes } = explanation
  const decided = deciding(steps, explanation)
  return (
    <section class="card">
      <h2>
        {effect === 'none' ? 'This cannot be answered here' : <Effect effect={effect} />} <Code code={code} />
      </h2>
      <p>
        {identity === null
          ? 'Nobody in particular'
          : `${identity.subject} of ${identity.issuer}, by ${identity.scheme}`}
        : decided by <code>{rule}</code>.
      </p>
      <ol class="steps">
        {steps.map((step, i) => (
          <li key={i} class={i === decided ? 'decided' : undefined}>
            <Effect effect={step.effect} />
            <code>{step.rule}</code>
            <span class="soft">
              <Code code={step.code} /> {step.reason}
            </span>
            {i === decided && <span class="badge plain">decided</span>}
            <span class="end soft">{duration(step.tookUs)}</span>
          </li>
        ))}
      </ol>
      {notes.length > 0 && (
        <ul class="notes">
          {notes.map((note) => (
            <li key={note}>{note}</li>
          ))}
        </ul>
      )}
    </section>
  )
}

/** The last check of the rule that decided, with the effect that came of it. */
function deciding(steps: readonly Step[], { rule, effect }: Explanation): number {
  return steps.findLastIndex((step) => step.rule === rule && step.effect === effect)
}
