/** Reconciliation: whose memberships are asked again, and what came of it on each node. */

/** Whose memberships may have changed. */
export type ReconcileTarget =
  /** A principal: every socket of it. Costs what its own sockets cost, whatever else is connected. */
  | { readonly issuer: string; readonly subject: string }
  /**
   * Every socket that holds this room by membership, in one namespace or, without one, in all. Costs a look at every socket. Who
   * does not hold the room yet is not asked: for those who may now, name the principal.
   */
  | { readonly room: string; readonly namespace?: string }
  /** Every socket of a namespace with `memberships`, behind whoever is named. */
  | { readonly everyone: true }

/** How far a reconciliation reaches. */
export interface ReconcileOptions {
  /** Leave other nodes alone: for a source of changes that every node listens to by itself. Default false. */
  readonly thisNodeOnly?: boolean
  /** How long other nodes have to answer. Milliseconds, default 5,000. */
  readonly timeoutMs?: number
}

/** What one node did. */
export interface NodeReconciliation {
  readonly node: string
  /** Sockets whose memberships were asked. Connecting ones are asked once they have connected, and not counted. */
  readonly sockets: number
  /** Rooms joined, over all sockets. */
  readonly joined: number
  /** Rooms left, over all sockets. */
  readonly left: number
  /** Sockets whose memberships could not be told. They keep their rooms, and are asked again until their grace is over. */
  readonly undecided: number
}

/** What came of a reconciliation, node by node. */
export interface Reconciliation {
  readonly nodes: readonly NodeReconciliation[]
  /** True when a node is silent or a socket is undecided: somebody may still be in a room that is no longer theirs. */
  readonly partial: boolean
  /** Nodes that were heard of lately and have not answered in time. */
  readonly silent: readonly string[]
}

/** Whom the memberships of a source are reconciled with; an `Auth` is one. */
export interface Reconciler {
  reconcile(target: ReconcileTarget, options?: ReconcileOptions): Promise<unknown>
}

/** A target with a default for what may be left out. */
export type ReconcileBody =
  | { readonly issuer: string; readonly subject: string }
  | { readonly room: string; readonly namespace: string | null }
  | { readonly everyone: true }

/** The target with nothing left out, or null when it is none. */
export function readTarget(value: unknown): ReconcileBody | null {
  if (typeof value !== 'object' || value === null) return null
  const { issuer, subject, room, namespace = null, everyone } = value as Record<string, unknown>
  switch (Object.keys(value).sort().join()) {
    case 'issuer,subject':
      return isName(issuer) && isName(subject) ? { issuer, subject } : null
    case 'room':
    case 'namespace,room':
      return isName(room) && (namespace === null || isName(namespace)) ? { room, namespace } : null
    case 'everyone':
      return everyone === true ? { everyone } : null
    default:
      return null
  }
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}
