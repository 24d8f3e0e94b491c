/** Finds connections by part of a name, and by room: page after page of what the library lists. */

import type { Auth, ConnectionInfo, Connections } from 'portcullis'
import type { ConnectionsPage, ConnectionsQuery, Member, Members } from './source.ts'

/** The largest page that the library gives. */
const PAGE = 500
/** So many connections are looked at for one answer. */
const MAX_LOOKED_AT = 10_000

type Listed = Pick<Auth, 'connections'>

/** The two searches. */
export interface Search {
  connectionsPage(query: ConnectionsQuery): Promise<ConnectionsPage>
  membersOf(namespace: string, room: string): Promise<Members>
}

export function searchConnections(auth: Listed): Search {
  return {
    async connectionsPage({ limit, after, namespace, query }) {
      const given = { ...(after === undefined ? {} : { after }), ...(namespace === undefined ? {} : { namespace }) }
      if (query === undefined) return toPage(await auth.connections({ ...given, limit }), null)
      const wanted = query.toLowerCase()
      const found: ConnectionInfo[] = []
      let page = await auth.connections({ ...given, limit: PAGE })
      for (let lookedAt = PAGE; ; lookedAt += PAGE) {
        found.push(...page.connections.filter((connection) => fits(connection, wanted)))
        // The next page begins behind a whole one: what was found in it is given, though it may be more than was asked for.
        if (found.length >= limit || page.next === null || lookedAt >= MAX_LOOKED_AT) return toPage(page, found)
        page = await auth.connections({ ...given, after: page.next, limit: PAGE })
      }
    },
    async membersOf(namespace, room) {
      const found: ConnectionInfo[] = []
      let page = await auth.connections({ namespace, limit: PAGE })
      let leftOut = false
      for (let lookedAt = PAGE; ; lookedAt += PAGE) {
        found.push(...page.connections.filter(({ rooms }) => rooms.some((hold) => hold.room === room)))
        leftOut ||= page.partial || page.connections.some(({ roomsLeftOut }) => roomsLeftOut > 0)
        if (page.next === null || lookedAt >= MAX_LOOKED_AT) break
        page = await auth.connections({ namespace, after: page.next, limit: PAGE })
      }
      return { members: toMembers(found, room), partial: leftOut || page.next !== null }
    },
  }
}

function toPage(page: Connections, found: readonly ConnectionInfo[] | null): ConnectionsPage {
  const total = page.nodes.reduce((sum, { connections }) => sum + connections, 0)
  return { connections: found ?? page.connections, next: page.next, total, silent: page.silent }
}

function fits({ subject, issuer, scheme, socketId, rooms }: ConnectionInfo, wanted: string): boolean {
  const names = [subject, issuer, scheme, socketId, ...rooms.map(({ room }) => room)]
  return names.some((name) => name.toLowerCase().includes(wanted))
}

function toMembers(connections: readonly ConnectionInfo[], room: string): readonly Member[] {
  const members = new Map<string, Member & { readonly sockets: Member['sockets'][number][] }>()
  for (const { issuer, subject, socketId, node, rooms, expiresAt: leaseEnd } of connections) {
    const hold = rooms.find((each) => each.room === room)
    const key = JSON.stringify([issuer, subject])
    const known = members.get(key)
    const end = hold?.expiresAt ?? leaseEnd
    const expiresAt = known === undefined ? end : later(known.expiresAt, end)
    // Added to: one of them may have thousands.
    const sockets = known?.sockets ?? []
    sockets.push({ socketId, node, by: hold?.by ?? null })
    members.set(key, { issuer, subject, sockets, expiresAt })
  }
  return [...members.values()]
}

/** The later of two ends, where null is no end. */
function later(a: number | null, b: number | null): number | null {
  return a === null || b === null ? null : Math.max(a, b)
}
