/** Everyone who is connected: a page of each node, and one of all of them together. */

import {
  type ConnectionInfo,
  type ConnectionRoom,
  type Connections,
  type ConnectionsBody,
  comparePlaces,
  cursorOf,
  type NodeConnections,
  readConnectionsBody,
} from '../core/connections.ts'
import type { Answer, Answers } from './cluster-ask.ts'
import type { Entry, Registry } from './registry.ts'

/** The kinds of question on the bus. */
export const CONNECTIONS = 'connections'
export const CONNECTION = 'connection'

/** What a node answers: what it counted, then its part of the page. */
export function answerConnections(registry: Registry, node: string, body: Readonly<Record<string, unknown>>): Answer {
  const asked = readConnectionsBody(body)
  if (asked === null) return []
  const { entries, connections, matching } = pageOf(registry, asked)
  return [{ node, connections, matching } satisfies NodeConnections, ...entries.map((entry) => describe(entry, node))]
}

/** What a node answers about one socket: nothing when it is not its own. Looks at every socket. */
export function answerConnection(registry: Registry, node: string, socketId: unknown): Answer {
  for (const entry of registry.all()) {
    if (entry.socket.id === socketId && entry.state === 'connected') return [describe(entry, node)]
  }
  return []
}

export function toConnections({ by, silent }: Answers, { limit }: ConnectionsBody): Connections {
  const nodes: NodeConnections[] = []
  const found: ConnectionInfo[] = []
  let cut = false
  for (const [first, ...rest] of by.values()) {
    if (first === undefined) continue
    nodes.push(first as NodeConnections)
    found.push(...(rest as readonly object[] as readonly ConnectionInfo[]))
    cut ||= rest.length === limit
  }
  found.sort(comparePlaces)
  const connections = found.slice(0, limit)
  const last = connections.at(-1)
  const more = cut || found.length > limit
  return {
    connections,
    next: more && last !== undefined ? cursorOf(last) : null,
    nodes,
    partial: silent.length > 0,
    silent,
  }
}

export function toConnection({ by }: Answers): ConnectionInfo | null {
  return ([...by.values()].flat()[0] as ConnectionInfo | undefined) ?? null
}

/** Looks at every socket, and sorts no more than twice as many as are asked for. */
function pageOf(registry: Registry, { limit, after, namespace, subject, issuer }: ConnectionsBody) {
  let page: Entry[] = []
  let connections = 0
  let matching = 0
  for (const entry of registry.all()) {
    if (entry.state !== 'connected') continue
    connections += 1
    const { identity } = entry
    if (namespace !== null && entry.namespace !== namespace) continue
    if (subject !== null && identity.subject !== subject) continue
    if (issuer !== null && identity.issuer !== issuer) continue
    matching += 1
    if (after !== null && comparePlaces(placeOf(entry), after) <= 0) continue
    page.push(entry)
    if (page.length >= 2 * limit) page = firstOf(page, limit)
  }
  return { entries: firstOf(page, limit), connections, matching }
}

function firstOf(entries: Entry[], limit: number): Entry[] {
  return entries.sort((a, b) => comparePlaces(placeOf(a), placeOf(b))).slice(0, limit)
}

function placeOf({ since, socket }: Entry) {
  return { connectedAt: since, socketId: socket.id }
}

/** A message of the bus takes 3,000 characters; with fewer, one connection always fits into one. */
const MAX_LENGTH = 2_600
/** Names come from strategies, which may have taken them from anywhere. Characters of JSON, where one may become six. */
const MAX_NAME_LENGTH = 550

function describe(entry: Entry, node: string): ConnectionInfo {
  const { socket, lease } = entry
  const known = {
    node,
    namespace: cut(entry.namespace),
    socketId: socket.id,
    scheme: cut(entry.identity.scheme),
    issuer: cut(entry.identity.issuer),
    subject: cut(entry.identity.subject),
    connectedAt: entry.since,
    issuedAt: lease.issuedAt,
    expiresAt: lease.expiresAt,
    withheld: [...(entry.withheld ?? [])],
  }
  const all = roomsOf(entry)
  const rooms: ConnectionRoom[] = []
  let length = JSON.stringify(known).length
  for (const room of all) {
    length += JSON.stringify(room).length + 1
    if (length > MAX_LENGTH) break
    rooms.push(room)
  }
  return { ...known, rooms, roomsLeftOut: all.length - rooms.length }
}

function cut(name: string): string {
  return JSON.stringify(name).length <= MAX_NAME_LENGTH ? name : name.slice(0, Math.floor(MAX_NAME_LENGTH / 6))
}

function roomsOf({ socket, memberships, grants }: Entry): readonly ConnectionRoom[] {
  const following = new Set(memberships)
  return [...socket.rooms]
    .filter((room) => room !== socket.id)
    .map((room): ConnectionRoom => {
      if (following.has(room)) return { room, by: 'membership', expiresAt: null }
      const grant = grants.get(room)
      if (grant !== undefined) return { room, by: 'grant', expiresAt: grant.expiresAt }
      return { room, by: 'server', expiresAt: null }
    })
}
