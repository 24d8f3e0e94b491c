/** What the inspector asks of whoever runs the sockets: the gateway, or an application through `sourceOf`. */

import type { DecisionQuestion, Question, RevocationKey } from 'portcullis'

/** Who a decision was about: never a claim, never a credential. */
export interface Principal {
  readonly scheme: string
  readonly issuer: string
  readonly subject: string
}

/** What a node says of itself. `starting` and `suspended` nodes serve nothing that is protected. */
export type NodeCondition = 'starting' | 'fresh' | 'suspended' | 'draining' | 'closed' | 'live' | 'silent' | 'unknown'

/** One node of the cluster, as this one knows it. */
export interface NodeLine {
  readonly node: string
  readonly state: NodeCondition
  /** Milliseconds since this node last heard of it; null where that is not known. */
  readonly seenMsAgo: number | null
  /** Sockets connected there; null where it has not said. */
  readonly sockets: number | null
}

/** The first thing that the page shows. */
export interface Overview {
  /** What the operator calls this installation. */
  readonly title: string
  readonly node: string
  readonly state: NodeCondition
  /** Null where it is not known. */
  readonly version: string | null
  readonly nodes: readonly NodeLine[]
  /** Sockets connected to this node. */
  readonly sockets: number
  /** Sockets of this node by namespace. */
  readonly namespaces: Readonly<Record<string, number>>
  /** Epoch seconds. */
  readonly startedAt: number
}

/** One room that a socket is in, why, and until when. */
export interface RoomHold {
  readonly room: string
  readonly by: 'membership' | 'grant' | 'server'
  /** Epoch seconds; null when it lasts as long as the lease. */
  readonly expiresAt: number | null
}

/** One connected socket. Every `…At` is epoch seconds. */
export interface ConnectionInfo extends Principal {
  readonly node: string
  readonly namespace: string
  readonly socketId: string
  readonly connectedAt: number
  readonly issuedAt: number
  /** Null when the lease has no end of its own. */
  readonly expiresAt: number | null
  /** Why it receives nothing at the moment, such as `suspended` or `expired`; empty when it does. */
  readonly withheld: readonly string[]
  readonly rooms: readonly RoomHold[]
  /** How many more there are than are listed. */
  readonly roomsLeftOut: number
}

/** What the page of connections asks for. */
export interface ConnectionsQuery {
  /** 1 to 200. */
  readonly limit: number
  /** `next` of the page before. */
  readonly after?: string
  readonly namespace?: string
  /** Part of a subject, an issuer, a scheme, a socket id or a room, in any case. */
  readonly query?: string
}

/** Some connected sockets. `silent` names the nodes that have not answered in time. */
export interface ConnectionsPage {
  readonly connections: readonly ConnectionInfo[]
  /** To be given as `after` for the next page; null on the last. */
  readonly next: string | null
  /** How many there are in all, before the search; null where that is not known. */
  readonly total: number | null
  readonly silent: readonly string[]
}

/** One principal in a room. */
export interface Member {
  readonly issuer: string
  readonly subject: string
  readonly sockets: readonly { readonly socketId: string; readonly node: string; readonly by: RoomHold['by'] | null }[]
  /** When the last of its sockets leaves by itself, epoch seconds; null for no end. */
  readonly expiresAt: number | null
}

/** Who is in a room. */
export interface Members {
  readonly members: readonly Member[]
  /** True when there are more than are listed, or nodes that have not answered. */
  readonly partial: boolean
}

/** One decision, as the audit log has it. */
export interface DecisionEvent {
  readonly id: string
  /** Epoch seconds, with a fraction. */
  readonly at: number
  readonly stage: string
  readonly namespace: string | null
  readonly room?: string | undefined
  readonly event?: string | undefined
  readonly address?: string | undefined
  readonly socketId?: string | undefined
  readonly identity: Principal | null
  readonly effect: 'permit' | 'deny'
  readonly code: string | null
  readonly rule: string
  readonly reason?: string | undefined
  readonly tookUs: number
}

/** Which decisions are wanted; what is absent is not asked about. */
export interface DecisionFilter {
  readonly effect?: 'permit' | 'deny'
  readonly code?: string
  readonly stage?: string
  readonly namespace?: string
  readonly subject?: string
  readonly issuer?: string
}

/** Some decisions, oldest first. */
export interface DecisionBatch {
  readonly events: readonly DecisionEvent[]
  /** To be given as `after`, so that nothing comes twice and nothing is left out. */
  readonly next: string
  /** How many since `after` were overwritten before they could be read. */
  readonly missed: number
}

/** The decisions of this node. */
export interface Decisions {
  /** Those after the cursor; without one, the last `limit`. */
  read(query: DecisionFilter & { readonly after?: string; readonly limit: number }): DecisionBatch
  /** Calls back in a later tick when there are new ones, at any rate. Returns what ends it. */
  subscribe(listener: () => void): () => void
}

/** One check, as it was made. `none`: it had nothing to say. */
export interface Step {
  readonly rule: string
  readonly effect: 'permit' | 'deny' | 'none'
  readonly code: string | null
  readonly reason?: string | undefined
  readonly tookUs: number
}

/** The checks in the order in which they are made, and what came of them. `none`: it cannot be answered here. */
export interface Explanation {
  readonly effect: 'permit' | 'deny' | 'none'
  readonly code: string | null
  readonly rule: string
  readonly steps: readonly Step[]
  readonly identity: Principal | null
  readonly at: number
  readonly notes: readonly string[]
}

/** Who asked for a revocation at the inspector, for the source's own log. */
export interface Asker {
  readonly operator: string
}

/** How a revocation is carried out, and who asked for it. */
export interface RevokeChoice extends Asker {
  /** How long connected sockets may go on. Milliseconds, default 0. */
  readonly graceMs?: number
}

/** What became of a revocation on each node. */
export interface ReceiptInfo {
  readonly id: string
  readonly complete: boolean
  readonly nodes: readonly {
    readonly node: string
    readonly state: 'applied' | 'fenced' | 'pending'
    readonly closed: number
  }[]
  readonly closed: number
}

/** What one of two policies said. */
export interface Verdict {
  readonly effect: 'permit' | 'deny'
  readonly code: string | null
  readonly rule: string
}

/** A decision on which the policy in force and the one in shadow differ. */
export interface ShadowDifference {
  /** Epoch seconds. */
  readonly at: number
  readonly stage: string
  readonly namespace: string | null
  readonly room?: string | undefined
  readonly event?: string | undefined
  readonly identity: Principal | null
  readonly enforced: Verdict
  readonly shadow: Verdict
}

/** Some differences, oldest first; see `DecisionBatch`. */
export interface ShadowBatch {
  readonly differences: readonly ShadowDifference[]
  readonly next: string
  readonly missed: number
}

/** Differences of the policy in shadow. */
export interface Shadow {
  /** Those after the cursor; without one, the last `limit`. */
  read(query: { readonly after?: string; readonly limit: number }): ShadowBatch
}

/**
 * Everything that the inspector knows, and the three things that it can do. Whatever objects the answers are, only the fields
 * named here leave the process. What it throws becomes a 503 for AUTH_UNAVAILABLE, a 400 for a `TypeError`, and a 500 else.
 */
export interface InspectorSource {
  overview(): Overview | Promise<Overview>
  connections(query: ConnectionsQuery): Promise<ConnectionsPage>
  /** Null when no such socket is connected. */
  connection(socketId: string): Promise<ConnectionInfo | null>
  members(namespace: string, room: string): Promise<Members>
  readonly decisions: Decisions
  explain(question: Question | DecisionQuestion): Promise<Explanation>
  revoke(key: RevocationKey, choice: RevokeChoice): Promise<ReceiptInfo>
  disconnect(key: RevocationKey, asker: Asker): Promise<ReceiptInfo>
  /** Null where no policy is in shadow. */
  readonly shadow: Shadow | null
}
