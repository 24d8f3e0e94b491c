/** Denials by code, as bars of a list. */

import type { Bucket } from '../../series.ts'
import { codeWord, count } from '../format.ts'
import { href } from '../route.ts'

export function CodeBars({ buckets, seconds }: { buckets: readonly Bucket[]; seconds: number }) {
  const totals = new Map<string, number>()
  for (const { denials } of buckets) {
    for (const [code, denied] of Object.entries(denials)) totals.set(code, (totals.get(code) ?? 0) + denied)
  }
  const rows = [...totals].toSorted((a, b) => b[1] - a[1])
  const most = rows[0]?.[1] ?? 1
  return (
    <section class="card">
      <h2>Denials by code, last {Math.round(seconds / 60)} min</h2>
      {rows.length === 0 ? (
        <p class="empty">Nothing was denied.</p>
      ) : (
        <ul class="code-bars">
          {rows.map(([code, denied]) => (
            <li key={code}>
              <a href={href('decisions', { effect: 'deny', code })} title={code}>
                {codeWord(code)}
              </a>
              <span class="track" aria-hidden="true">
                <span style={{ inlineSize: `${(denied / most) * 100}%` }} />
              </span>
              <span class="end">{count(denied)}</span>
            </li>
          ))}
        </ul>
      )}
    </section>
  )
}
