/** Rooms that follow from relations, looked at again: of a principal, of a room, of everybody; here and on other nodes. */

import {
  type NodeReconciliation,
  type ReconcileBody,
  type ReconcileOptions,
  type ReconcileTarget,
  type Reconciliation,
  readTarget,
} from '../core/reconciliation.ts'
import type { Answer, Answers, AnswerTo, ClusterAsk } from './cluster-ask.ts'
import type { Guard, MembershipWatch } from './guard.ts'
import { type Asked, createMembershipQueue } from './membership-queue.ts'
import { type Entry, nameOf } from './registry.ts'

/** The kind of question on the bus. */
export const RECONCILE = 'reconcile'

/** The node that reconciles, and how it asks the others. */
export interface Cluster {
  readonly node: string
  readonly ask: ClusterAsk['ask']
}

export interface MembershipKeeper extends MembershipWatch {
  /** What this node does when it is asked, by itself or by others. */
  readonly answer: AnswerTo
  /** See `Auth.reconcile`. */
  reconcile(cluster: Cluster, target: ReconcileTarget, options?: ReconcileOptions): Promise<Reconciliation>
  close(): void
}

const TIMEOUT_MS = 5_000

export function createMembershipKeeper(guard: () => Guard): MembershipKeeper {
  const queue = createMembershipQueue(guard)

  function entriesOf(body: ReconcileBody): readonly Entry[] {
    const { registry } = guard()
    if ('subject' in body) return [...registry.under(nameOf(body))]
    if ('everyone' in body) return [...registry.all()]
    const { room, namespace } = body
    // What a connecting one will hold is not known yet.
    return [...registry.all()].filter(
      (entry) =>
        (namespace === null || entry.namespace === namespace) &&
        (entry.state === 'connecting' || entry.memberships.includes(room)),
    )
  }

  async function askHere(body: ReconcileBody): Promise<Answer> {
    const lane = 'everyone' in body ? 'all' : 'named'
    return [sumOf(await Promise.all(entriesOf(body).map((entry) => queue.ask(entry, lane))))]
  }

  return {
    async answer(body) {
      const target = readTarget(body.target)
      return target === null ? [] : askHere(target)
    },
    async reconcile({ node, ask }, target, options = {}) {
      const body = readTarget(target)
      if (body === null) {
        throw new TypeError(
          'reconcile: the target must be { issuer, subject }, { room, namespace? } or { everyone: true }',
        )
      }
      const { thisNodeOnly = false, timeoutMs = TIMEOUT_MS } = options
      if (typeof thisNodeOnly !== 'boolean') throw new TypeError('"thisNodeOnly" must be true or false')
      if (!(timeoutMs > 0 && timeoutMs < 2 ** 31)) {
        throw new TypeError('"timeoutMs" must be a number of milliseconds above 0 and below 2^31')
      }
      if (thisNodeOnly) return toReconciliation({ by: new Map([[node, await askHere(body)]]), silent: [] })
      return toReconciliation(await ask(RECONCILE, { target }, timeoutMs))
    },
    connected: queue.connected,
    missed: () => void askHere({ everyone: true }),
    close: queue.close,
  }
}

function sumOf(all: readonly Asked[]): Omit<NodeReconciliation, 'node'> {
  const asked = all.filter((each) => each !== null)
  return {
    sockets: asked.length,
    joined: asked.reduce((sum, { joined }) => sum + joined, 0),
    left: asked.reduce((sum, { left }) => sum + left, 0),
    undecided: asked.filter(({ undecided }) => undecided).length,
  }
}

function toReconciliation({ by, silent }: Answers): Reconciliation {
  const nodes = [...by].flatMap(([node, answer]) =>
    (answer as readonly Omit<NodeReconciliation, 'node'>[]).map((each) => ({ ...each, node })),
  )
  return { nodes, partial: silent.length > 0 || nodes.some(({ undecided }) => undecided > 0), silent }
}
