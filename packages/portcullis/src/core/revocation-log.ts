/** The port for revocations that nodes share: a durable log, who reads it how far, and a bus for what need not be durable. */

/** Where a reader stands in a log. Opaque: only the log that gave it can read it. */
export type Cursor = string

/** Ends a subscription. Never rejects. */
export type Unsubscribe = () => Promise<void>

/** What a node says of itself when it reads. */
export interface Heartbeat {
  /** Unique for each guard of each process. */
  readonly node: string
  /** After how many milliseconds without a successful `sync` this node serves nobody. Kept beside its name, for the others. */
  readonly maxStalenessMs: number
  /** What was read last; null reads from the start. */
  readonly cursor: Cursor | null
  /** Entries that this node has applied since its last heartbeat, and how many sockets each closed. */
  readonly applied: readonly Applied[]
  /** Ids of entries whose acknowledgements this node wants to know. */
  readonly awaiting: readonly string[]
}

/** An entry that a node has applied, and how many of its sockets that closed. */
export interface Applied {
  readonly id: string
  readonly closed: number
}

/** A node as the log knows it. `ageMs` is the time since its last heartbeat, by the log's own clock. */
export interface NodeState {
  readonly node: string
  readonly ageMs: number
  readonly maxStalenessMs: number
}

/** One entry as it was read: null where it did not carry the seal of this log's secret. */
export interface ReadEntry {
  readonly cursor: Cursor
  readonly text: string | null
}

/** What a reading found. */
export interface LogState {
  /** What stands after the cursor, in the log's order; at most 1,000. */
  readonly entries: readonly ReadEntry[]
  /** True when there is more to read at once: this answer does not reach the end of the log. */
  readonly more: boolean
  /**
   * True when the log does not know the cursor, as after a loss of data, and `entries` begin at its start. Whoever holds
   * entries that are missing then appends them again.
   */
  readonly rewound: boolean
  /** Every node with a heartbeat within the last ten minutes that has not left; the caller among them. */
  readonly nodes: readonly NodeState[]
  /**
   * How long the log has kept its nodes: milliseconds since the first heartbeat there, by the log's own clock. It begins anew when the
   * nodes are lost, as by FLUSHALL: those who live are then missing in `nodes` until they read again. Infinity where
   * there is but one process.
   */
  readonly ageMs: number
  /** Of each entry awaited: which nodes applied it, and how many sockets that closed. */
  readonly applied: ReadonlyMap<string, ReadonlyMap<string, number>>
}

/**
 * A durable log and a bus in one. Every node reads the log by itself, so that nothing is lost when a message is. Each method
 * rejects when the store fails; a deadline is the caller's business. Texts are of up to 4,000 characters.
 */
export interface RevocationLog {
  /** True when other processes read it too: a node then must prove again and again that it has heard the latest. */
  readonly shared: boolean
  /**
   * Keeps an entry until `expiresAt` (epoch seconds) at least and wakes every listener with `{ id }` as `onWake`. Resolves once it is
   * durable. An entry whose `id` stands in the log is not appended again.
   */
  append(entry: { readonly id: string; readonly text: string; readonly expiresAt: number }): Promise<void>
  /**
   * One atomic step: records the heartbeat, and reads. It sees every entry whose `append` resolved before the call. Listeners
   * are woken for `applied`, so that whoever awaits an acknowledgement looks again.
   */
  sync(heartbeat: Heartbeat): Promise<LogState>
  /** The node closes: it is waited for no longer. */
  leave(node: string): Promise<void>
  /** To every listener, this process included. Best effort: who is away never hears it. */
  publish(text: string): Promise<void>
  /** Resolves when messages from now on arrive. It goes on by itself after the connection was lost and came back. */
  listen(listener: LogListener): Promise<Unsubscribe>
}

/** Must not throw. All of it is best effort; what counts is what `sync` reads. */
export interface LogListener {
  /** Something may have been appended: look. */
  appended(): void
  /** A node may have applied an entry. */
  applied(id: string): void
  /** What somebody published; null where it did not carry the seal of this log's secret. */
  message(text: string | null): void
}
