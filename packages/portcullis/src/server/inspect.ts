/** Looking at a running guard: explanations, who is connected, and how a second policy compares. */

import type { Namespace, Server } from 'socket.io'
import type { CompiledPolicy } from '../core/compiled-policy.ts'
import {
  type ConnectionInfo,
  type Connections,
  type ConnectionsOptions,
  readConnectionsOptions,
} from '../core/connections.ts'
import type { AnswerTo, ClusterAsk } from './cluster-ask.ts'
import {
  answerConnection,
  answerConnections,
  CONNECTION,
  CONNECTIONS,
  toConnection,
  toConnections,
} from './connections.ts'
import { createExplain, type Explain } from './explain.ts'
import type { DecisionMemory } from './explain-memory.ts'
import type { Guard } from './guard.ts'

export interface InspectionOptions {
  readonly guard: () => Guard
  readonly memory: DecisionMemory
  readonly servers: () => Iterable<Server>
  /** This node among the others, once there is one. */
  readonly cluster: () => { readonly node: string; readonly ask: ClusterAsk['ask'] }
}

export interface Inspection {
  readonly explain: Explain
  connections(options?: ConnectionsOptions): Promise<Connections>
  connection(socketId: string): Promise<ConnectionInfo | null>
  /** What this node answers to others. */
  readonly handlers: Readonly<Record<string, AnswerTo>>
}

/** Longer than this, whoever asks who is connected takes what has come. */
const TIMEOUT_MS = 500

export function createInspection({ guard, memory, servers, cluster }: InspectionOptions): Inspection {
  function find(name: string): { readonly namespace: Namespace; readonly policy: CompiledPolicy } | undefined {
    for (const io of servers()) {
      const namespace = io._nsps.get(name)
      const policy = namespace && guard().policyOf(namespace)
      if (policy !== undefined) return { namespace: namespace as Namespace, policy }
    }
    return undefined
  }

  return {
    explain: (question) => createExplain({ guard: guard(), memory, find })(question),
    async connections(options = {}) {
      const body = readConnectionsOptions(options)
      return toConnections(await cluster().ask(CONNECTIONS, { ...body }, TIMEOUT_MS), body)
    },
    async connection(socketId) {
      if (typeof socketId !== 'string' || socketId === '') throw new TypeError('connection: the id must be a string')
      const own = answerConnection(guard().registry, cluster().node, socketId)
      if (own.length > 0) return own[0] as ConnectionInfo
      return toConnection(await cluster().ask(CONNECTION, { socketId }, TIMEOUT_MS))
    },
    handlers: {
      [CONNECTIONS]: async (body) => answerConnections(guard().registry, cluster().node, body),
      [CONNECTION]: async ({ socketId }) => answerConnection(guard().registry, cluster().node, socketId),
    },
  }
}

const DEFAULT_KEEP = 1_024
const MAX_KEEP = 1_000_000

/** How many decisions are remembered for explanations. @throws TypeError quoting the option */
export function keepOf(explain: unknown): number {
  if (explain === undefined) return DEFAULT_KEEP
  if (typeof explain !== 'object' || explain === null) throw new TypeError('"explain" must be an object')
  for (const option of Object.keys(explain)) {
    if (option !== 'keep') throw new TypeError(`"explain.${option}" is not an option of createAuth`)
  }
  const { keep = DEFAULT_KEEP } = explain as { readonly keep?: unknown }
  if (typeof keep !== 'number' || !Number.isInteger(keep) || keep < 0 || keep > MAX_KEEP) {
    throw new TypeError(`"explain.keep" must be a whole number from 0 to ${MAX_KEEP}`)
  }
  return keep
}
