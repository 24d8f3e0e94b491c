/** Decisions as they happen. */

import { useState } from 'preact/hooks'
import type { DecisionEvent } from '../../source.ts'
import { CODES } from '../codes.ts'
import { type FeedState, KEPT, useFeed } from '../feed.ts'
import { codeWord, count, duration, preciseTime } from '../format.ts'
import { Code, Effect } from '../parts/badges.tsx'
import { Choice, Field, valuesOf } from '../parts/field.tsx'
import { Heading } from '../parts/heading.tsx'
import { type Column, Table } from '../parts/table.tsx'
import { go, href } from '../route.ts'

const STAGES = ['handshake', 'connect', 'refresh', 'event', 'join', 'expire', 'revoke', 'reload']
const WORDS: Readonly<Record<FeedState, string>> = {
  opening: 'Connecting',
  live: 'Live',
  polling: 'Asking every 2 s',
  broken: 'The server does not answer',
}

export function DecisionsView({ params }: { params: Readonly<Record<string, string>> }) {
  const [paused, setPaused] = useState(false)
  const { effect, code, stage, namespace, subject, issuer } = params
  const feed = useFeed({ effect, code, stage, namespace, subject, issuer }, paused)
  const events = feed.events.value
  const missed = feed.missed.value

  function filter(event: SubmitEvent): void {
    event.preventDefault()
    go('decisions', valuesOf(event.currentTarget as HTMLFormElement))
  }

  return (
    <>
      <Heading
        aside={
          <span class="live">
            <span class={`badge ${paused ? 'late' : feed.state.value === 'live' ? 'good' : 'late'}`} role="status">
              {paused ? 'Paused' : WORDS[feed.state.value]}
            </span>
            <button type="button" aria-pressed={paused} onClick={() => setPaused(!paused)}>
              {paused ? 'Go on' : 'Pause'}
            </button>
          </span>
        }
      >
        Decisions
      </Heading>
      <form class="filters" onSubmit={filter} key={JSON.stringify(params)}>
        <Choice
          label="Effect"
          name="effect"
          value={effect}
          options={[
            ['', 'all'],
            ['deny', 'denials'],
            ['permit', 'permits'],
          ]}
        />
        <Choice
          label="Code"
          name="code"
          value={code}
          options={[['', 'all'], ...CODES.map((each) => [each, codeWord(each)] as const)]}
        />
        <Choice
          label="Stage"
          name="stage"
          value={stage}
          options={[['', 'all'], ...STAGES.map((each) => [each, each] as const)]}
        />
        <Field label="Namespace" name="namespace" value={namespace} />
        <Field label="Subject" name="subject" value={subject} />
        {issuer !== undefined && <Field label="Issuer" name="issuer" value={issuer} />}
        <button type="submit">Filter</button>
        <a href={href('decisions')}>Clear</a>
      </form>
      <p class="found">
        {count(events.length)} shown{events.length >= KEPT ? ', the newest' : ''}
        {missed > 0 && `; ${count(missed)} were overwritten before they could be shown`}.
      </p>
      <Table<DecisionEvent>
        label="Decisions, newest first"
        rows={events}
        keyOf={({ id }) => id}
        toneOf={({ effect: said }) => said}
        columns={COLUMNS}
        empty={paused ? 'Paused.' : 'None yet that fits.'}
      />
    </>
  )
}

const COLUMNS: readonly Column<DecisionEvent>[] = [
  {
    head: 'Time',
    cell: ({ id, at }) => (
      <a class="time" href={href('explain', { decision: id })} title="Explain this decision">
        {preciseTime(at)}
      </a>
    ),
  },
  { head: 'Effect', cell: ({ effect }) => <Effect effect={effect} /> },
  { head: 'Stage', cell: ({ stage }) => stage },
  {
    head: 'Who',
    cell: ({ identity }) =>
      identity === null ? (
        <span class="soft">nobody yet</span>
      ) : (
        <span title={`${identity.scheme}, ${identity.issuer}`}>{identity.subject}</span>
      ),
  },
  {
    head: 'What',
    cell: ({ namespace, room, event }) => (
      <>
        <code>{namespace ?? '–'}</code> {room !== undefined && <code>{room}</code>}
        {event !== undefined && <code>{event}</code>}
      </>
    ),
  },
  {
    head: 'Why',
    cell: ({ code, rule, reason }) => (
      <>
        <Code code={code} /> <span class="soft">{reason === undefined ? rule : `${rule} (${reason})`}</span>
      </>
    ),
  },
  { head: 'Took', cell: ({ tookUs }) => duration(tookUs), end: true },
]
