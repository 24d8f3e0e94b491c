/** What is left of a lease, as a bar that shrinks. */

import { now } from '../clock.ts'
import { clockTime, dateTime, span } from '../format.ts'

interface Props {
  /** What it is the end of, for whoever cannot see where the bar stands. */
  readonly label: string
  readonly from: number
  /** Epoch seconds; null has no end. */
  readonly until: number | null
  /** What to say instead of "no end of its own". */
  readonly endless?: string
}

export function LeaseBar({ label, from, until, endless = 'no end of its own' }: Props) {
  if (until === null) return <span class="lease endless">{endless}</span>
  const left = until - now.value
  const share = Math.min(1, Math.max(0, left / Math.max(1, until - from)))
  const tone = left <= 0 ? 'over' : left < 60 || share < 0.1 ? 'late' : ''
  const text = left <= 0 ? 'ended' : `${span(left)} left`
  return (
    <span class={`lease ${tone}`}>
      {/* biome-ignore lint/a11y/useSemanticElements: no browser lets the parts of a meter be styled alike */}
      <span
        class="bar"
        role="meter"
        aria-label={label}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={Math.round(share * 100)}
        aria-valuetext={text}
      >
        <span style={{ inlineSize: `${(share * 100).toFixed(2)}%` }} />
      </span>
      <span class="lease-text" title={dateTime(until)}>
        {text}
        <span class="lease-until"> · {left < 72_000 ? clockTime(until) : dateTime(until)}</span>
      </span>
    </span>
  )
}
