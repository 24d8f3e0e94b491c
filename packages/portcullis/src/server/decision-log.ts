/** `decisionLog`: the last decisions of this node, to read, to search and to follow. */

import { randomBytes } from 'node:crypto'
import type { AuditEvent, AuditSink } from '../core/audit.ts'
import {
  createDecisionRing,
  type DecisionPage,
  type DecisionRing,
  type ReadOptions,
  readRing,
} from '../core/decision-log.ts'

/** Hears of decisions in order, some at a time; `missed` were overwritten before it could hear of them. */
export type DecisionListener = (events: readonly AuditEvent[], missed: number) => unknown

/** What is kept of the decisions of one node. Holds what audit events hold: no credential, no cookie, no claim. */
export interface DecisionLog {
  /** For `createAuth({ audit })`. */
  readonly sink: AuditSink
  /**
   * The latest decisions, or those after a cursor, the oldest first.
   *
   * @throws TypeError quoting the option
   */
  read(options?: ReadOptions): DecisionPage
  /** The decision with this id, while it is kept. Looks at all that is kept. */
  find(id: string): AuditEvent | null
  /**
   * Calls the listener with what is decided from now on: in a later tick, at most 256 events at a time, and not before the promise
   * that it may have returned is settled. What is overwritten meanwhile it misses. What it throws is ignored.
   */
  subscribe(listener: DecisionListener): () => void
  /** How many events listeners have missed, all together. */
  readonly dropped: number
  /** How many events are kept at the moment. */
  readonly size: number
}

/** Options of `decisionLog`. */
export interface DecisionLogOptions {
  /** How many decisions are kept; some 500 bytes each. 1 to 1,000,000, default 4,096. */
  readonly capacity?: number
}

interface Listening {
  readonly listener: DecisionListener
  /** The place of the next event that it is to hear of. */
  place: number
  dropped: number
  busy: boolean
}

const DEFAULT_CAPACITY = 4_096
const MAX_CAPACITY = 1_000_000
const BATCH = 256

/**
 * Keeps the last decisions in memory. Writing one costs the same however many are kept and whoever listens.
 *
 * @throws TypeError quoting the option
 * @example
 * const log = decisionLog()
 * const auth = createAuth({ origins, strategies, audit: log.sink })
 * log.read({ effect: 'deny', limit: 20 })
 */
export function decisionLog(options: DecisionLogOptions = {}): DecisionLog {
  const ring = createDecisionRing(capacityOf(options))
  const name = randomBytes(6).toString('base64url')
  const listening = new Set<Listening>()
  let scheduled = false
  let droppedByFormer = 0

  function schedule(): void {
    if (scheduled) return
    scheduled = true
    setImmediate(tellAll)
  }

  function tellAll(): void {
    scheduled = false
    for (const one of listening) if (!one.busy && one.place < ring.end) tell(one)
  }

  function tell(one: Listening): void {
    const missed = missedBy(ring, one)
    const start = one.place + missed
    const end = Math.min(ring.end, start + BATCH)
    const events: AuditEvent[] = []
    for (let place = start; place < end; place += 1) events.push(ring.at(place) as AuditEvent)
    one.place = end
    one.dropped += missed
    one.busy = true
    const done = () => {
      one.busy = false
      if (listening.has(one) && one.place < ring.end) schedule()
    }
    // Within the chain, so that what a listener throws at once ends as what its promise rejects with.
    Promise.resolve(events)
      .then((batch) => (listening.has(one) ? one.listener(batch, missed) : undefined))
      .then(done, done)
  }

  return {
    sink(event) {
      ring.push(event)
      if (listening.size > 0 && !scheduled) schedule()
    },
    read: (readOptions = {}) => readRing(ring, name, readOptions),
    find(id) {
      for (let place = ring.end - 1; place >= ring.oldest; place -= 1) {
        const event = ring.at(place)
        if (event?.id === id) return event
      }
      return null
    },
    subscribe(listener) {
      if (typeof listener !== 'function') throw new TypeError('subscribe: the listener must be a function')
      const one: Listening = { listener, place: ring.end, dropped: 0, busy: false }
      listening.add(one)
      return () => {
        if (listening.delete(one)) droppedByFormer += one.dropped
      }
    },
    get dropped() {
      let sum = droppedByFormer
      for (const one of listening) sum += one.dropped + missedBy(ring, one)
      return sum
    },
    get size() {
      return ring.end - ring.oldest
    },
  }
}

function missedBy(ring: DecisionRing, { place }: Listening): number {
  return Math.max(0, ring.oldest - place)
}

function capacityOf(options: DecisionLogOptions): number {
  for (const option of Object.keys(options)) {
    if (option !== 'capacity') throw new TypeError(`"${option}" is not an option of decisionLog`)
  }
  const { capacity = DEFAULT_CAPACITY } = options
  if (!Number.isInteger(capacity) || capacity < 1 || capacity > MAX_CAPACITY) {
    throw new TypeError(`"capacity" must be a whole number from 1 to ${MAX_CAPACITY}`)
  }
  return capacity
}
