/** Who is connected: the sockets of a principal, a session or a tag, here and on other nodes. */

import type { Socket } from 'socket.io'
import type { RevocationKey } from '../core/revocation.ts'
import type { Answers } from './cluster-ask.ts'
import { type Entry, nameOf, type Registry } from './registry.ts'
import { requireKey } from './revoke.ts'

/** One socket, as other nodes may know it: no credential, no claim. Every `…At` is epoch seconds. */
export interface SessionInfo {
  readonly node: string
  readonly namespace: string
  readonly socketId: string
  readonly scheme: string
  readonly issuer: string
  readonly subject: string
  readonly connectedAt: number
  readonly issuedAt: number
  readonly expiresAt: number | null
}

/** The sockets that were found. `partial` when `silent` names nodes that have not answered in time. */
export interface Sessions {
  readonly sessions: readonly SessionInfo[]
  readonly partial: boolean
  readonly silent: readonly string[]
}

/** The kind of question on the bus. */
export const SESSIONS = 'sessions'

/** The connected sockets under a key, on this node. @throws TypeError for a malformed key */
export function socketsUnder(registry: Registry, key: RevocationKey): readonly Socket[] {
  requireKey(key)
  return connectedUnder(registry, nameOf(key)).map(({ socket }) => socket)
}

/** What this node answers when it is asked about a name. */
export function describeSessions(registry: Registry, node: string, name: unknown): readonly SessionInfo[] {
  return typeof name === 'string' ? connectedUnder(registry, name).map((entry) => describe(entry, node)) : []
}

export function toSessions({ by, silent }: Answers): Sessions {
  const sessions = [...by.values()].flat() as SessionInfo[]
  return { sessions, partial: silent.length > 0, silent }
}

function connectedUnder(registry: Registry, name: string): readonly Entry[] {
  return [...registry.under(name)].filter(({ state }) => state === 'connected')
}

function describe({ namespace, socket, identity, lease, since }: Entry, node: string): SessionInfo {
  const { scheme, issuer, subject } = identity
  const { issuedAt, expiresAt } = lease
  return { node, namespace, socketId: socket.id, scheme, issuer, subject, connectedAt: since, issuedAt, expiresAt }
}
