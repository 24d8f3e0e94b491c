/** Letting go of every connection, one after another, so that thousands of clients do not come back at once. */

import { type Clock, monotonicMs } from '../core/clock.ts'
import { refusalOf } from '../errors.ts'
import { CLOSED, type Refusal } from '../protocol.ts'
import type { Connection } from './connection.ts'
import { cut } from './cut.ts'
import type { Guard } from './guard.ts'
import { notify } from './packet.ts'

/** How a node lets go. Milliseconds, each at most an hour. */
export interface DrainOptions {
  /** Over how long the connections are let go, evenly and in random order. Default 10,000. */
  readonly overMs?: number
  /** How long before the first is let go: until the balancer has seen that this node is not ready. Default 0. */
  readonly graceMs?: number
}

/** What came of a drain. */
export interface Drained {
  /** Connections that were let go. */
  readonly released: number
  /** Of those, how many did not close by themselves and were cut. */
  readonly cut: number
  /** Connections that left on their own meanwhile. */
  readonly departed: number
  readonly tookMs: number
}

export interface Drain {
  isDraining(): boolean
  /** When it began, by the monotonic clock; null while it has not. */
  readonly sinceMs: number | null
  /** A second call is the same drain, whatever its options. @throws TypeError quoting the option */
  start(options: DrainOptions): Promise<Drained>
  /** To be told of every connection that opens. */
  opened(connection: Connection): void
  /** Lets go of all that are left, and settles. */
  end(): void
  /** True for a connection that has been told to go, and is about to close. */
  hasReleased(connection: Connection): boolean
}

export interface DrainParts {
  readonly clock: Clock
  readonly guard: () => Guard
  readonly connections: () => Iterable<Connection>
  readonly random?: () => number
}

const OVER_MS = 10_000
const MAX_MS = 3_600_000
/** Letting go of one takes some 50 µs; after so many, everybody else has a turn. */
const SLICE = 50
const LEAST_STEP_MS = 5
/** How long a connection may take to close, once told. */
const LAST_WORD_MS = 2_000
/** Told to each client: when to come back. It is spread over the drain already. */
const RETRY_AFTER_MS = 250
const RETRY_JITTER_MS = 750

export function createDrain({ clock, guard, connections, random = Math.random }: DrainParts): Drain {
  const waiting: Connection[] = []
  /** Told to go, and not closed yet. */
  const released = new Set<Connection>()
  let state: 'idle' | 'draining' | 'done' = 'idle'
  let sinceMs: number | null = null
  let promise: Promise<Drained> | null = null
  let settle: (drained: Drained) => void = () => {}
  let cancel = () => {}
  /** A connection may close while it is being let go, before the next of its slice. */
  let isStepping = false
  const counts = { released: 0, cut: 0, departed: 0 }

  function release(connection: Connection): void {
    if (connection.closed) {
      counts.departed += 1
      return
    }
    counts.released += 1
    released.add(connection)
    const retryAfterMs = Math.round(RETRY_AFTER_MS + random() * RETRY_JITTER_MS)
    const refusal: Refusal = { ...refusalOf('AUTH_UNAVAILABLE'), retryAfterMs }
    for (const { socket, state: stage } of guard().registry.ofConnection(connection)) {
      if (stage === 'connected') notify(socket, CLOSED, refusal)
    }
    connection.engineSocket.once('close', () => {
      released.delete(connection)
      if (state === 'draining' && !isStepping && waiting.length === 0 && released.size === 0) finish()
    })
    // Not `socket.disconnect()`: after that, Socket.IO's own client does not come back by itself.
    connection.engineSocket.close()
  }

  /** `untilMs` is when the last is let go, and `lastMs` when the last step was, by the monotonic clock. */
  function step(untilMs: number, lastMs: number): void {
    const nowMs = monotonicMs(clock)
    const leftMs = untilMs - nowMs
    const stepMs = Math.max(LEAST_STEP_MS, leftMs / Math.max(1, waiting.length))
    // A busy node's steps come late. For all the time since the last one: otherwise most would be let go together, at the very end.
    const spanMs = Math.max(stepMs, nowMs - lastMs)
    // As many as keep the pace; those that opened meanwhile are among them.
    const due = leftMs <= 0 ? waiting.length : Math.ceil((waiting.length * spanMs) / (spanMs + leftMs))
    isStepping = true
    for (const connection of waiting.splice(0, Math.min(SLICE, due))) release(connection)
    isStepping = false
    if (waiting.length > 0) {
      const nextMs = leftMs <= 0 ? 0 : Math.min(leftMs, stepMs)
      cancel = clock.setTimer(() => step(untilMs, nowMs), Math.ceil(nextMs))
    } else if (released.size === 0) {
      finish()
    } else {
      cancel = clock.setTimer(cutRest, LAST_WORD_MS)
    }
  }

  function cutRest(): void {
    for (const { engineSocket } of [...released]) {
      counts.cut += 1
      cut(engineSocket)
    }
    finish()
  }

  function finish(): void {
    if (state !== 'draining') return
    state = 'done'
    cancel()
    settle({ ...counts, tookMs: Math.round(monotonicMs(clock) - (sinceMs ?? 0)) })
  }

  return {
    isDraining: () => state !== 'idle',
    get sinceMs() {
      return sinceMs
    },
    start(options) {
      const { overMs, graceMs } = resolve(options)
      if (promise !== null) return promise
      promise = new Promise((resolved) => {
        settle = resolved
      })
      state = 'draining'
      sinceMs = monotonicMs(clock)
      waiting.push(...shuffled([...connections()], random))
      const untilMs = sinceMs + graceMs + overMs
      const startMs = sinceMs + graceMs
      cancel = clock.setTimer(() => step(untilMs, startMs), graceMs)
      return promise
    },
    opened(connection) {
      if (state === 'draining' && waiting.length > 0) {
        waiting.splice(Math.floor(random() * (waiting.length + 1)), 0, connection)
      } else if (state !== 'idle') {
        // Engine.IO is still opening it.
        clock.setTimer(() => release(connection), 0)
      }
    },
    end() {
      if (state !== 'draining') return
      isStepping = true
      for (const connection of waiting.splice(0)) release(connection)
      finish()
    },
    hasReleased: (connection) => released.has(connection),
  }
}

function resolve(options: DrainOptions): Required<DrainOptions> {
  if (typeof options !== 'object' || options === null) throw new TypeError('drain: the options must be an object')
  const { overMs = OVER_MS, graceMs = 0, ...others } = options
  for (const option of Object.keys(others)) throw new TypeError(`"${option}" is not an option of drain`)
  for (const [option, value] of Object.entries({ overMs, graceMs })) {
    if (!(typeof value === 'number' && value >= 0 && value <= MAX_MS)) {
      throw new TypeError(`"${option}" must be a number of milliseconds from 0 to ${MAX_MS}`)
    }
  }
  return { overMs, graceMs }
}

/** Fisher and Yates. */
function shuffled<Item>(items: Item[], random: () => number): Item[] {
  for (let i = items.length - 1; i > 0; i -= 1) {
    const j = Math.floor(random() * (i + 1))
    const [a, b] = [items[i] as Item, items[j] as Item]
    items[i] = b
    items[j] = a
  }
  return items
}
