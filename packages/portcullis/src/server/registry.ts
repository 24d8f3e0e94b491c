/** Every socket under a policy, from the moment its connect begins, findable by what could be revoked. */

import { createHash } from 'node:crypto'
import type { Socket } from 'socket.io'
import type { CompiledPolicy } from '../core/compiled-policy.ts'
import type { Identity } from '../core/identity.ts'
import type { Lease } from '../core/lease.ts'
import { type RevocationKey, revocationName } from '../core/revocation.ts'
import type { Authentication, Strategy } from '../core/strategy.ts'
import type { AuthErrorCode } from '../errors.ts'
import type { Bucket } from './bucket.ts'
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
  /** `NO_GRANTS` until the first. */
  grants: Map<string, Grant>
  expiring: Expiring | null
  /** Why it is hidden at the moment; null when it is not. */
  withheld: Set<Withheld> | null
  /** True once its lease has ended, even if it was renewed within the grace: what was sent meanwhile is not its own. */
  lapsed: boolean
  /** The renewal under way, behind which the next one waits. */
  renewal: Promise<unknown> | null
  /** How many refreshes it may ask for, by the monotonic clock at `atMs`; null before the first. */
  refreshes: { left: number; atMs: number; underWay: boolean } | null
  /** How many events it may send; null before the first. */
  events: Bucket | null
  /** Packets waiting behind an event whose rule has not answered; null when none is being decided. */
  backlog: unknown[] | null
}

/** What every socket begins with, and most keep: never written to. */
export const NO_GRANTS = new Map<string, Grant>()

/** Most names and connections have one socket: a set for each would weigh more than all else that is kept for it. */
type OneOrMore = Entry | Set<Entry>

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
  const byName = new Map<string, OneOrMore>()
  const bySocket = new WeakMap<Socket, Entry>()
  const byConnection = new WeakMap<Connection, OneOrMore>()
  const entries = new Set<Entry>()
  return {
    track(entry) {
      bySocket.set(entry.socket, entry)
      entries.add(entry)
      add(byConnection, entry.connection, entry)
      for (const name of entry.names) add(byName, name, entry)
    },
    forget(entry) {
      if (!entries.delete(entry)) return
      drop(byConnection, entry.connection, entry)
      for (const name of entry.names) drop(byName, name, entry)
    },
    rename(entry, names) {
      const tracked = entries.has(entry)
      if (tracked) for (const name of entry.names) drop(byName, name, entry)
      entry.names = names
      if (tracked) for (const name of names) add(byName, name, entry)
    },
    under: (name) => listed(byName.get(name)),
    of: (socket) => bySocket.get(socket),
    ofConnection: (connection) => listed(byConnection.get(connection)),
    all: () => [...entries],
    get size() {
      return entries.size
    },
  }
}

interface Index<Key> {
  get(key: Key): OneOrMore | undefined
  set(key: Key, entries: OneOrMore): unknown
  delete(key: Key): unknown
}

function add<Key>(index: Index<Key>, key: Key, entry: Entry): void {
  const held = index.get(key)
  if (held === undefined) index.set(key, entry)
  else if (held instanceof Set) held.add(entry)
  else if (held !== entry) index.set(key, new Set([held, entry]))
}

function drop<Key>(index: Index<Key>, key: Key, entry: Entry): void {
  const held = index.get(key)
  if (held === entry) index.delete(key)
  else if (held instanceof Set && held.delete(entry) && held.size === 0) index.delete(key)
}

/** As they are now: whoever goes through them may end some. */
function listed(held: OneOrMore | undefined): readonly Entry[] {
  if (held === undefined) return []
  return held instanceof Set ? [...held] : [held]
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
