/** Who is connected to which node, in pages: what is asked and what is answered, as plain data. */

/** Which connections, and how many of them. What is left out does not matter. */
export interface ConnectionsOptions {
  /** At most so many, 1 to 500. Default 100. */
  readonly limit?: number
  /** The `next` of an earlier page. Left out: the first page, of those who have been connected longest. */
  readonly after?: string
  readonly namespace?: string
  readonly subject?: string
  readonly issuer?: string
}

/** A room of a connection, and why it is in it. */
export interface ConnectionRoom {
  readonly room: string
  /** `grant`: it asked with `auth:join`. `membership`: it follows from who it is. `server`: the application joined it. */
  readonly by: 'membership' | 'grant' | 'server'
  /** The grant's own end in epoch seconds; null where it lasts as long as the connection's lease. */
  readonly expiresAt: number | null
}

/** One socket, as other nodes may know it: no credential, no claim. Every `…At` is epoch seconds. */
export interface ConnectionInfo {
  readonly node: string
  readonly namespace: string
  readonly socketId: string
  readonly scheme: string
  readonly issuer: string
  readonly subject: string
  readonly connectedAt: number
  readonly issuedAt: number
  readonly expiresAt: number | null
  /** Why it is hidden at the moment and receives nothing; empty when it is not. */
  readonly withheld: readonly ('suspended' | 'expired')[]
  readonly rooms: readonly ConnectionRoom[]
  /** How many rooms were left out, since an answer of the bus has a bound. */
  readonly roomsLeftOut: number
}

/** What one node counted. */
export interface NodeConnections {
  readonly node: string
  /** Sockets connected to it under a policy. */
  readonly connections: number
  /** Those among them that were asked for. */
  readonly matching: number
}

/** A page of connections over all nodes. */
export interface Connections {
  readonly connections: readonly ConnectionInfo[]
  /** Where the next page begins; null when this was the last. */
  readonly next: string | null
  readonly nodes: readonly NodeConnections[]
  /** True when `silent` names nodes that have not answered in time. */
  readonly partial: boolean
  readonly silent: readonly string[]
}

/** The place of a connection in the order of all: by when it connected, then by its id. */
export interface Place {
  readonly connectedAt: number
  readonly socketId: string
}

/** What travels to other nodes. */
export interface ConnectionsBody {
  readonly limit: number
  readonly after: Place | null
  readonly namespace: string | null
  readonly subject: string | null
  readonly issuer: string | null
}

const MAX_LIMIT = 500
const DEFAULT_LIMIT = 100
const FILTERS = ['namespace', 'subject', 'issuer'] as const
const OPTIONS = new Set<string>([...FILTERS, 'limit', 'after'])

/** @throws TypeError quoting the option */
export function readConnectionsOptions(options: ConnectionsOptions): ConnectionsBody {
  if (typeof options !== 'object' || options === null) throw new TypeError('connections: the options must be an object')
  for (const option of Object.keys(options)) {
    if (!OPTIONS.has(option)) throw new TypeError(`"${option}" is not an option of connections`)
  }
  const { limit = DEFAULT_LIMIT, after } = options
  if (!isLimit(limit)) throw new TypeError(`"limit" must be a whole number from 1 to ${MAX_LIMIT}`)
  const place = after === undefined ? null : placeOf(after)
  if (after !== undefined && place === null) throw new TypeError('"after" must be the `next` of an earlier page')
  const filter = (option: (typeof FILTERS)[number]): string | null => {
    const value = options[option]
    if (value !== undefined && typeof value !== 'string') throw new TypeError(`"${option}" must be a string`)
    return value ?? null
  }
  return { limit, after: place, namespace: filter('namespace'), subject: filter('subject'), issuer: filter('issuer') }
}

/** What another node asked for, or null when it is no such question. */
export function readConnectionsBody(body: Readonly<Record<string, unknown>>): ConnectionsBody | null {
  const { limit, after, namespace, subject, issuer } = body
  const isFilter = (value: unknown): value is string | null => value === null || typeof value === 'string'
  if (!isLimit(limit) || !isFilter(namespace) || !isFilter(subject) || !isFilter(issuer)) return null
  if (after !== null && !isPlace(after)) return null
  return { limit, after, namespace, subject, issuer }
}

/** Negative when `a` comes first. */
export function comparePlaces(a: Place, b: Place): number {
  if (a.connectedAt !== b.connectedAt) return a.connectedAt - b.connectedAt
  return a.socketId < b.socketId ? -1 : a.socketId > b.socketId ? 1 : 0
}

export function cursorOf({ connectedAt, socketId }: Place): string {
  return `${connectedAt}:${socketId}`
}

function placeOf(cursor: unknown): Place | null {
  if (typeof cursor !== 'string' || !/^\d{1,12}(?:\.\d{1,9})?:.{1,512}$/.test(cursor)) return null
  const at = cursor.indexOf(':')
  return { connectedAt: Number(cursor.slice(0, at)), socketId: cursor.slice(at + 1) }
}

function isPlace(value: unknown): value is Place {
  if (typeof value !== 'object' || value === null) return false
  const { connectedAt, socketId } = value as Partial<Place>
  return typeof connectedAt === 'number' && typeof socketId === 'string'
}

function isLimit(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= MAX_LIMIT
}
