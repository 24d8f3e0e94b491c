/** Every socket under a policy, from the moment its connect begins, findable by what could be revoked. */

import { createHash } from 'node:crypto'
import type { Socket } from 'socket.io'
import type { CompiledPolicy } from '../core/compiled-policy.ts'
import type { Identity } from '../core/identity.ts'
import type { Lease } from '../core/lease.ts'
import { type RevocationKey, revocationName } from '../core/revocation.ts'
import type { Authentication } from '../core/strategy.ts'
import type { AuthErrorCode } from '../errors.ts'
import type { Connection } from './connection.ts'
import type { Expiring } from './lease-timer.ts'

/** A room that the client joined, and until when. */
export interface Grant {
  readonly expiresAt: number | null
  readonly expiring: Expiring | null
}

/** One socket of one namespace under its policy. */
export interface Entry {
  readonly socket: Socket
  readonly connection: Connection
  readonly namespace: string
  readonly policy: CompiledPolicy
  readonly identity: Identity
  /** Names under which a revocation reaches it. */
  readonly names: readonly string[]
  lease: Lease
  /** `connecting`: its middlewares still run, and nothing but this entry can stop it. */
  state: 'connecting' | 'connected' | 'closed'
  /** Why its authority ended, once it has. A connecting socket with a reason never connects. */
  ended: AuthErrorCode | null
  /** Rooms that follow from `policy.memberships`. */
  memberships: readonly string[]
  readonly grants: Map<string, Grant>
  expiring: Expiring | null
  /** Packets waiting behind an event whose rule has not answered; null when none is being decided. */
  backlog: unknown[] | null
}

export interface Registry {
  track(entry: Entry): void
  forget(entry: Entry): void
  /** Sockets that a revocation under this name reaches. Costs what they are many, whatever else is connected. */
  under(name: string): Iterable<Entry>
  of(socket: Socket): Entry | undefined
  ofConnection(connection: Connection): Iterable<Entry>
  /** Every tracked socket. */
  all(): Iterable<Entry>
  readonly size: number
}

export function createRegistry(): Registry {
  const byName = new Map<string, Set<Entry>>()
  const bySocket = new WeakMap<Socket, Entry>()
  const byConnection = new WeakMap<Connection, Set<Entry>>()
  const entries = new Set<Entry>()
  return {
    track(entry) {
      bySocket.set(entry.socket, entry)
      entries.add(entry)
      add(byConnection, entry.connection, entry)
      for (const name of entry.names) add(byName, name, entry)
    },
    forget(entry) {
      if (!byConnection.get(entry.connection)?.delete(entry)) return
      entries.delete(entry)
      for (const name of entry.names) {
        const entries = byName.get(name)
        if (entries?.delete(entry) && entries.size === 0) byName.delete(name)
      }
    },
    under: (name) => [...(byName.get(name) ?? [])],
    of: (socket) => bySocket.get(socket),
    ofConnection: (connection) => [...(byConnection.get(connection) ?? [])],
    all: () => [...entries],
    get size() {
      return entries.size
    },
  }
}

function add<Key>(
  index: { get(key: Key): Set<Entry> | undefined; set(key: Key, entries: Set<Entry>): unknown },
  key: Key,
  entry: Entry,
): void {
  const entries = index.get(key)
  if (entries === undefined) index.set(key, new Set([entry]))
  else entries.add(entry)
}

const known = new WeakMap<Authentication, readonly string[]>()

/** Every name under which this authority can be revoked. Worked out once: door and connect gate both ask. */
export function namesOf(authentication: Authentication): readonly string[] {
  const { identity, revocableBy = [] } = authentication
  const names =
    known.get(authentication) ?? [{ issuer: identity.issuer, subject: identity.subject }, ...revocableBy].map(nameOf)
  known.set(authentication, names)
  return names
}

/** A session id is a credential: what is kept and compared is its digest. */
export function nameOf(key: RevocationKey): string {
  return revocationName(key, (value) => createHash('sha256').update(value).digest('base64url'))
}
