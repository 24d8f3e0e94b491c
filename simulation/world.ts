/** Virtual time: one queue of everything that will happen, and processes that can be paused and killed. */

import { createQueue } from './queue.ts'

/** Something that happens at a moment. */
export interface Happening {
  readonly atMs: number
  readonly order: number
  readonly process: Process | null
  readonly kind: 'message' | 'timer'
  readonly fn: () => void
  cancelled: boolean
}

/** What can be paused and killed: nothing of it happens meanwhile. */
export interface Process {
  readonly name: string
  state: 'running' | 'paused' | 'dead'
  /** What came due while it was paused. */
  readonly missed: Happening[]
  /** Timers that are set; 0 when nothing was left behind. */
  timers: number
}

export interface World {
  readonly nowMs: number
  process(name: string): Process
  /** Something that nobody's pause holds up. Returns what takes it back. */
  after(delayMs: number, fn: () => void): () => void
  /** A message that reaches a process after so long. */
  message(process: Process, delayMs: number, fn: () => void): void
  timer(process: Process, delayMs: number, fn: () => void): () => void
  pause(process: Process): void
  /** All that came due is done before anything else: messages first, as by an event loop that polls before it looks at timers. */
  resume(process: Process): void
  kill(process: Process): void
  /** What happens next, until `endMs`; null when there is nothing more. Time moves to it. */
  next(endMs: number): Happening | null
}

export function createWorld(): World {
  const queue = createQueue<Happening>((one, other) => one.atMs - other.atMs || one.order - other.order)
  const ready: Happening[] = []
  let nowMs = 0
  let order = 0

  function add(process: Process | null, kind: Happening['kind'], delayMs: number, fn: () => void): Happening {
    order += 1
    const happening = { atMs: nowMs + Math.max(0, delayMs), order, process, kind, fn, cancelled: false }
    queue.push(happening)
    return happening
  }

  /** The next that is neither cancelled, nor of a process that is dead or paused. */
  function take(endMs: number): Happening | null {
    for (;;) {
      const first = ready.shift() ?? ((queue.first()?.atMs ?? Number.POSITIVE_INFINITY) <= endMs ? queue.shift() : null)
      if (first === null || first === undefined) return null
      const { process } = first
      if (first.cancelled || process?.state === 'dead') continue
      if (process?.state !== 'paused') return first
      process.missed.push(first)
    }
  }

  return {
    get nowMs() {
      return nowMs
    },
    process: (name) => ({ name, state: 'running', missed: [], timers: 0 }),
    after(delayMs, fn) {
      const happening = add(null, 'message', delayMs, fn)
      return () => {
        happening.cancelled = true
      }
    },
    message(process, delayMs, fn) {
      add(process, 'message', delayMs, fn)
    },
    timer(process, delayMs, fn) {
      process.timers += 1
      const happening = add(process, 'timer', delayMs, () => {
        process.timers -= 1
        happening.cancelled = true
        fn()
      })
      return () => {
        if (happening.cancelled) return
        happening.cancelled = true
        process.timers -= 1
      }
    },
    pause(process) {
      if (process.state === 'running') process.state = 'paused'
    },
    resume(process) {
      if (process.state !== 'paused') return
      process.state = 'running'
      const missed = process.missed.splice(0)
      ready.push(...missed.filter(({ kind }) => kind === 'message'), ...missed.filter(({ kind }) => kind === 'timer'))
    },
    kill(process) {
      process.state = 'dead'
      process.missed.length = 0
    },
    next(endMs) {
      const happening = take(endMs)
      nowMs = happening === null ? Math.max(nowMs, endMs) : Math.max(nowMs, happening.atMs)
      return happening
    },
  }
}
