/** `sourceOf`: the inspector's source, made of what an application has. */

import type { Auth, DecisionLog, Identity, ReadOptions, RevocationKey } from 'portcullis'
import { searchConnections } from './search.ts'
import type { InspectorSource, Members, NodeLine, Overview, Shadow } from './source.ts'

/** What `sourceOf` is made of. */
export interface SourceOptions<I extends Identity = Identity> {
  readonly auth: Pick<Auth<I>, 'connection' | 'connections' | 'disconnect' | 'explain' | 'revoke' | 'status'>
  /** Made by `decisionLog()`; its `sink` is the `audit` of `createAuth`. */
  readonly decisions: DecisionLog
  /** Stands at the top of the page. */
  readonly title: string
  /** Shown beside the time since the start. Default: none. */
  readonly version?: string
  /** Made by `shadowLog()`. Default: no policy is in shadow. */
  readonly shadow?: Shadow
  /** Who is in a room, where something knows better than the first 10,000 connections of the namespace. */
  readonly presence?: { members(namespace: string, room: string): Promise<Members> }
  /** Hears who revokes what at the page, before it is done; where it throws or rejects, it is not done. Default: nobody. */
  readonly onRevoke?: (act: OperatorAct) => unknown
}

/** What an operator does at the page. */
export interface OperatorAct {
  readonly operator: string
  readonly effect: 'revoke' | 'disconnect'
  /** Whom it is about; null for a session, whose id is a credential. */
  readonly key: RevocationKey | null
}

/** What other nodes say of themselves is asked for no more often than this. */
const COUNTS_KEPT_MS = 2_000

/**
 * Makes an inspector's source of a guard and its decision log.
 *
 * @throws TypeError quoting the option
 * @example createInspector({ source: sourceOf({ auth, decisions, title: 'Chat' }), users, secret })
 */
export function sourceOf<I extends Identity>(options: SourceOptions<I>): InspectorSource {
  const { auth, decisions, title, version = null, shadow = null, presence, onRevoke = () => {} } = options
  if (typeof title !== 'string' || title === '') throw new TypeError('"title" must be a non-empty string')
  if (typeof auth?.connections !== 'function') throw new TypeError('"auth" must be made by createAuth')
  if (typeof decisions?.read !== 'function') throw new TypeError('"decisions" must be made by decisionLog')
  const startedAt = Date.now() / 1000 - process.uptime()
  const { connectionsPage, membersOf } = searchConnections(auth)
  let counted: { readonly atMs: number; readonly nodes: Promise<ReadonlyMap<string, number>> } | null = null

  function countNodes(): Promise<ReadonlyMap<string, number>> {
    const atMs = performance.now()
    if (counted === null || atMs - counted.atMs > COUNTS_KEPT_MS) {
      const nodes = auth.connections({ limit: 1 }).then(
        (page) => new Map(page.nodes.map(({ node, connections }) => [node, connections] as const)),
        () => new Map<string, number>(),
      )
      counted = { atMs, nodes }
    }
    return counted.nodes
  }

  return {
    async overview(): Promise<Overview> {
      const { node, state, sockets, namespaces, nodes } = auth.status()
      const counts = await countNodes()
      const lines = nodes.map((each): NodeLine => ({ ...each, sockets: counts.get(each.node) ?? null }))
      const own: NodeLine = { node, state, seenMsAgo: 0, sockets }
      const others = lines.filter((each) => each.node !== node)
      return { title, version, startedAt, node, state, sockets, namespaces, nodes: [own, ...others] }
    },
    connections: connectionsPage,
    connection: (socketId) => auth.connection(socketId),
    members: (namespace, room) =>
      presence === undefined ? membersOf(namespace, room) : presence.members(namespace, room),
    decisions: {
      // A code or stage that the library does not know matches nothing.
      read: (query) => decisions.read(query as ReadOptions),
      subscribe: (listener) => decisions.subscribe(listener),
    },
    explain: (question) => auth.explain(question),
    async revoke(key, { operator, ...choice }) {
      await onRevoke({ operator, effect: 'revoke', key: tellable(key) })
      return auth.revoke(key, choice)
    },
    async disconnect(key, { operator }) {
      await onRevoke({ operator, effect: 'disconnect', key: tellable(key) })
      return auth.disconnect(key)
    },
    shadow,
  }
}

function tellable(key: RevocationKey): RevocationKey | null {
  return 'session' in key ? null : key
}
