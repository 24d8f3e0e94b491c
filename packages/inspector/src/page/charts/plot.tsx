/** The frame of a chart over time: axes, a cross-hair that mouse and arrow keys move, a read-out, and the same as a table. */

import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import type { Bucket } from '../../series.ts'
import { clockTime } from '../format.ts'
import { type Scale, timeTicks } from './scale.ts'
import { useWidth } from './width.ts'

/** Where things are drawn. */
export interface Geometry {
  readonly x: (at: number) => number
  readonly y: (value: number) => number
  readonly step: number
  readonly floor: number
}

/** One line of the legend, and what it says of a bucket. */
export interface Entry {
  readonly name: string
  readonly tone: string
  readonly value: (bucket: Bucket) => string
}

interface Props {
  readonly title: string
  /** What the numbers of the axis are. */
  readonly unit: string
  readonly buckets: readonly Bucket[]
  readonly step: number
  readonly scale: Scale
  readonly tick: (value: number) => string
  readonly legend: readonly Entry[]
  readonly draw: (geometry: Geometry) => ComponentChildren
  readonly aside?: ComponentChildren
}

const HEIGHT = 190
const LEFT = 52
const RIGHT = 10
const TOP = 10
const BOTTOM = 24

export function Plot({ title, unit, buckets, step, scale, tick, legend, draw, aside }: Props) {
  const [ref, width] = useWidth<HTMLDivElement>(600)
  const [chosen, setChosen] = useState<number | null>(null)
  const from = buckets[0]?.at ?? 0
  const to = (buckets.at(-1)?.at ?? 0) + step
  const floor = HEIGHT - BOTTOM
  const x = (at: number) => LEFT + ((at - from) / Math.max(1, to - from)) * (width - LEFT - RIGHT)
  const y = (value: number) => floor - scale.share(value) * (floor - TOP)
  // The last bucket is not over: what was chosen last is told of the one before.
  const index = Math.min(buckets.length - 1, chosen ?? Math.max(0, buckets.length - 2))
  const bucket = buckets[index]
  const said = bucket && legend.map(({ name, value }) => `${name} ${value(bucket)}`).join(', ')

  function move(event: PointerEvent): void {
    const box = (event.currentTarget as Element).getBoundingClientRect()
    const share = (event.clientX - box.left - LEFT) / (width - LEFT - RIGHT)
    setChosen(Math.max(0, Math.min(buckets.length - 1, Math.floor(share * buckets.length))))
  }
  function press(event: KeyboardEvent): void {
    const moves: Readonly<Record<string, number>> = {
      ArrowLeft: index - 1,
      ArrowRight: index + 1,
      Home: 0,
      End: buckets.length - 1,
    }
    const next = moves[event.key]
    if (event.key === 'Escape') setChosen(null)
    if (next === undefined) return
    event.preventDefault()
    setChosen(Math.max(0, Math.min(buckets.length - 1, next)))
  }

  return (
    <section class="card chart">
      <div class="chart-head">
        <h2>{title}</h2>
        {aside}
      </div>
      <dl class="legend">
        <div class="legend-time">
          <dt>{chosen === null ? 'latest' : 'at'}</dt>
          <dd>{bucket === undefined ? '–' : clockTime(bucket.at)}</dd>
        </div>
        {legend.map(({ name, tone, value }) => (
          <div key={name}>
            <dt>
              <svg class={`key ${tone}`} aria-hidden="true" viewBox="0 0 18 10" width="18" height="10">
                <path d="M1 5H17" />
              </svg>
              {name}
            </dt>
            <dd>{bucket === undefined ? '–' : value(bucket)}</dd>
          </div>
        ))}
      </dl>
      <div
        ref={ref}
        class="plot"
        role="slider"
        tabIndex={0}
        aria-label={`${title}, ${unit}; arrow keys move through time`}
        aria-orientation="horizontal"
        aria-valuemin={0}
        aria-valuemax={Math.max(0, buckets.length - 1)}
        aria-valuenow={index}
        aria-valuetext={bucket === undefined ? 'no data' : `${clockTime(bucket.at)}: ${said}`}
        onKeyDown={press}
        onPointerMove={move}
        onPointerLeave={() => setChosen(null)}
        onBlur={() => setChosen(null)}
      >
        <svg width={width} height={HEIGHT} viewBox={`0 0 ${width} ${HEIGHT}`} aria-hidden="true">
          {scale.ticks.map((value) => (
            <g key={value} class="tick">
              <line x1={LEFT} x2={width - RIGHT} y1={y(value)} y2={y(value)} />
              <text x={LEFT - 8} y={y(value)} dy="0.32em" text-anchor="end">
                {tick(value)}
              </text>
            </g>
          ))}
          {timeTicks(from, to, Math.max(2, Math.floor(width / 90))).map((at) => (
            <g key={at} class="tick">
              <line x1={x(at)} x2={x(at)} y1={floor} y2={floor + 4} />
              <text x={x(at)} y={HEIGHT - 6} text-anchor={x(at) > width - 30 ? 'end' : 'middle'}>
                {clockTime(at)}
              </text>
            </g>
          ))}
          {draw({ x, y, step, floor })}
          {chosen !== null && bucket !== undefined && (
            <line class="hair" x1={x(bucket.at + step / 2)} x2={x(bucket.at + step / 2)} y1={TOP} y2={floor} />
          )}
        </svg>
      </div>
      <ChartTable title={title} buckets={buckets} legend={legend} />
    </section>
  )
}

function ChartTable({ title, buckets, legend }: Pick<Props, 'title' | 'buckets' | 'legend'>) {
  const [open, setOpen] = useState(false)
  return (
    <details onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>As a table</summary>
      {open && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
        <section class="chart-table" tabIndex={0} aria-label={`${title} as a table`}>
          <table>
            <thead>
              <tr>
                <th scope="col">Time</th>
                {legend.map(({ name }) => (
                  <th key={name} scope="col" class="end">
                    {name}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {buckets.toReversed().map((bucket) => (
                <tr key={bucket.at}>
                  <th scope="row">{clockTime(bucket.at)}</th>
                  {legend.map(({ name, value }) => (
                    <td key={name} class="end">
                      {value(bucket)}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      )}
    </details>
  )
}
