/** Where presence is kept: one port, for a single node and for many. */

/** A principal in a room of a namespace. */
export interface PresenceSlot {
  readonly namespace: string
  readonly room: string
  readonly issuer: string
  readonly subject: string
}

/** Somebody has come into a room, or gone from it, on all nodes taken together. `at` is epoch seconds. */
export interface PresenceChange extends PresenceSlot {
  readonly kind: 'join' | 'leave'
  /** How it came to its identity first, such as `jwt`. */
  readonly scheme: string
  readonly at: number
}

/** Who is in a room. `since` is epoch seconds, `connections` counts sockets on all nodes. No claims. */
export interface PresenceMember {
  readonly issuer: string
  readonly subject: string
  readonly scheme: string
  readonly since: number
  readonly connections: number
}

export interface PresenceList {
  /** The longest there first. */
  readonly members: readonly PresenceMember[]
  /** Somebody may be missing or gone: the store cannot be asked, or was away until just now. */
  readonly partial: boolean
}

/** What this node holds of a slot. */
export interface PresenceRecord extends PresenceSlot {
  readonly scheme: string
  readonly since: number
  /** Sockets on this node; 0 when the last one has left. */
  readonly connections: number
  /** Everybody has been told that it is there, and a store that knows nothing of it has lost it. */
  readonly announced: boolean
}

/** `unknown`: the node has to show itself first, which it does by itself; `failed`: the store did not answer. Both are to be put again. */
export type PutOutcome = 'join' | 'leave' | 'none' | 'unknown' | 'failed'

/** What a store tells the node that has opened it. None of these throws. */
export interface PresenceNode {
  /** Unique among the living nodes, and new with each start. */
  readonly name: string
  /** How long its members stay when it is not heard of. */
  readonly ttlMs: number
  /** A change, on every node. */
  noticed(change: PresenceChange): void
  /** A change, on the one node that has caused or found it. */
  changed(change: PresenceChange): void
  /**
   * Everything is to be put again. `swept`: the others were told that this node's members have left; `lost`: the store has forgotten everybody;
   * `silent`: this node was not heard of for a while, which nobody may have noticed.
   */
  rebuild(why: 'swept' | 'lost' | 'silent'): void
  /** The store has just answered. */
  reachable(): void
  failed(error: Error): void
}

export interface PresenceStore {
  /** Rejects when the store cannot be reached at the start. */
  open(node: PresenceNode): Promise<void>
  /** Does not reject. Outcomes in the order of the records. */
  put(records: readonly PresenceRecord[]): Promise<readonly PutOutcome[]>
  /** Rejects when it cannot be asked. */
  members(namespace: string, room: string): Promise<PresenceList>
  /** Whatever the node has left there goes with it. */
  close(): Promise<void>
}

/** The order in which members are listed. */
export function bySeniority(a: PresenceMember, b: PresenceMember): number {
  return a.since - b.since || (a.subject < b.subject ? -1 : 1)
}
