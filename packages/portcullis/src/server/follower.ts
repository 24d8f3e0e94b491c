/** Reads the revocation log again and again, so that this node knows at every moment whether it has heard of the latest. */

import { type Clock, monotonicMs } from '../core/clock.ts'
import { readEntry, writeEntry } from '../core/log-entry.ts'
import type { Revocation } from '../core/revocation.ts'
import type { Applied, Cursor, LogState, RevocationLog, Unsubscribe } from '../core/revocation-log.ts'
import { AuthError } from '../errors.ts'
import { withDeadline } from './deadline.ts'
import type { OnError } from './report.ts'
import type { LogStatus } from './status.ts'

export interface FollowerOptions {
  readonly log: RevocationLog
  readonly clock: Clock
  readonly onError: OnError
  /** Unique for each guard of each process. */
  readonly node: string
  readonly maxStalenessMs: number
  /**
   * Puts an entry into force and answers how many sockets it closed. `again` when the log is being read from its start once more,
   * so that entries that were seen before are to be expected.
   */
  readonly apply: (entry: Revocation, again: boolean) => number
  /** What this node has in force, to be written again when the log has lost it. */
  readonly inForce: () => Iterable<Revocation>
  /** This node can no longer prove that it has heard of every revocation. Called once, until `onFresh`. */
  readonly onStale: () => void
  /** It can again, and has applied all that it had missed. */
  readonly onFresh: () => void
  readonly onMessage: (text: string) => void
  /** Each answer of the log, after its entries were applied: when it was asked and when it answered, by the monotonic clock. */
  readonly onState: (state: LogState, askedAtMs: number, atMs: number) => void
  /** The log took this entry: for the first time, or again after it had lost it. */
  readonly onKept: (id: string) => void
}

export interface Follower {
  /** True while everything that the log held `maxStalenessMs` ago at the latest has been applied. */
  isFresh(): boolean
  /** Resolves when fresh. @throws AuthError AUTH_UNAVAILABLE */
  ready(): Promise<void>
  /** Keeps the entry until the log has it, trying again after failures. Resolves when it does. */
  append(entry: Revocation): Promise<void>
  /** Reads now; resolves when what stood in the log at the call has been applied. Rejects when the log fails. */
  look(): Promise<void>
  /** From now on the acknowledgements of this entry are read too; the returned function ends that. */
  awaitApplied(id: string): () => void
  publish(text: string): Promise<void>
  state(): FollowerState
  close(): Promise<void>
}

/** Times are by the monotonic clock. */
export interface FollowerState extends Pick<LogStatus, 'failures' | 'unwritten' | 'lastReadMsAgo'> {
  readonly stage: 'starting' | 'fresh' | 'stale' | 'closed'
  /** When this stage began. */
  readonly sinceMs: number
}

/** How many heartbeats there are within `maxStalenessMs`: so many may be lost before a node suspends. */
const BEATS = 5
const MAX_BEAT_MS = 1_000
const MIN_RETRY_MS = 50
/** An entry that the log has not taken is kept for this long, or until it expires. */
const MAX_OUTBOX = 10_000

/** Starts at once. */
export function createFollower(options: FollowerOptions): Follower {
  const { log, clock, onError, node, maxStalenessMs } = options
  const beatMs = Math.min(MAX_BEAT_MS, maxStalenessMs / BEATS)
  const awaiting = new Set<string>()
  const outbox = new Map<string, { readonly entry: Revocation; readonly kept: Settleable }>()
  /** Entries that the log took, and that were not read there yet: a store that fails over may lose them behind one's back. */
  const unread = new Map<string, Revocation>()
  let applied: Applied[] = []
  let cursor: Cursor | null = null
  /** Ids read since the log was last read from its start; null unless that is under way. */
  let reread: Set<string> | null = null
  let freshUntilMs = Number.NEGATIVE_INFINITY
  let state: FollowerState['stage'] = 'starting'
  let sinceMs = monotonicMs(clock)
  let lastReadMs: number | null = null
  let looking: Promise<void> | null = null
  let again = false
  let failures = 0
  let cancelBeat = () => {}
  let cancelStale = () => {}
  let unlisten: Unsubscribe | null = null
  const first = settleable()

  function isFresh(): boolean {
    if (state !== 'fresh') return false
    if (!log.shared || monotonicMs(clock) < freshUntilMs) return true
    // The timer is late, as after a pause of the process.
    becomeStale()
    return false
  }

  function enter(next: FollowerState['stage']): void {
    state = next
    sinceMs = monotonicMs(clock)
  }

  function becomeStale(): void {
    cancelStale()
    if (state !== 'fresh') return
    enter('stale')
    options.onStale()
  }

  function becomeFresh(readAtMs: number): void {
    if (state === 'closed') return
    freshUntilMs = readAtMs + maxStalenessMs
    cancelStale()
    if (log.shared) {
      // Read too slowly to be of use: the next reading may be quicker.
      if (freshUntilMs <= monotonicMs(clock)) return
      watch()
    }
    if (state === 'fresh') return
    enter('fresh')
    options.onFresh()
  }

  /** A timer of Node's may fire a little before its time by another clock; then the rest is waited for. */
  function watch(): void {
    const leftMs = Math.max(1, Math.ceil(freshUntilMs - monotonicMs(clock)))
    cancelStale = clock.setTimer(() => {
      if (isFresh()) watch()
    }, leftMs)
  }

  function look(): Promise<void> {
    if (state === 'closed') return Promise.reject(new AuthError('AUTH_UNAVAILABLE', { reason: 'closed' }))
    if (looking !== null) {
      // What is under way may have read already: only another reading sees what stands there now.
      again = true
      return looking
    }
    cancelBeat()
    // Not in this tick: what a log calls back while it is asked must find that a reading is under way.
    looking = Promise.resolve().then(read).then(succeeded, failed)
    return looking
  }

  function succeeded(): Promise<void> | undefined {
    looking = null
    failures = 0
    first.resolve()
    if (again && state !== 'closed') return look()
    schedule(beatMs)
    return undefined
  }

  function failed(error: unknown): never {
    looking = null
    failures += 1
    // The first failure of a row is told; the rest are the same outage.
    if (failures === 1 && state !== 'closed') onError(error, 'revocations')
    schedule(Math.min(beatMs, MIN_RETRY_MS * 2 ** failures))
    first.resolve()
    throw error
  }

  function schedule(delayMs: number): void {
    cancelBeat()
    if (state === 'closed' || (!log.shared && failures === 0)) return
    cancelBeat = clock.setTimer(beat, Math.ceil(delayMs * (0.9 + 0.1 * Math.random())))
  }

  function beat(): void {
    listen()
    look().catch(() => {})
  }

  async function read(): Promise<void> {
    do {
      again = false
      await readOnce()
    } while (again && state !== 'closed')
  }

  async function readOnce(): Promise<void> {
    await flush()
    const expected = [...unread.values()]
    const startedMs = monotonicMs(clock)
    const sent = applied
    applied = []
    let found: LogState
    try {
      found = await inTime(log.sync({ node, maxStalenessMs, cursor, applied: sent, awaiting: [...awaiting] }))
    } catch (error) {
      applied = [...sent, ...applied]
      throw error
    }
    if (state === 'closed') return
    const answeredMs = monotonicMs(clock)
    if (found.rewound) reread = new Set()
    for (const { cursor: at, text } of found.entries) {
      take(text)
      cursor = at
    }
    lastReadMs = startedMs
    if (!found.more) {
      if (reread !== null) writeAgain(reread)
      reread = null
      becomeFresh(startedMs)
    }
    options.onState(found, startedMs, answeredMs)
    if (found.more || applied.length > 0 || outbox.size > 0) again = true
    // At the next heartbeat, not at once.
    if (!found.more) for (const entry of expected) if (unread.delete(entry.id)) void keep(entry).catch(() => {})
  }

  function take(text: string | null): void {
    const { entry, fault } = text === null ? { entry: null, fault: 'forged' } : readEntry(text, clock.now() / 1000)
    if (entry === null) {
      onError(new Error(`an entry of the revocation log was refused: ${fault}`), 'revocations')
      return
    }
    reread?.add(entry.id)
    unread.delete(entry.id)
    applied.push({ id: entry.id, closed: options.apply(entry, reread !== null) })
  }

  /** The log has lost entries, as after a failover or FLUSHALL: whoever still knows them gives them back. */
  function writeAgain(known: ReadonlySet<string>): void {
    for (const entry of options.inForce()) if (!known.has(entry.id)) void keep(entry).catch(() => {})
  }

  function keep(entry: Revocation): Promise<void> {
    const known = outbox.get(entry.id)
    if (known !== undefined) return known.kept.promise
    if (outbox.size >= MAX_OUTBOX) return Promise.reject(new AuthError('AUTH_UNAVAILABLE', { reason: 'outbox' }))
    const kept = settleable()
    kept.promise.catch(() => {})
    outbox.set(entry.id, { entry, kept })
    return kept.promise
  }

  async function flush(): Promise<void> {
    for (const [id, { entry, kept }] of outbox) {
      if (entry.expiresAt > clock.now() / 1000) {
        await inTime(log.append({ id, text: writeEntry(entry), expiresAt: entry.expiresAt }))
        unread.set(id, entry)
        options.onKept(id)
      }
      outbox.delete(id)
      kept.resolve()
    }
  }

  function inTime<T>(promise: Promise<T>): Promise<T> {
    return withDeadline(promise, beatMs, clock)
  }

  let listening = false
  function listen(): void {
    if (listening || unlisten !== null) return
    listening = true
    let late = false
    const stop = log.listen({
      appended: () => void look().catch(() => {}),
      applied: (id) => void (awaiting.has(id) && look().catch(() => {})),
      message: (text) => {
        if (text === null) onError(new Error('a message between nodes was refused: forged'), 'revocations')
        else options.onMessage(text)
      },
    })
    // What comes after the deadline would be heard twice.
    stop.then((unsubscribe) => (late ? unsubscribe() : undefined)).catch(() => {})
    inTime(stop)
      .then(
        (unsubscribe) => {
          unlisten = unsubscribe
          if (state === 'closed') void unsubscribe()
        },
        (error) => {
          late = true
          onError(error, 'revocations')
        },
      )
      .finally(() => {
        listening = false
      })
  }

  listen()
  look().catch(() => {})

  return {
    isFresh,
    async ready() {
      await first.promise
      if (isFresh()) return
      throw new AuthError('AUTH_UNAVAILABLE', { reason: state === 'closed' ? 'closed' : 'revocation_log' })
    },
    append(entry) {
      if (state === 'closed') return Promise.reject(new AuthError('AUTH_UNAVAILABLE', { reason: 'closed' }))
      const kept = keep(entry)
      look().catch(() => {})
      return kept
    },
    look,
    awaitApplied(id) {
      awaiting.add(id)
      return () => {
        awaiting.delete(id)
      }
    },
    publish: (text) => inTime(log.publish(text)),
    state() {
      // A timer that is late has not said so yet.
      isFresh()
      const lastReadMsAgo = lastReadMs === null ? null : Math.round(monotonicMs(clock) - lastReadMs)
      return { stage: state, sinceMs, failures, unwritten: outbox.size, lastReadMsAgo }
    },
    async close() {
      enter('closed')
      cancelBeat()
      cancelStale()
      first.resolve()
      for (const { kept } of outbox.values()) kept.reject(new AuthError('AUTH_UNAVAILABLE', { reason: 'closed' }))
      await unlisten?.().catch(() => {})
      await inTime(log.leave(node)).catch(() => {})
    },
  }
}

/** A promise that somebody else settles. */
interface Settleable {
  readonly promise: Promise<void>
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

function settleable(): Settleable {
  let resolve = () => {}
  let reject: (error: unknown) => void = () => {}
  const promise = new Promise<void>((yes, no) => {
    resolve = yes
    reject = no
  })
  return { promise, resolve, reject }
}
