/** Permits and denials per second, one on the other: denials stand on the ground, where few are seen beside many. */

import type { Bucket } from '../../series.ts'
import { rate } from '../format.ts'
import { Plot } from './plot.tsx'
import { linearScale } from './scale.ts'

/** All denials of a bucket. */
export function denialsOf({ denials }: Bucket): number {
  return Object.values(denials).reduce((sum, each) => sum + each, 0)
}

export function RateChart({ buckets, step }: { buckets: readonly Bucket[]; step: number }) {
  const max = Math.max(0, ...buckets.map((bucket) => (bucket.permits + denialsOf(bucket)) / step))
  return (
    <Plot
      title="Decisions"
      unit="per second"
      buckets={buckets}
      step={step}
      scale={linearScale(max)}
      tick={(value) => `${rate(value)}/s`}
      legend={[
        { name: 'permits', tone: 'permit', value: ({ permits }) => `${rate(permits / step)}/s` },
        { name: 'denials', tone: 'deny', value: (bucket) => `${rate(denialsOf(bucket) / step)}/s` },
      ]}
      draw={({ x, y, floor }) =>
        buckets.map((bucket) => {
          const denied = denialsOf(bucket) / step
          const permitted = bucket.permits / step
          const left = x(bucket.at) + 0.5
          const wide = Math.max(1, x(bucket.at + step) - x(bucket.at) - 1)
          const edge = denied > 0 ? Math.min(y(denied), floor - 2) : floor
          const top = Math.min(edge, y(denied + permitted))
          return (
            <g key={bucket.at}>
              {denied > 0 && <rect class="deny" x={left} y={edge} width={wide} height={floor - edge} />}
              {permitted > 0 && <rect class="permit" x={left} y={top} width={wide} height={Math.max(0, edge - top)} />}
            </g>
          )
        })
      }
    />
  )
}
