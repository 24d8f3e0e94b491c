/** How long decisions of a stage took: the middle, and the slow ends. */

import { useState } from 'preact/hooks'
import type { Bucket, Latency } from '../../series.ts'
import { duration } from '../format.ts'
import { Plot } from './plot.tsx'
import { linePath, logScale } from './scale.ts'

const LINES = ['p99', 'p95', 'p50'] as const

interface Props {
  readonly buckets: readonly Bucket[]
  readonly step: number
  readonly stages: Readonly<Record<string, Latency>>
}

export function LatencyChart({ buckets, step, stages }: Props) {
  const names = Object.keys(stages).toSorted((a, b) => (stages[b]?.count ?? 0) - (stages[a]?.count ?? 0))
  const [chosen, setChosen] = useState<string | null>(null)
  const stage = chosen ?? (names.includes('event') ? 'event' : (names[0] ?? 'event'))
  const at = (bucket: Bucket) => bucket.stages[stage]
  const max = Math.max(0, ...buckets.map((bucket) => at(bucket)?.p99 ?? 0))
  const min = Math.min(max, ...buckets.map((bucket) => at(bucket)?.p50 ?? max))
  return (
    <Plot
      title="Time to decide"
      unit={`stage ${stage}, each line ten times the one below`}
      buckets={buckets}
      step={step}
      scale={logScale(min, max)}
      tick={duration}
      aside={
        <label class="inline">
          Stage{' '}
          <select value={stage} onChange={(event) => setChosen(event.currentTarget.value)}>
            {(names.includes(stage) ? names : [stage, ...names]).map((each) => (
              <option key={each}>{each}</option>
            ))}
          </select>
        </label>
      }
      legend={LINES.map((line) => ({
        name: line,
        tone: line,
        value: (bucket) => {
          const latency = at(bucket)
          return latency === undefined ? '–' : duration(latency[line])
        },
      }))}
      draw={({ x, y }) =>
        LINES.map((line) => {
          const points = buckets.map((bucket) => {
            const latency = at(bucket)
            return latency === undefined ? null : ([x(bucket.at + step / 2), y(latency[line])] as const)
          })
          return (
            <g key={line} class={`line ${line}`}>
              <path d={linePath(points)} />
              {points.map((point, i) => {
                // A moment between two gaps is no line: it is drawn as a dot.
                const alone = point !== null && !points[i - 1] && !points[i + 1]
                return alone && <circle key={buckets[i]?.at} cx={point[0]} cy={point[1]} r="2" />
              })}
            </g>
          )
        })
      }
    />
  )
}
