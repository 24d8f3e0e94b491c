/** Every socket under a policy, from the moment its connect begins, findable by what could be revoked. */

import { createHash } from 'node:crypto'
import type { Socket } from 'socket.io'
import type { CompiledPolicy } from '../core/compiled-policy.ts'
import type { Identity } from '../core/identity.ts'
import type { Lease } from '../core/lease.ts'
import { type RevocationKey, revocationName } from '../core/revocation.ts'
import type { Authentication, Strategy } from '../core/strategy.ts'
import type { AuthErrorCode } from '../errors.ts'
import type { Connection } from './connection.ts'
import type { Expiring } from './lease-timer.ts'

/** A room that the client joined, and until when; it never outlasts the lease. */
export interface Grant {
  /** The grant's own end; null when it lasts as long as the lease. */
  readonly expiresAt: number | null
  readonly expiring: Expiring | null
  /** What was shown for the right to join, to be looked at again. */
  readonly presented: unknown
}

/**
 * Why a socket is hidden: this node cannot prove that it has heard of every revocation; or its lease has ended, and within the
 * grace it may still present a new credential.
 */
export type Withheld = 'suspended' | 'expired'

/** One socket of one namespace under its policy. */
export interface Entry {
  readonly socket: Socket
  readonly connection: Connection
  readonly namespace: string
  /** Replaced by a reload, together with those of all others. */
  policy: CompiledPolicy
  identity: Identity
  /** Names under which a revocation reaches it. Changed by `rename` alone. */
  names: readonly string[]
  lease: Lease
  /** When its connect began; epoch seconds. */
  readonly since: number
  /** When the `connect` rule said that its permission ends; null when it did not. */
  permittedUntil: number | null
  /** The strategy that accepted it, and what that strategy needs to look again; see `Authentication.handle`. */
  strategy: Strategy
  handle: unknown
  /** `connecting`: its middlewares still run, and nothing but this entry can stop it. */
  state: 'connecting' | 'connected' | 'closed'
  /** Why its authority ended, once it has. A connecting socket with a reason never connects. */
  ended: AuthErrorCode | null
  /** Rooms that follow from `policy.memberships`. */
  memberships: readonly string[]
  readonly grants: Map<string, Grant>
  expiring: Expiring | null
  /** Why it is hidden at the moment; null when it is not. */
  withheld: Set<Withheld> | null
  /** True once its lease has ended, even if it was renewed within the grace: what was sent meanwhile is not its own. */
  lapsed: boolean
  /** The renewal under way, behind which the next one waits. */
  renewal: Promise<unknown> | null
  /** How many refreshes it may ask for, by the monotonic clock at `atMs`; null before the first. */
  refreshes: { left: number; atMs: number; underWay: boolean } | null
  /** Packets waiting behind an event whose rule has not answered; null when none is being decided. */
  backlog: unknown[] | null
}

export interface Registry {
  track(entry: Entry): void
  forget(entry: Entry): void
  /** From now on revocations reach it under these names, and no others. */
  rename(entry: Entry, names: readonly string[]): void
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
      for (const name of entry.names) drop(byName, name, entry)
    },
    rename(entry, names) {
      const tracked = entries.has(entry)
      if (tracked) for (const name of entry.names) drop(byName, name, entry)
      entry.names = names
      if (tracked) for (const name of names) add(byName, name, entry)
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

function drop(index: Map<string, Set<Entry>>, name: string, entry: Entry): void {
  const entries = index.get(name)
  if (entries?.delete(entry) && entries.size === 0) index.delete(name)
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
