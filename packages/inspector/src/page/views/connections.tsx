/** Who is connected, by which strategy, until when. */

import type { ConnectionInfo, ConnectionsPage, Overview } from '../../source.ts'
import { get } from '../api.ts'
import { now } from '../clock.ts'
import { count, dateTime, span } from '../format.ts'
import { Choice, Field, valuesOf } from '../parts/field.tsx'
import { Heading } from '../parts/heading.tsx'
import { LeaseBar } from '../parts/lease-bar.tsx'
import { Table } from '../parts/table.tsx'
import { usePolled } from '../polled.ts'
import { go, href } from '../route.ts'

const LIMIT = 50

export function Connections({ params }: { params: Readonly<Record<string, string>> }) {
  const { query, namespace, after } = params
  const asked = { query, namespace, after }
  const { data, error } = usePolled<ConnectionsPage>(JSON.stringify(asked), 4_000, (abort) =>
    get('connections', { ...asked, limit: LIMIT }, abort),
  )
  const overview = usePolled<Overview>('namespaces', 0, (abort) => get('overview', {}, abort))
  const namespaces = Object.keys(overview.data?.namespaces ?? {})

  function search(event: SubmitEvent): void {
    event.preventDefault()
    go('connections', valuesOf(event.currentTarget as HTMLFormElement))
  }

  return (
    <>
      <Heading>Connections</Heading>
      <form class="filters" onSubmit={search} key={`${query} ${namespace}`}>
        <Field
          label="Search"
          name="query"
          value={query}
          type="search"
          hint="subject, issuer, strategy, socket or room"
        />
        <Choice
          label="Namespace"
          name="namespace"
          value={namespace}
          options={[['', 'all'], ...withChosen(namespaces, namespace).map((each) => [each, each] as const)]}
        />
        <button type="submit">Search</button>
      </form>
      <p class="found" role="status">
        {found(data, error)}
      </p>
      {data !== null && (
        <Table<ConnectionInfo>
          label="Connections"
          rows={data.connections}
          keyOf={({ socketId, namespace }) => `${namespace} ${socketId}`}
          columns={COLUMNS}
          empty={query || namespace ? 'Nobody like that is connected.' : 'Nobody is connected.'}
        />
      )}
      <div class="pages">
        {after !== undefined && <a href={href('connections', { query, namespace })}>First page</a>}
        {data?.next != null && <a href={href('connections', { query, namespace, after: data.next })}>Next page</a>}
      </div>
    </>
  )
}

const COLUMNS = [
  {
    head: 'Who',
    cell: ({ subject, issuer, socketId }: ConnectionInfo) => (
      <span class="who">
        <a href={href('socket', { id: socketId })}>{subject}</a>
        <small title={issuer}>{issuer}</small>
      </span>
    ),
  },
  { head: 'Strategy', cell: ({ scheme }: ConnectionInfo) => scheme },
  { head: 'Namespace', cell: ({ namespace }: ConnectionInfo) => <code>{namespace}</code> },
  {
    head: 'Lease',
    cell: ({ issuedAt, connectedAt, expiresAt, subject, withheld }: ConnectionInfo) => (
      <>
        <LeaseBar label={`Lease of ${subject}`} from={Math.max(issuedAt, connectedAt)} until={expiresAt} />
        {withheld.length > 0 && <span class="badge late">{withheld.join(', ')}</span>}
      </>
    ),
  },
  { head: 'Rooms', cell: ({ rooms, roomsLeftOut }: ConnectionInfo) => count(rooms.length + roomsLeftOut), end: true },
  {
    head: 'Connected',
    cell: ({ connectedAt }: ConnectionInfo) => (
      <span title={dateTime(connectedAt)}>{span(now.value - connectedAt)}</span>
    ),
    end: true,
  },
  { head: 'Node', cell: ({ node }: ConnectionInfo) => <code>{node}</code> },
]

function found(data: ConnectionsPage | null, error: string | null): string {
  if (data === null) return error ?? 'Asking…'
  const silent = data.silent.length === 0 ? '' : ` Not everybody: no answer from ${data.silent.join(', ')}.`
  const total = data.total === null ? '' : ` of ${count(data.total)}`
  return `${count(data.connections.length)}${total} shown.${silent}`
}

function withChosen(namespaces: readonly string[], chosen: string | undefined): readonly string[] {
  return chosen === undefined || namespaces.includes(chosen) ? namespaces : [chosen, ...namespaces]
}
