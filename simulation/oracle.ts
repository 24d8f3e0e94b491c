/** What must hold, judged by somebody who sees every clock and every store: who may still be served at this moment. */

import type { Revocation } from '../packages/portcullis/src/core/revocation.ts'
import type { Receipt } from '../packages/portcullis/src/server/receipts.ts'
import type { Token } from './tokens.ts'

/** A socket as it is served. */
export interface Served {
  readonly node: string
  /** The node's wall clock, epoch seconds. */
  readonly nodeSeconds: number
  /** The same as if that clock had never been set forward: ends of leases are looked for once a minute then. */
  readonly leastSeconds: number
  readonly token: Token
  readonly socketId: string
  readonly engineId: string
  /** When it connected, by the node's wall clock as it was furthest ahead; epoch seconds. */
  readonly since: number
  /** The same in world time. */
  readonly sinceMs: number
}

interface Known {
  readonly entry: Revocation
  /** When it was ordered; world time. */
  readonly madeAtMs: number
  /** Since when it has stood in the log; world time. Null while it does not. */
  keptAtMs: number | null
  /** When a complete receipt resolved, unless the log has lost the entry since. */
  coveredAtMs: number | null
  /** Nodes that have said so, or that made it. */
  readonly appliedBy: Set<string>
}

/** What is about to be ordered: it may end sockets before it is written. */
export interface Order {
  readonly name: string
  /** Epoch seconds; of no meaning for a disconnection. */
  readonly issuedBefore: number
  readonly effect: 'revoke' | 'disconnect'
  /** By the clock of the node that is told; epoch seconds. */
  readonly at: number
}

export interface Oracle {
  /** To be called at the very moment. */
  ordered(order: Order): void
  /** A node wrote this entry, and has it in force. */
  made(node: string, text: string): void
  kept(text: string): void
  lost(id: string): void
  received(receipt: Receipt): void
  /** Something of the application was delivered to, or accepted from, this socket. */
  served(what: string, socket: Served): void
  /** A client was told that its authority has ended. */
  ended(code: string, token: Token, nodeSeconds: number): void
  /** Revocations that every node must have in force once all is well: of those that the log has lost, what one of `nodes` knows. */
  binding(nodes: readonly string[]): readonly Revocation[]
  covers(token: Token): boolean
}

export interface OracleOptions {
  readonly nowMs: () => number
  /** Told of everything that must not be. */
  readonly violated: (what: string) => void
  /** A node by the name that receipts have for it. */
  readonly nodeOf: (name: string) => string | undefined
  /** How long a node may serve after an entry stands in the log, in world time. */
  readonly stalenessMs: number
  /** Every connect may end others. */
  readonly singleConnection: boolean
}

/** Leases and graces end in steps of a second. */
const STEP_SECONDS = 1.001

export function createOracle({ nowMs, violated, nodeOf, stalenessMs, singleConnection }: OracleOptions): Oracle {
  /** By how much the end of a lease may be late: a process that was paused for longer is stale. */
  const lateSeconds = STEP_SECONDS + stalenessMs / 1000
  const byName = new Map<string, Known[]>()
  const byId = new Map<string, Known>()

  const orders: (Order & { readonly atMs: number })[] = []

  function know(text: string): Known {
    const entry = JSON.parse(text) as Revocation
    const known = byId.get(entry.id)
    if (known !== undefined) return known
    const order = orders.find(({ name, at }) => name === entry.name && at === entry.at)
    // A connection that ends others is nobody's order, and ends those that are older than itself.
    const fresh: Known = {
      entry,
      madeAtMs: order?.atMs ?? Number.NEGATIVE_INFINITY,
      keptAtMs: null,
      coveredAtMs: null,
      appliedBy: new Set(),
    }
    byId.set(entry.id, fresh)
    byName.set(entry.name, [...(byName.get(entry.name) ?? []), fresh])
    return fresh
  }

  function under({ names }: Token): Known[] {
    return names.flatMap((name) => byName.get(name) ?? [])
  }

  function reaches(
    { entry, madeAtMs }: Known,
    { token, socketId, engineId, since, sinceMs, leastSeconds }: Served,
  ): boolean {
    if (entry.exceptSocket === socketId || entry.exceptSocket === engineId) return false
    if (entry.effect === 'disconnect') return since <= entry.issuedBefore && sinceMs < madeAtMs
    if (entry.graceMs > 0 && leastSeconds < entry.at + entry.graceMs / 1000 + lateSeconds) return false
    return token.issuedAt < entry.issuedBefore
  }

  function whyNot({ entry, keptAtMs, coveredAtMs, appliedBy }: Known, { node }: Served): string | null {
    if (appliedBy.has(node)) return 'this node had applied it'
    if (coveredAtMs !== null) return `its receipt came ${Math.round(nowMs() - coveredAtMs)} ms before`
    if (keptAtMs === null || nowMs() <= keptAtMs + stalenessMs + entry.graceMs) return null
    return `it had stood in the log for ${Math.round(nowMs() - keptAtMs)} ms`
  }

  return {
    ordered: (order) => void orders.push({ ...order, atMs: nowMs() }),
    made(node, text) {
      know(text).appliedBy.add(node)
    },
    kept(text) {
      know(text).keptAtMs = nowMs()
    },
    lost(id) {
      const known = byId.get(id)
      if (known !== undefined) Object.assign(known, { keptAtMs: null, coveredAtMs: null })
    },
    received({ id, complete, nodes }) {
      const known = byId.get(id)
      if (known === undefined) return
      for (const { node, state } of nodes) if (state === 'applied') known.appliedBy.add(nodeOf(node) ?? node)
      if (complete && known.keptAtMs !== null) known.coveredAtMs = nowMs()
    },
    served(what, socket) {
      for (const known of under(socket.token)) {
        const why = reaches(known, socket) ? whyNot(known, socket) : null
        if (why === null) continue
        violated(`${what} ${socket.token.value} on ${socket.node}: revoked by ${known.entry.name}, and ${why}`)
      }
      const { expiresAt } = socket.token
      if (expiresAt !== null && socket.leastSeconds > expiresAt + lateSeconds) {
        violated(`${what} ${socket.token.value} on ${socket.node}: expired long ago`)
      }
    },
    ended(code, token, nodeSeconds) {
      const written = under(token).map(({ entry }) => entry)
      const effects = [...orders, ...written].filter(({ name }) => token.names.includes(name))
      const isSo =
        code === 'AUTH_REVOKED'
          ? effects.some(({ effect, issuedBefore }) => effect === 'revoke' && token.issuedAt < issuedBefore)
          : code === 'AUTH_REPLACED'
            ? singleConnection || effects.some(({ effect }) => effect === 'disconnect')
            : code !== 'AUTH_EXPIRED' || (token.expiresAt !== null && token.expiresAt <= nodeSeconds)
      if (!isSo) violated(`${token.value} was told ${code}, and nothing had ended it`)
    },
    binding: (nodes) =>
      [...byId.values()].flatMap(({ entry, keptAtMs, appliedBy }) =>
        entry.effect === 'revoke' && (keptAtMs !== null || nodes.some((node) => appliedBy.has(node))) ? [entry] : [],
      ),
    covers: (token) =>
      under(token).some(({ entry }) => entry.effect === 'revoke' && token.issuedAt < entry.issuedBefore),
  }
}
