/** One socket: its lease, and the rooms that it holds under it. */

import type { ConnectionInfo, RoomHold } from '../../source.ts'
import { get, session } from '../api.ts'
import { now } from '../clock.ts'
import { dateTime, span } from '../format.ts'
import { Heading } from '../parts/heading.tsx'
import { LeaseBar } from '../parts/lease-bar.tsx'
import { Table } from '../parts/table.tsx'
import { usePolled } from '../polled.ts'
import { href } from '../route.ts'

export function SocketView({ params }: { params: Readonly<Record<string, string>> }) {
  const id = params.id ?? ''
  const { data, error } = usePolled<ConnectionInfo>(`socket ${id}`, 2_000, (abort) =>
    get(`connections/${encodeURIComponent(id)}`, {}, abort),
  )
  return (
    <>
      <p class="crumb">
        <a href={href('connections')}>Connections</a>
      </p>
      <Heading>{data?.subject ?? 'Socket'}</Heading>
      <p class="found" role="status">
        {error ?? (data === null ? 'Asking…' : '')}
      </p>
      {data !== null && <Facts socket={data} />}
      {data !== null && <Rooms socket={data} />}
    </>
  )
}

function Facts({ socket }: { socket: ConnectionInfo }) {
  const { issuer, subject, namespace, socketId } = socket
  // A credential may be older than the connection; the bar is full where the socket began.
  const from = Math.max(socket.issuedAt, socket.connectedAt)
  return (
    <section class="card">
      <h2>Lease</h2>
      <div class="big-lease">
        <LeaseBar label="Lease" from={from} until={socket.expiresAt} endless="no end of its own: until it is revoked" />
      </div>
      <dl class="facts">
        <Fact name="Subject" value={subject} />
        <Fact name="Issuer" value={issuer} />
        <Fact name="Strategy" value={socket.scheme} />
        <Fact name="Namespace" value={namespace} />
        <Fact name="Socket" value={socketId} />
        <Fact name="Node" value={socket.node} />
        <Fact name="Connected" value={`${dateTime(socket.connectedAt)}, ${span(now.value - socket.connectedAt)} ago`} />
        <Fact name="Credential of" value={dateTime(socket.issuedAt)} />
        <Fact name="Withheld" value={socket.withheld.length === 0 ? 'no' : socket.withheld.join(', ')} />
      </dl>
      <p class="actions">
        <a href={href('decisions', { subject, issuer })}>Its decisions</a>
        <a href={href('explain', { socketId, namespace })}>Explain</a>
        {session.value?.mayRevoke && <a href={href('revoke', { issuer, subject })}>Revoke</a>}
      </p>
    </section>
  )
}

function Fact({ name, value }: { name: string; value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  )
}

const BY = {
  membership: 'follows from memberships',
  grant: 'joined by the client',
  server: 'put there by the server',
} as const

function Rooms({ socket }: { socket: ConnectionInfo }) {
  return (
    <section class="card">
      <h2>Rooms</h2>
      <Table<RoomHold>
        label="Rooms"
        rows={socket.rooms}
        keyOf={({ room }) => room}
        columns={[
          {
            head: 'Room',
            cell: ({ room }) => <a href={href('rooms', { namespace: socket.namespace, room })}>{room}</a>,
          },
          { head: 'Why', cell: ({ by }) => BY[by] },
          {
            head: 'Until',
            cell: ({ room, expiresAt }) => (
              <LeaseBar
                label={`Grant of ${room}`}
                from={Math.max(socket.issuedAt, socket.connectedAt)}
                until={expiresAt}
                endless="as long as the lease"
              />
            ),
          },
        ]}
        empty="It is in no room."
      />
      {socket.roomsLeftOut > 0 && <p class="soft">And {socket.roomsLeftOut} more.</p>}
    </section>
  )
}
