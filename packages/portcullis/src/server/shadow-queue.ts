/** Work that may be late and may be left out: a few at a time, after everything else, and never more than a bound. */

export interface ShadowQueue {
  /** Takes one of the places. False when all are taken: then nothing may be put in. */
  reserve(): boolean
  /** Gives a place back that was reserved for nothing. */
  release(): void
  /** Does the work in a later tick, and gives its place back. `work` must not reject. */
  put(work: () => Promise<void>): void
  close(): void
}

/** Requests that wait or are being asked, with copies of what was sent. */
const MAX_WAITING = 256
const CONCURRENT = 8

export function createShadowQueue(): ShadowQueue {
  const waiting: (() => Promise<void>)[] = []
  let taken = 0
  let running = 0
  let scheduled = false
  let closed = false

  function schedule(): void {
    if (scheduled || closed || waiting.length === 0 || running >= CONCURRENT) return
    scheduled = true
    setImmediate(run)
  }

  /** One in each tick: rules that are not asynchronous hold up nobody for longer than one of them takes. */
  function run(): void {
    scheduled = false
    const work = closed ? undefined : waiting.shift()
    if (work === undefined) return
    running += 1
    void work().then(() => {
      running -= 1
      taken -= 1
      schedule()
    })
    schedule()
  }

  return {
    reserve() {
      if (closed || taken >= MAX_WAITING) return false
      taken += 1
      return true
    },
    release() {
      taken -= 1
    },
    put(work) {
      waiting.push(work)
      schedule()
    },
    close() {
      closed = true
      waiting.length = 0
    },
  }
}
