/** Who is in a room. */

import type { Member, Members, Overview } from '../../source.ts'
import { get } from '../api.ts'
import { now } from '../clock.ts'
import { count, dateTime, span } from '../format.ts'
import { Field, valuesOf } from '../parts/field.tsx'
import { Heading } from '../parts/heading.tsx'
import { Table } from '../parts/table.tsx'
import { usePolled } from '../polled.ts'
import { go, href } from '../route.ts'

export function Rooms({ params }: { params: Readonly<Record<string, string>> }) {
  const { namespace, room } = params
  const overview = usePolled<Overview>('namespaces', 0, (abort) => get('overview', {}, abort))
  const known = Object.keys(overview.data?.namespaces ?? {})
  // A form that changed when they are known would take away what somebody has typed meanwhile.
  const isAsking = overview.data === null && overview.error === null

  function look(event: SubmitEvent): void {
    event.preventDefault()
    go('rooms', valuesOf(event.currentTarget as HTMLFormElement))
  }

  return (
    <>
      <Heading>Rooms</Heading>
      {isAsking ? (
        <p class="found">Asking…</p>
      ) : (
        <form class="filters" onSubmit={look} key={`${namespace} ${room}`}>
          <Field label="Namespace" name="namespace" value={namespace ?? known[0]} required list="namespaces" />
          <Field label="Room" name="room" value={room} required hint="its whole name" />
          <datalist id="namespaces">
            {known.map((each) => (
              <option key={each} value={each} />
            ))}
          </datalist>
          <button type="submit">Show members</button>
        </form>
      )}
      {namespace !== undefined && room !== undefined ? (
        <MemberList namespace={namespace} room={room} />
      ) : (
        <p class="empty">Name a room to see who is in it. The rooms of a socket stand on its page.</p>
      )}
    </>
  )
}

function MemberList({ namespace, room }: { namespace: string; room: string }) {
  const { data, error } = usePolled<Members>(`members ${namespace} ${room}`, 3_000, (abort) =>
    get('members', { namespace, room }, abort),
  )
  if (data === null) return <p class="found">{error ?? 'Asking…'}</p>
  const sockets = data.members.reduce((sum, member) => sum + member.sockets.length, 0)
  return (
    <section class="card">
      <h2>
        Members of <code>{room}</code>
      </h2>
      <p class="found" role="status">
        {count(data.members.length)} {data.members.length === 1 ? 'member' : 'members'} with {count(sockets)}{' '}
        {sockets === 1 ? 'socket' : 'sockets'}
        {data.partial ? '; there may be more' : ''}.
      </p>
      <Table<Member>
        label={`Members of ${room}`}
        rows={data.members}
        keyOf={({ issuer, subject }) => `${issuer} ${subject}`}
        columns={[
          {
            head: 'Who',
            cell: ({ issuer, subject }) => (
              <span class="who">
                {subject}
                <small title={issuer}>{issuer}</small>
              </span>
            ),
          },
          {
            head: 'Sockets',
            cell: ({ sockets: own }) =>
              own.map(({ socketId, node, by }) => (
                <span key={socketId} class="socket-link">
                  <a href={href('socket', { id: socketId })}>{socketId}</a>
                  <small>{[by, node].filter((each) => each !== null && each !== '').join(' · ')}</small>
                </span>
              )),
          },
          {
            head: 'At the latest until',
            cell: ({ expiresAt }) =>
              expiresAt === null ? 'no end of its own' : `${dateTime(expiresAt)} (${span(expiresAt - now.value)})`,
          },
        ]}
        empty="Nobody is in this room."
      />
    </section>
  )
}
