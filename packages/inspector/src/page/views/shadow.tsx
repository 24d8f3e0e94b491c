/** Where the policy in shadow would have decided otherwise. */

import type { ShadowBatch, ShadowDifference, Verdict } from '../../source.ts'
import { get } from '../api.ts'
import { count, dateTime, preciseTime } from '../format.ts'
import { Code, Effect } from '../parts/badges.tsx'
import { Heading } from '../parts/heading.tsx'
import { type Column, Table } from '../parts/table.tsx'
import { usePolled } from '../polled.ts'

type Answer = ShadowBatch & { readonly present: boolean }

export function ShadowView() {
  const { data, error } = usePolled<Answer>('shadow', 3_000, (abort) => get('shadow', { limit: 200 }, abort))
  return (
    <>
      <Heading>Shadow</Heading>
      <p class="lead">
        A policy in shadow is asked beside the one in force and changes no answer. Here is where the two differ.
      </p>
      {data === null ? <p class="found">{error ?? 'Asking…'}</p> : <Differences answer={data} />}
    </>
  )
}

function Differences({ answer }: { answer: Answer }) {
  if (!answer.present) return <p class="empty">No policy is in shadow.</p>
  const rows = answer.differences.toReversed()
  const looser = rows.filter(({ enforced }) => enforced.effect === 'deny').length
  return (
    <>
      <p class="found" role="status">
        {count(rows.length)} {rows.length === 1 ? 'difference' : 'differences'}: {count(looser)} that it would permit,{' '}
        {count(rows.length - looser)} that it would deny or refuse otherwise.
      </p>
      <Table<ShadowDifference>
        label="Differences, newest first"
        rows={rows}
        keyOf={keyOf}
        columns={COLUMNS}
        empty="They have agreed on everything so far."
      />
    </>
  )
}

function keyOf({ at, stage, namespace, room, event, identity }: ShadowDifference): string {
  return JSON.stringify([at, stage, namespace, room, event, identity])
}

function Said({ verdict }: { verdict: Verdict }) {
  return (
    <span class="said">
      <Effect effect={verdict.effect} /> <Code code={verdict.code} /> <span class="soft">{verdict.rule}</span>
    </span>
  )
}

const COLUMNS: readonly Column<ShadowDifference>[] = [
  { head: 'Time', cell: ({ at }) => <span title={dateTime(at)}>{preciseTime(at)}</span> },
  { head: 'Stage', cell: ({ stage }) => stage },
  { head: 'Who', cell: ({ identity }) => identity?.subject ?? <span class="soft">nobody yet</span> },
  {
    head: 'What',
    cell: ({ namespace, room, event }) => (
      <>
        <code>{namespace ?? '–'}</code> {room !== undefined && <code>{room}</code>}
        {event !== undefined && <code>{event}</code>}
      </>
    ),
  },
  { head: 'In force', cell: ({ enforced }) => <Said verdict={enforced} /> },
  { head: 'In shadow', cell: ({ shadow }) => <Said verdict={shadow} /> },
]
