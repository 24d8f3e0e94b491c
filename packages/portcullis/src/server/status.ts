/** What a node knows of itself at this moment, for readiness and metrics: no question is asked to anybody. */

import type { Registry } from './registry.ts'

/**
 * `starting`: the revocation log was not read yet, and nobody is admitted. `suspended`: it was not read for too long, and nobody is
 * served. `draining`: those who are connected are served until they are let go, and nobody else.
 */
export type NodeStage = 'starting' | 'fresh' | 'suspended' | 'draining' | 'closed'

/** Another node, or this one, as the revocation log last knew it. */
export interface KnownNode {
  readonly node: string
  /** `silent`: it was not heard of for so long that it must have stopped serving, if it still runs. */
  readonly state: 'live' | 'silent'
  readonly seenMsAgo: number
}

/** The state of a node. Plain JSON. */
export interface Status {
  readonly node: string
  readonly state: NodeStage
  /** For how long it has been so. Seconds, with a fraction. */
  readonly sinceSeconds: number
  /** Connected sockets under a policy. */
  readonly sockets: number
  /** Sockets whose connect is being decided. */
  readonly connecting: number
  /** Connected sockets, by namespace; those without any are left out. */
  readonly namespaces: Readonly<Record<string, number>>
  readonly nodes: readonly KnownNode[]
  /** Names under which a revocation is in force here. */
  readonly revocations: number
  readonly log: LogStatus
}

/** How this node stands with the revocation log. */
export interface LogStatus {
  /** False for one process alone. */
  readonly shared: boolean
  /** When the last reading that succeeded began; null before the first. */
  readonly lastReadMsAgo: number | null
  /** Readings that failed since. */
  readonly failures: number
  /** Revocations that are in force here and that the log has not taken yet. */
  readonly unwritten: number
}

/** Costs a look at every socket: some 20 µs for each thousand. */
export function countSockets(registry: Registry): Pick<Status, 'sockets' | 'connecting' | 'namespaces'> {
  const counts = new Map<string, number>()
  let sockets = 0
  let connecting = 0
  for (const { state, namespace } of registry.all()) {
    if (state === 'connecting') connecting += 1
    if (state !== 'connected') continue
    sockets += 1
    counts.set(namespace, (counts.get(namespace) ?? 0) + 1)
  }
  return { sockets, connecting, namespaces: Object.fromEntries(counts) }
}
