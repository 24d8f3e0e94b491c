/** Authority across nodes: revocations written and applied, receipts, and the question who is connected. */

import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import { type Clock, monotonicMs } from '../core/clock.ts'
import type { Revocation, RevocationKey } from '../core/revocation.ts'
import type { RevocationLog } from '../core/revocation-log.ts'
import { type AnswerTo, type ClusterAsk, createClusterAsk } from './cluster-ask.ts'
import { withDeadline } from './deadline.ts'
import { createFollower } from './follower.ts'
import type { Guard } from './guard.ts'
import { createReceipts, type Receipt } from './receipts.ts'
import type { Entry } from './registry.ts'
import type { OnError } from './report.ts'
import { applyEntry, type DisconnectOptions, disconnectEntry, type RevokeOptions, revokeEntry } from './revoke.ts'
import { countSockets, type Status } from './status.ts'
import { createSuspension } from './suspension.ts'

export interface AuthorityOptions {
  readonly log: RevocationLog
  readonly clock: Clock
  readonly onError: OnError
  readonly maxStalenessMs: number
  readonly suspendedForMs: number
  /** The longest-lived credential so far; decides how long a revocation is remembered. */
  readonly maxLifetimeSeconds: () => number
  /** The guard that asks this authority, once there is one. */
  readonly guard: () => Guard
  /** What this node answers to others, by kind of question. */
  readonly handlers: Readonly<Record<string, AnswerTo>>
}

export interface Authority {
  /** The name of this node, in receipts and answers. */
  readonly node: string
  isFresh(): boolean
  ready(): Promise<void>
  revoke(key: RevocationKey, options: RevokeOptions): Promise<Receipt>
  disconnect(key: RevocationKey, options: DisconnectOptions): Promise<Receipt>
  /** Disconnects the other connections of its principal that are older. */
  replaceOthers(entry: Entry): Promise<Receipt>
  readonly ask: ClusterAsk['ask']
  /** What this node knows of itself; `drainedSinceMs` is when it began to drain, by the monotonic clock, or null. */
  status(drainedSinceMs: number | null): Status
  close(): Promise<void>
}

/** A fence takes as long as a node may stay silent, and a tenth for clocks that differ in speed; then a second for the rest. */
const FENCE_MARGIN_MS = 1_000

export function createAuthority(options: AuthorityOptions): Authority {
  const { log, clock, onError, maxStalenessMs, guard } = options
  const node = `${hostname()}-${process.pid}-${randomBytes(4).toString('hex')}`
  const receipts = createReceipts(clock)
  const suspension = createSuspension(guard, options.suspendedForMs)
  /** What entries of this node closed here when they were made, until they are read in the log. */
  const own = new Map<string, number>()
  /** Disconnections that were applied, until they expire; epoch seconds. */
  const disconnected = new Map<string, number>()

  function apply(entry: Revocation, again: boolean): number {
    const closed = own.get(entry.id)
    if (closed !== undefined) {
      own.delete(entry.id)
      return closed
    }
    if (entry.effect === 'disconnect') {
      const nowSeconds = clock.now() / 1000
      for (const [id, expiresAt] of disconnected) if (expiresAt <= nowSeconds) disconnected.delete(id)
      if (disconnected.has(entry.id)) return refuse(again)
      disconnected.set(entry.id, entry.expiresAt)
    } else if (guard().revocations.knows(entry)) {
      return refuse(again)
    }
    return applyEntry(guard(), entry)
  }

  function refuse(again: boolean): number {
    if (!again) onError(new Error('an entry of the revocation log was refused: replayed'), 'revocations')
    return 0
  }

  const follower = createFollower({
    log,
    clock,
    onError,
    node,
    maxStalenessMs,
    apply,
    inForce: () => guard().revocations.live(),
    onStale: suspension.suspend,
    onFresh: suspension.resume,
    onState: receipts.learn,
    onKept: receipts.kept,
    onMessage(text) {
      try {
        ask.receive(text)
      } catch (error) {
        onError(error, 'bus')
      }
    },
  })
  const ask = createClusterAsk({
    node,
    clock,
    onError,
    handlers: options.handlers,
    nodes: receipts.nodes,
    look: follower.look,
    publish: follower.publish,
  })

  /** Here at once, whatever becomes of the log; everywhere as soon as it is durable. */
  async function enact(entry: Revocation, timeoutMs = maxStalenessMs * 1.1 + FENCE_MARGIN_MS): Promise<Receipt> {
    const endMs = monotonicMs(clock) + timeoutMs
    own.set(entry.id, applyEntry(guard(), entry))
    const forget = follower.awaitApplied(entry.id)
    try {
      await withDeadline(follower.append(entry), timeoutMs, clock)
      const sinceMs = monotonicMs(clock)
      follower.look().catch(() => {})
      return await receipts.of(entry.id, sinceMs, Math.max(0, endMs - monotonicMs(clock)))
    } finally {
      forget()
    }
  }

  return {
    node,
    isFresh: follower.isFresh,
    ready: follower.ready,
    async revoke(key, given) {
      return enact(revokeEntry(key, given, clock.now() / 1000, options.maxLifetimeSeconds()), given.timeoutMs)
    },
    async disconnect(key, given) {
      return enact(disconnectEntry(key, given, clock.now() / 1000), given.timeoutMs)
    },
    async replaceOthers({ identity: { issuer, subject }, connection, since }) {
      const exceptSocket = connection.engineSocket.id
      // Two that came in the same millisecond both stay, rather than end each other.
      return enact(disconnectEntry({ issuer, subject }, { exceptSocket }, clock.now() / 1000, since - 0.001))
    },
    ask: ask.ask,
    status(drainedSinceMs) {
      const { stage, sinceMs, failures, unwritten, lastReadMsAgo } = follower.state()
      const isDraining = drainedSinceMs !== null && stage !== 'closed'
      return {
        node,
        state: isDraining ? 'draining' : stage === 'stale' ? 'suspended' : stage,
        sinceSeconds: Math.max(0, monotonicMs(clock) - (isDraining ? drainedSinceMs : sinceMs)) / 1000,
        ...countSockets(guard().registry),
        nodes: receipts.known(),
        revocations: guard().revocations.size,
        log: { shared: log.shared, lastReadMsAgo, failures, unwritten },
      }
    },
    async close() {
      suspension.close()
      await follower.close()
    },
  }
}
