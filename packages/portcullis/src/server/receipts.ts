/** Receipts: which nodes have applied a revocation, and which can no longer serve anybody. */

import { type Clock, monotonicMs } from '../core/clock.ts'
import type { LogState, NodeState } from '../core/revocation-log.ts'
import type { KnownNode } from './status.ts'

/** What a revocation did on a node. */
export interface NodeReceipt {
  /** The name of the node, drawn at its start. */
  readonly node: string
  /**
   * `applied`: its sockets were closed, and later ones are refused. `fenced`: it was not heard of for so long that it must have
   * stopped serving by itself, if it still runs. `pending`: neither could be shown before `timeoutMs`.
   */
  readonly state: 'applied' | 'fenced' | 'pending'
  /** How many sockets that closed there; 0 where the node has not said. */
  readonly closed: number
}

/** Which nodes applied a revocation, and how many sockets that closed. */
export interface Receipt {
  /** Of the entry in the log. */
  readonly id: string
  /** True when no node could deliver anything to, or accept anything from, those under the key any more. */
  readonly complete: boolean
  /** Every node that could serve anybody at that moment. */
  readonly nodes: readonly NodeReceipt[]
  /** How many sockets were closed, on all of them together. */
  readonly closed: number
}

export interface Receipts {
  /** To be told of each answer of the log: when it was asked, and when it answered, by the monotonic clock. */
  learn(state: LogState, askedAtMs: number, atMs: number): void
  /** An entry stands in the log now: for the first time, or again after the log had lost it, and others had read it without. */
  kept(id: string): void
  /**
   * Resolves when every node is `applied` or `fenced`, or after `timeoutMs`. Which nodes there are must have been asked after
   * `durableAtMs`, when the entry was durable: one that began earlier may have read the log without it.
   */
  of(id: string, durableAtMs: number, timeoutMs: number): Promise<Receipt>
  /** The nodes that may be serving at this moment. */
  nodes(): readonly string[]
  /** Every node that the log named last. */
  known(): readonly KnownNode[]
}

/** Two clocks may differ in speed by a tenth, and a timer may be late: so much longer is a silent node waited for. */
const DRIFT = 1.1

/** No node was heard of longer ago than it was by the last answer, and the time since: the clock of the log may have been set. */
function heardOf(nodes: readonly NodeState[], before: readonly NodeState[], elapsedMs: number): readonly NodeState[] {
  const known = new Map(before.map(({ node, ageMs }) => [node, ageMs + elapsedMs]))
  return nodes.map((state) => ({ ...state, ageMs: Math.min(state.ageMs, known.get(state.node) ?? state.ageMs) }))
}

interface Waiting {
  readonly id: string
  /** Since when the entry has stood in the log without a break, as far as is known; by the monotonic clock. */
  sinceMs: number
  settle(): void
}

export function createReceipts(clock: Clock): Receipts {
  let nodes: readonly NodeState[] = []
  let askedMs = Number.NEGATIVE_INFINITY
  let learntAtMs = 0
  /** When the log knows every node that may be serving: not before, where it is new or has lost data, and so nodes. */
  let listsAllFromMs = Number.NEGATIVE_INFINITY
  const applied = new Map<string, ReadonlyMap<string, number>>()
  const waiting = new Set<Waiting>()

  /** How long a node has been silent, as far as the log knows. */
  function silentMs({ ageMs }: NodeState): number {
    return ageMs + monotonicMs(clock) - learntAtMs
  }

  function isLive(state: NodeState): boolean {
    return silentMs(state) < state.maxStalenessMs * DRIFT
  }

  /**
   * How long it takes until a node that stays silent is fenced; 0 or less when it is. What has not read an entry since it became
   * durable has stopped after `maxStalenessMs`, whatever the log says of it: a store that fails over may have lost its latest
   * heartbeat, and have another clock. So the log alone is believed after twice that time only.
   */
  function fencedInMs(state: NodeState, sinceMs: number): number {
    const fenceMs = state.maxStalenessMs * DRIFT
    return Math.min(sinceMs + fenceMs - monotonicMs(clock), 2 * fenceMs - silentMs(state))
  }

  function listedInMs(): number {
    return listsAllFromMs - monotonicMs(clock)
  }

  function stateOf(id: string, sinceMs: number): Receipt {
    const by = applied.get(id)
    const receipts = nodes.map((state): NodeReceipt => {
      const closed = by?.get(state.node)
      if (closed !== undefined) return { node: state.node, state: 'applied', closed }
      return { node: state.node, state: fencedInMs(state, sinceMs) <= 0 ? 'fenced' : 'pending', closed: 0 }
    })
    return {
      id,
      complete: askedMs >= sinceMs && listedInMs() <= 0 && receipts.every(({ state }) => state !== 'pending'),
      nodes: receipts,
      closed: receipts.reduce((sum, { closed }) => sum + closed, 0),
    }
  }

  return {
    learn(state, askedAtMs, atMs) {
      const longest = Math.max(0, ...[...nodes, ...state.nodes].map(({ maxStalenessMs }) => maxStalenessMs))
      const ageMs = state.rewound ? 0 : Math.max(0, state.ageMs)
      listsAllFromMs = Math.max(listsAllFromMs, atMs + longest * DRIFT - ageMs)
      nodes = heardOf(state.nodes, nodes, atMs - learntAtMs)
      askedMs = askedAtMs
      learntAtMs = atMs
      for (const [id, by] of state.applied) applied.set(id, by)
      for (const { settle } of [...waiting]) settle()
    },
    kept(id) {
      for (const entry of waiting) if (entry.id === id) entry.sinceMs = monotonicMs(clock)
    },
    of(id, durableAtMs, timeoutMs) {
      return new Promise((resolve) => {
        const endMs = monotonicMs(clock) + timeoutMs
        let cancel = () => {}
        const settle = () => {
          cancel()
          const { sinceMs } = entry
          const receipt = stateOf(id, sinceMs)
          const leftMs = endMs - monotonicMs(clock)
          if (receipt.complete || leftMs <= 0) {
            waiting.delete(entry)
            applied.delete(id)
            resolve(receipt)
            return
          }
          // Without an answer from the log, time alone fences a node.
          const silent = nodes
            .filter(({ node }) => !applied.get(id)?.has(node))
            .map((state) => fencedInMs(state, sinceMs))
          const nextMs = Math.min(leftMs, ...[...silent, listedInMs()].filter((ms) => ms > 0))
          cancel = clock.setTimer(settle, Math.ceil(nextMs))
        }
        const entry: Waiting = { id, sinceMs: durableAtMs, settle }
        waiting.add(entry)
        settle()
      })
    },
    nodes: () => nodes.filter(isLive).map(({ node }) => node),
    known: () =>
      nodes.map((state) => ({
        node: state.node,
        state: isLive(state) ? 'live' : 'silent',
        seenMsAgo: Math.round(silentMs(state)),
      })),
  }
}
