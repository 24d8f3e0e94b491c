/** How this installation is doing. */

import { useState } from 'preact/hooks'
import type { SeriesReading } from '../../series.ts'
import type { NodeLine, Overview } from '../../source.ts'
import { get } from '../api.ts'
import { CodeBars } from '../charts/code-bars.tsx'
import { LatencyChart } from '../charts/latency-chart.tsx'
import { denialsOf, RateChart } from '../charts/rate-chart.tsx'
import { now } from '../clock.ts'
import { count, dateTime, duration, rate, span } from '../format.ts'
import { NodeState } from '../parts/badges.tsx'
import { Heading } from '../parts/heading.tsx'
import { Table } from '../parts/table.tsx'
import { usePolled } from '../polled.ts'
import { href } from '../route.ts'

/** How far back, and how many seconds make a bucket. */
const SPANS = [
  [120, 2],
  [300, 5],
  [900, 15],
] as const

export function OverviewView() {
  const [seconds, setSeconds] = useState<number>(300)
  const step = SPANS.find(([each]) => each === seconds)?.[1] ?? 5
  const overview = usePolled<Overview>('overview', 3_000, (abort) => get('overview', {}, abort))
  const series = usePolled<SeriesReading>(`series ${seconds}`, 2_000, (abort) =>
    get('series', { seconds, step }, abort),
  )
  const buckets = series.data?.buckets ?? []
  return (
    <>
      <Heading
        aside={
          <label class="inline">
            Charts over{' '}
            <select value={seconds} onChange={(event) => setSeconds(Number(event.currentTarget.value))}>
              {SPANS.map(([each]) => (
                <option key={each} value={each}>
                  {each / 60} min
                </option>
              ))}
            </select>
          </label>
        }
      >
        Overview
      </Heading>
      {overview.data !== null && <Tiles overview={overview.data} series={series.data} />}
      <div class="pair">
        <RateChart buckets={buckets} step={step} />
        <LatencyChart buckets={buckets} step={step} stages={series.data?.stages ?? {}} />
      </div>
      <div class="pair">
        <CodeBars buckets={buckets} seconds={seconds} />
        {overview.data !== null && <Namespaces namespaces={overview.data.namespaces} />}
      </div>
      {overview.data !== null && <Nodes overview={overview.data} />}
    </>
  )
}

function Tiles({ overview, series }: { overview: Overview; series: SeriesReading | null }) {
  // The last bucket is not over yet.
  const whole = series?.buckets.slice(-7, -1) ?? []
  const seconds = Math.max(1, whole.length * (series?.step ?? 1))
  const permits = whole.reduce((sum, bucket) => sum + bucket.permits, 0)
  const denials = whole.reduce((sum, bucket) => sum + denialsOf(bucket), 0)
  const event = series?.stages.event
  return (
    <dl class="tiles">
      <Tile name="Sockets on this node" value={count(overview.sockets)} note={overview.node} />
      <Tile name="Permits" value={`${rate(permits / seconds)}/s`} note={`last ${span(seconds)}`} />
      <Tile name="Denials" value={`${rate(denials / seconds)}/s`} note={`last ${span(seconds)}`} />
      <Tile
        name="Event decided within"
        value={event === undefined ? '–' : duration(event.p95)}
        note={event === undefined ? 'no event yet' : '95 of 100'}
      />
      <Tile
        name="Up for"
        value={span(now.value - overview.startedAt)}
        note={`since ${dateTime(overview.startedAt)}${overview.version === null ? '' : `, version ${overview.version}`}`}
      />
    </dl>
  )
}

function Tile({ name, value, note }: { name: string; value: string; note: string }) {
  return (
    <div class="card tile">
      <dt>{name}</dt>
      <dd>
        <strong>{value}</strong>
        <small>{note}</small>
      </dd>
    </div>
  )
}

function Namespaces({ namespaces }: { namespaces: Readonly<Record<string, number>> }) {
  const rows = Object.entries(namespaces).toSorted((a, b) => b[1] - a[1])
  return (
    <section class="card">
      <h2>Namespaces on this node</h2>
      <Table
        label="Namespaces on this node"
        rows={rows}
        keyOf={([name]) => name}
        columns={[
          { head: 'Namespace', cell: ([name]) => <a href={href('connections', { namespace: name })}>{name}</a> },
          { head: 'Sockets', cell: ([, sockets]) => count(sockets), end: true },
        ]}
        empty="No namespace is protected yet."
      />
    </section>
  )
}

function Nodes({ overview }: { overview: Overview }) {
  return (
    <section class="card">
      <h2>Nodes</h2>
      <Table<NodeLine>
        label="Nodes"
        rows={overview.nodes}
        keyOf={({ node }) => node}
        columns={[
          {
            head: 'Node',
            cell: ({ node }) => (
              <>
                <code>{node}</code>
                {node === overview.node && ' (this one)'}
              </>
            ),
          },
          { head: 'State', cell: ({ state }) => <NodeState state={state} /> },
          {
            head: 'Heard of',
            cell: ({ seenMsAgo }) => (seenMsAgo === null ? '–' : `${span(seenMsAgo / 1000)} ago`),
            end: true,
          },
          { head: 'Sockets', cell: ({ sockets }) => (sockets === null ? '–' : count(sockets)), end: true },
        ]}
        empty="Only this node is known."
      />
    </section>
  )
}
